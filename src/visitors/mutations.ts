// What an end customer can do on his own side, and the tokens by which others let him.
import { createVisitorToken } from '../access/tokens.ts';
import { sayTyping } from '../events/signals.ts';
import { idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId } from '../platform/ids.ts';
import { uuidFrom } from '../workspaces/input.ts';
import * as actions from './actions.ts';
import { Visitor, VisitorConversation, VisitorMessage } from './fields.ts';

const clientId = {
  type: 'String', required: true,
  description: 'Made by you, unique for the visitor: 1 to 100 of `A-Z a-z 0-9 _ . : -`. The same id again changes nothing and answers the same.',
} as const;
const messageId = { type: idOf('vmg'), required: true } as const;
const messageFrom = (input: { messageId: string }): string => uuidFrom('vmg', input.messageId, 'messageId');
const messagePayload = { message: { type: () => VisitorMessage, description: 'The message as it is now.' } };
const startedPayload = {
  visitor: { type: () => Visitor, description: 'The visitor. Shown from the next request on, with the new token; null in this answer when it is his first.' },
  visitorId: { type: 'ID' as const, description: 'The visitor’s id: `vis_…`.' },
  token: { type: 'String' as const, description: 'The visitor’s token: send it as `Authorization: Bearer …` from now on, in place of what you sent.' },
  expiresAt: { type: 'DateTime' as const, description: 'When the token ends. Call `startChat` with it before that, to get a fresh one.' },
};
const started = ({ token, expiresAt, identityId }: actions.Started) => ({ visitor: identityId, visitorId: publicId('vis', identityId), token, expiresAt });

mutation('startChat', {
  description: 'With a publishable key: makes a visitor and gives his token. With a visitor’s token: gives the same visitor a fresh one. Not in an app, whose users are identified.',
  permission: 'visitor:self',
  input: {
    clientId: { ...clientId, required: false },
    name: { type: 'String', description: 'What he calls himself, at most 320 characters.' },
    email: { type: 'String', description: 'The e-mail address that he typed: a claim, which joins him to nobody and shows him nothing.' },
    phone: { type: 'String', description: 'The telephone number that he typed: a claim too.' },
    fields: { type: 'JSON', description: 'What else the form asked, by key: `{ "order": "48821" }`. Texts of at most 2,000 characters.' },
  },
  payload: startedPayload,
  run: async (tx, { viewer }, { clientId: client, name, email, phone, fields }) => {
    if (fields != null && (typeof fields !== 'object' || Array.isArray(fields))) throw new Refusal('INVALID_INPUT', '`fields` is an object of texts.', { field: ['fields'] });
    const isFilled = [name, email, phone, fields].some((value) => value != null);
    return started(await actions.startChat(tx, viewer, { clientId: client, form: isFilled ? { name, email, phone, fields } : null }));
  },
});

mutation('identifyVisitor', {
  description: 'Says who the visitor is, by a token that your backend signed with the chat account’s key (algorithm and key are the account’s; `aud` is its id, `sub` your customer’s id, `exp` at most 24 hours away; `name`, `email`, `email_verified`, `phone_number` if you like). Give it a visitor’s token or a publishable key.',
  permission: 'visitor:self',
  input: { clientId, token: { type: 'String', required: true, description: 'The signed token of your backend.' } },
  payload: startedPayload,
  run: async (tx, { viewer }, input) => started(await actions.identifyVisitor(tx, viewer, input)),
});

mutation('sendVisitorMessage', {
  description: 'Says something. It joins the visitor’s open matter, or begins one.',
  permission: 'visitor:self',
  input: {
    clientId,
    text: { type: 'String', required: true, description: 'What he says, at most 20,000 characters; may be empty beside files.' },
    files: { type: 'String', list: true, description: 'What `POST /uploads` answered as `file` to his own token, a text a file; at most 10.' },
    replyToId: { type: idOf('vmg'), description: 'The message that it answers.' },
  },
  payload: { message: { type: () => VisitorMessage, description: 'The message; null while it waits for something that he did before. It is safe then, and the subscription brings it.' } },
  run: async (tx, { viewer }, input) => {
    const replyToId = input.replyToId == null ? null : uuidFrom('vmg', input.replyToId, 'replyToId');
    return { message: (await actions.sendVisitorMessage(tx, viewer, { clientId: input.clientId, text: input.text, files: input.files, replyToId })).messageId };
  },
});

mutation('editVisitorMessage', {
  description: 'Changes the text of one of his messages. Agents see that it was edited, and what it said before.',
  permission: 'visitor:self',
  input: { clientId, messageId: { ...messageId, description: 'The message, one that he wrote.' }, text: { type: 'String', required: true, description: 'The new text, at most 20,000 characters.' } },
  payload: messagePayload,
  run: async (tx, { viewer }, input) => {
    await actions.editVisitorMessage(tx, viewer, { ...input, messageId: messageFrom(input) });
    return { message: messageFrom(input) };
  },
});

mutation('deleteVisitorMessage', {
  description: 'Takes one of his messages back. Twice is once.',
  permission: 'visitor:self',
  input: { clientId, messageId: { ...messageId, description: 'The message, one that he wrote.' } },
  payload: messagePayload,
  run: async (tx, { viewer }, input) => {
    await actions.deleteVisitorMessage(tx, viewer, { ...input, messageId: messageFrom(input) });
    return { message: messageFrom(input) };
  },
});

mutation('markVisitorSeen', {
  description: 'He has seen everything of the team up to a message.',
  permission: 'visitor:self',
  input: { clientId, messageId: { ...messageId, description: 'The last message that he has seen.' } },
  payload: { conversation: { type: () => VisitorConversation, description: 'The matter that it belongs to.' } },
  run: async (tx, { viewer }, input) => ({ conversation: (await actions.markVisitorSeen(tx, viewer, { ...input, messageId: messageFrom(input) })).conversationId }),
});

mutation('setVisitorTyping', {
  description: 'Tells the team that he types. Say so again every 4 seconds while it lasts; it is never stored.',
  permission: 'visitor:self',
  input: {
    conversationId: { type: idOf('vcn'), required: true, description: 'The matter.' },
    isTyping: { type: 'Boolean', required: true, description: 'False: he stopped.' },
  },
  payload: { conversation: { type: () => VisitorConversation, description: 'The matter.' } },
  run: async (tx, { viewer, actor }, input) => {
    const conversationId = uuidFrom('vcn', input.conversationId, 'conversationId');
    await actions.mustTakePart(tx, viewer, conversationId);
    sayTyping(viewer.workspaceId, conversationId, { actor: { kind: actor.kind, id: actor.id }, isTyping: input.isTyping });
    return { conversation: conversationId };
  },
});

mutation('visitorPage', {
  description: 'Tells which page he looks at. It begins no conversation.',
  permission: 'visitor:self',
  input: {
    clientId,
    url: { type: 'String', required: true, description: 'The page’s address, at most 2,000 characters.' },
    title: { type: 'String', description: 'The page’s title, at most 320 characters.' },
  },
  payload: { visitor: { type: () => Visitor, description: 'The visitor.' } },
  run: async (tx, { viewer }, input) => {
    await actions.visitorPage(tx, viewer, input);
    return { visitor: viewer.identityIds[0] };
  },
});

mutation('createVisitorToken', {
  description: 'A token for a visitor who exists, made by your backend: for pages that it renders for him.',
  permission: 'keys:write',
  input: {
    identityId: { type: idOf('idn'), required: true, description: 'The visitor’s address, of kind VISITOR.' },
    ttlMs: { type: 'Milliseconds', description: 'How long it lives, in milliseconds: 1,000 to 2,592,000,000 (30 days). Default: 24 hours.' },
  },
  payload: {
    tokenId: { type: 'ID', description: 'Names the token to `revokeToken`: `tok_…`.' },
    token: { type: 'String', description: 'The visitor’s token. It is shown this once.' },
    expiresAt: { type: 'DateTime', description: 'When it ends.' },
  },
  run: async (tx, { actor }, input) => {
    const identityId = uuidFrom('idn', input.identityId, 'identityId');
    const [row] = await tx<{ accountId: string }[]>`
      select a.id as account_id from identities i
      join channel_accounts a on a.workspace_id = i.workspace_id and i.namespace = 'cha_' || replace(a.id::text, '-', '')
      where i.workspace_id = ${actor.workspaceId} and i.id = ${identityId} and i.kind = 'VISITOR' and i.valid_to is null`;
    if (!row) throw new Refusal('NOT_FOUND', 'There is no such visitor in this workspace.', { field: ['identityId'] });
    const issued = await createVisitorToken(tx, actor, { accountId: row.accountId, identityId, ttlMs: input.ttlMs ?? undefined });
    return { tokenId: publicId('tok', issued.tokenId), token: issued.token, expiresAt: issued.expiresAt };
  },
});
