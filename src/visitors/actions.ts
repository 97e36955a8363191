// What a visitor does. Each is one transaction: the delivery that it makes (channels/live-chat) and, where its lane is free, its effect.
import { randomBytes } from 'node:crypto';
import { BadToken, createVisitorToken, type IssuedToken } from '../access/tokens.ts';
import type { Actor, Viewer } from '../access/viewer.ts';
import { secretsOf } from '../channels/accounts.ts';
import { Unparsable, type ObservedAddress, type Parsed, type RawRequest } from '../channels/channel.ts';
import { messageKey, type ChatDelivery, type OwnChannel } from '../channels/live-chat/delivery.ts';
import { identifiedBy, type Identified } from '../channels/live-chat/identification.ts';
import type { LiveChatSecrets, LiveChatSettings } from '../channels/live-chat/provider.ts';
import { providerNamed } from '../channels/registry.ts';
import { lockOwners } from '../identities/customers.ts';
import { usable } from '../identities/linking.ts';
import { moveIdentities } from '../identities/move.ts';
import { identitiesAt, lockAddresses } from '../identities/owners.ts';
import { resolveIdentity } from '../identities/resolve.ts';
import type { Applied } from '../inbound/apply.ts';
import { applyWithin, lockLane } from '../inbound/drain.ts';
import { storeDelivery } from '../inbound/receive.ts';
import { holdBlobs } from '../messages/files.ts';
import { uploadedBy } from '../messages/uploads.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId } from '../platform/ids.ts';
import { keyedHash } from '../platform/secrets.ts';

interface Chat {
  workspaceId: string;
  accountId: string;
  channel: OwnChannel;
  /** `cha_…`: how deliveries name it. */
  account: string;
  endpointId: string;
  settings: LiveChatSettings;
}
interface Visitor {
  identityId: string;
  /** The value of his identity. */
  id: string;
  name: string | null;
}
type Said = ChatDelivery extends infer One ? (One extends ChatDelivery ? Omit<One, 'channel' | 'account' | 'visitor'> : never) : never;

export interface Form {
  name?: string | null;
  email?: string | null;
  phone?: string | null;
  fields?: Record<string, string> | null;
}
export interface Started extends IssuedToken {
  identityId: string;
}

/**
 * With a publishable key: a new visitor, and his first token. With a visitor's token: a fresh token for the same visitor (`form` is then what
 * he adds). What the form says of his addresses is claimed, whatever it is.
 * @throws Refusal INVALID_INPUT, NOT_SENDABLE when the chat is closed, FORBIDDEN in an app, whose users are always identified
 */
export async function startChat(tx: Tx, viewer: Viewer, input: { clientId?: string | null; form?: Form | null }): Promise<Started> {
  const chat = await openChat(tx, viewer);
  if (chat.channel === 'in_app') throw new Refusal('FORBIDDEN', 'Who writes from an app is known to it: call identifyVisitor with a token that your backend signed for him, and again before ours ends.');
  const { workspaceId } = viewer;
  let identityIds = [...viewer.identityIds];
  if (identityIds.length === 0) {
    const address = visitorAddress(chat, randomBytes(16).toString('hex'));
    const made = await resolveIdentity(tx, { workspaceId, actor: viewer.actor, addresses: [address], accountId: chat.accountId, at: now() });
    identityIds = [made.identityId];
  }
  const actor: Actor = { workspaceId, kind: 'CUSTOMER', id: identityIds[0]! };
  if (input.form) {
    const { name = null, email = null, phone = null, fields } = input.form;
    await deliver(tx, chat, await visitorOf(tx, workspaceId, identityIds[0]!), {
      type: 'form', clientId: input.clientId ?? randomBytes(16).toString('hex'), name, email, phone, fields: fields ?? {},
    });
  }
  const issued = await createVisitorToken(tx, actor, { accountId: chat.accountId, identityId: identityIds[0]!, alsoIdentityIds: identityIds.slice(1) });
  return { ...issued, identityId: identityIds[0]! };
}

/**
 * The company's backend says who the visitor is. From then on he is the visitor of that customer, the same on all of his devices; what he wrote
 * here before, as nobody yet, becomes the customer's. The answer's token replaces the one that he had.
 * @throws Refusal INVALID_INPUT for a token that isn't valid for this chat; NOT_SENDABLE; OVERLOADED when an earlier act of his is still on its way
 */
export async function identifyVisitor(tx: Tx, viewer: Viewer, input: { clientId: string; token: string }): Promise<Started> {
  const chat = await openChat(tx, viewer);
  const { workspaceId } = viewer;
  const known = await identifiedOf(tx, chat, input.token);
  const system = chat.settings.externalSystem ?? chat.account;
  const visitorId = keyedHash(`visitor ${workspaceId} ${chat.accountId} ${system} ${known.externalId}`).toString('hex').slice(0, 32);

  const applied = await deliver(tx, chat, { identityId: '', id: visitorId, name: known.name }, {
    type: 'identify', clientId: input.clientId, externalId: known.externalId, system, name: known.name, email: known.email, emailVerified: known.emailVerified, phone: known.phone,
  }, (addresses) => lockPeople(tx, workspaceId, addresses, viewer.identityIds));
  if (applied.some((one) => one === null)) throw new Refusal('OVERLOADED', 'Something that this visitor did before is still on its way; try again.');
  const [identity] = await tx<{ id: string; customerId: string }[]>`
    select id, customer_id from identities
    where workspace_id = ${workspaceId} and kind = 'VISITOR' and namespace = ${chat.account} and value = ${visitorId} and valid_to is null`;
  const also = await adopt(tx, chat, identity!, viewer);
  const actor: Actor = { workspaceId, kind: 'CUSTOMER', id: identity!.id };
  const issued = await createVisitorToken(tx, actor, { accountId: chat.accountId, identityId: identity!.id, alsoIdentityIds: also });
  return { ...issued, identityId: identity!.id };
}

/**
 * Whoever the addresses may lead to, and whoever the visitor was before, in the order of all locks (addresses, then customers in id order): what
 * identifying finds locked it needn't lock once events are written.
 */
async function lockPeople(tx: Tx, workspaceId: string, observed: readonly ObservedAddress[], identityIds: Iterable<string>): Promise<void> {
  const addresses = usable(observed).map(({ address }) => address);
  await lockAddresses(tx, workspaceId, addresses);
  const known = await identitiesAt(tx, workspaceId, addresses);
  await lockOwners(tx, workspaceId, [...identityIds, ...known.map(({ id }) => id)]);
}

/**
 * What the visitor was on this device before he was identified: those identities that are nobody's yet move to his customer, and stay readable.
 * A browser is shared: as soon as one of them is somebody's (its customer has an address or an id of any kind, or a claim of it was confirmed),
 * nothing moves, and he begins anew. The caller holds the customers' locks (`lockPeople`).
 */
async function adopt(tx: Tx, chat: Chat, to: { id: string; customerId: string }, viewer: Viewer): Promise<string[]> {
  const { workspaceId } = viewer;
  const before = await tx<{ id: string; customerId: string; selfId: string; isNobody: boolean; isAlone: boolean }[]>`
    select i.id, i.customer_id, c.self_identity_id as self_id,
      not exists (select from identities o where o.workspace_id = i.workspace_id and o.customer_id = i.customer_id
                    and o.id <> c.self_identity_id and o.kind <> 'VISITOR')
      and not exists (select from identities o join claims k on k.workspace_id = o.workspace_id and k.claimant_identity_id = o.id
                        where o.workspace_id = i.workspace_id and o.customer_id = i.customer_id and k.state = 'CONFIRMED') as is_nobody,
      not exists (select from identities o where o.workspace_id = i.workspace_id and o.customer_id = i.customer_id
                    and o.id not in (i.id, c.self_identity_id)) as is_alone
    from identities i join customers c on c.workspace_id = i.workspace_id and c.id = i.customer_id
    where i.workspace_id = ${workspaceId} and i.id = any(${[...viewer.identityIds]}::uuid[]) and i.id <> ${to.id}`;
  if (before.some((one) => one.customerId !== to.customerId && !one.isNobody)) return [];
  for (const one of before) {
    if (one.customerId === to.customerId) continue;
    // A customer of whom nothing else is left goes along, so that his id and his notes lead to the one that he is now.
    const identityIds = one.isAlone ? [one.id, one.selfId] : [one.id];
    await moveIdentities(tx, { workspaceId, actor: viewer.actor, identityIds, toCustomerId: to.customerId, reason: 'IDENTIFIED', evidence: { accountId: chat.accountId } });
  }
  return before.map((one) => one.id);
}

/** @returns the message; null when it waits behind something of his that is still on its way. The same `clientId` again gives the same message. */
export async function sendVisitorMessage(tx: Tx, viewer: Viewer, input: { clientId: string; text: string; files?: readonly string[] | null; replyToId?: string | null }): Promise<{ messageId: string | null }> {
  const chat = await openChat(tx, viewer);
  const visitor = await visitorOf(tx, viewer.workspaceId, viewer.identityIds[0]);
  const files = uploadedBy(viewer.workspaceId, viewer.identityIds, input.files ?? []).map(({ sha256, mime, filename, size }) => ({ sha256, mime, filename, size }));
  if (input.text.trim() === '' && files.length === 0) throw new Refusal('INVALID_INPUT', 'The message has neither a text nor a file.', { field: ['text'] });
  // A message of ours that is still on its way to the chat gets this very id (the provider's `send`).
  const replyTo = input.replyToId == null ? null : ((await ownMessage(tx, viewer, input.replyToId)).providerMessageId ?? publicId('msg', input.replyToId));
  const [applied] = await deliver(tx, chat, visitor, { type: 'message', clientId: input.clientId, text: input.text.trim() === '' ? '' : input.text, files, replyTo });
  if (files.length > 0 && applied?.state !== 'DUPLICATE') await holdBlobs(tx, viewer.workspaceId, files.map(({ sha256 }) => sha256));
  if (applied?.messageId) return { messageId: applied.messageId };
  const [row] = await tx<{ id: string }[]>`
    select id from messages where workspace_id = ${viewer.workspaceId} and account_id = ${chat.accountId} and provider_message_id = ${messageKey(visitor.id, input.clientId)}`;
  return { messageId: row?.id ?? null };
}

/** @throws Refusal NOT_FOUND when the message isn't one that he wrote; INVALID_TRANSITION when it is deleted */
export async function editVisitorMessage(tx: Tx, viewer: Viewer, input: { clientId: string; messageId: string; text: string }): Promise<void> {
  if (input.text.trim() === '') throw new Refusal('INVALID_INPUT', 'The message has no text; delete it instead.', { field: ['text'] });
  const message = await writtenMessage(tx, viewer, input.messageId);
  if (message.deletedAt !== null) throw new Refusal('INVALID_TRANSITION', 'The message was deleted, so it cannot be edited.', { field: ['messageId'] });
  await deliver(tx, await openChat(tx, viewer), await visitorOf(tx, viewer.workspaceId, message.identityId), { type: 'edit', clientId: input.clientId, target: message.clientId, text: input.text });
}

/** Twice is once. @throws Refusal NOT_FOUND when the message isn't one that he wrote */
export async function deleteVisitorMessage(tx: Tx, viewer: Viewer, input: { clientId: string; messageId: string }): Promise<void> {
  const message = await writtenMessage(tx, viewer, input.messageId);
  if (message.deletedAt !== null) return;
  await deliver(tx, await openChat(tx, viewer), await visitorOf(tx, viewer.workspaceId, message.identityId), { type: 'delete', clientId: input.clientId, target: message.clientId });
}

/** Everything of ours up to the message was seen. @throws Refusal NOT_FOUND */
export async function markVisitorSeen(tx: Tx, viewer: Viewer, input: { clientId: string; messageId: string }): Promise<{ conversationId: string }> {
  const message = await ownMessage(tx, viewer, input.messageId);
  const visitor = await visitorOf(tx, viewer.workspaceId, message.identityId);
  await deliver(tx, await openChat(tx, viewer), visitor, { type: 'seen', clientId: input.clientId, upTo: publicId('msg', input.messageId) });
  return message;
}

/** The visitor looks at a page. Kept as a delivery; it opens nothing. */
export async function visitorPage(tx: Tx, viewer: Viewer, input: { clientId: string; url: string; title?: string | null }): Promise<void> {
  const visitor = await visitorOf(tx, viewer.workspaceId, viewer.identityIds[0]);
  await deliver(tx, await openChat(tx, viewer), visitor, { type: 'page', clientId: input.clientId, url: input.url, title: input.title ?? null });
}

/** A conversation of his. @throws Refusal NOT_FOUND */
export async function mustTakePart(tx: Tx, viewer: Viewer, conversationId: string): Promise<void> {
  const [row] = await tx`select 1 from conversation_participants
    where workspace_id = ${viewer.workspaceId} and conversation_id = ${conversationId} and identity_id = any(${[...viewer.identityIds]}::uuid[]) limit 1`;
  if (!row) throw new Refusal('NOT_FOUND', 'There is no such conversation.', { field: ['conversationId'] });
}

/**
 * Stores what the visitor did and lets it take effect. An event that has to wait is null. `lock` takes what else the transaction needs, after the
 * lane and before anything is applied; it is given the addresses that the events name.
 */
async function deliver(tx: Tx, chat: Chat, visitor: Visitor, said: Said, lock?: (addresses: ObservedAddress[]) => Promise<void>): Promise<(Applied | null)[]> {
  const delivery = { ...said, channel: chat.channel, account: chat.account, visitor: { id: visitor.id, name: visitor.name } };
  const request: RawRequest = {
    method: 'POST', url: '/graphql', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(delivery)),
  };
  const parsed = await parse(chat.channel, request);
  const { events } = await storeDelivery(tx, chat.workspaceId, { endpointId: chat.endpointId, source: 'HTTP', request, parsed, unparsed: null });
  if (lock) {
    for (const lane of new Set(events.map((event) => event.lane))) await lockLane(tx, chat.workspaceId, lane);
    await lock(parsed.events.flatMap(({ senders, identityChange }) => [...senders, ...(identityChange?.to ? [identityChange.to] : []), ...(identityChange?.also ?? [])]));
  }
  const applied: (Applied | null)[] = [];
  for (const event of events) applied.push(await applyWithin(tx, chat.workspaceId, event));
  return applied;
}

async function parse(channel: OwnChannel, request: RawRequest): Promise<Parsed> {
  try {
    return await providerNamed('throughline', channel).parse(request);
  } catch (error) {
    // `field: what is wrong`, with the names of the mutations' inputs.
    if (error instanceof Unparsable) throw new Refusal('INVALID_INPUT', error.message, { field: [/^(\w+)/.exec(error.message)?.[1] ?? 'input'] });
    throw error;
  }
}

/** The visitor's chat. @throws Refusal NOT_SENDABLE when it is closed */
async function openChat(tx: Tx, viewer: Viewer): Promise<Chat> {
  const [row] = await tx<{ id: string; channel: Uppercase<OwnChannel>; endpointId: string; settings: LiveChatSettings; state: string }[]>`
    select id, channel, endpoint_id, settings, state from channel_accounts
    where workspace_id = ${viewer.workspaceId} and id = ${viewer.accountId} and channel in ('LIVE_CHAT', 'IN_APP')`;
  if (row?.state !== 'ACTIVE') throw new Refusal('NOT_SENDABLE', 'The chat is closed.');
  return { workspaceId: viewer.workspaceId, accountId: row.id, channel: row.channel.toLowerCase() as OwnChannel, account: publicId('cha', row.id), endpointId: row.endpointId, settings: row.settings };
}

async function visitorOf(tx: Tx, workspaceId: string, identityId: string | undefined): Promise<Visitor> {
  if (identityId === undefined) throw new Refusal('FORBIDDEN', 'A publishable key begins a chat, nothing else: call startChat and use its token.');
  const [row] = await tx<{ value: string; displayName: string | null }[]>`
    select value, display_name from identities where workspace_id = ${workspaceId} and id = ${identityId} and kind = 'VISITOR'`;
  if (!row) throw new Refusal('NOT_FOUND', 'There is no such visitor any more.');
  return { identityId, id: row.value, name: row.displayName };
}

interface OwnMessage {
  conversationId: string;
  identityId: string;
  direction: string;
  providerMessageId: string | null;
  deletedAt: string | null;
}

/** A message on the visitor's side, his or ours. */
async function ownMessage(tx: Tx, viewer: Viewer, messageId: string): Promise<OwnMessage> {
  const [row] = await tx<OwnMessage[]>`
    select conversation_id, identity_id, direction, provider_message_id, deleted_at from messages
    where workspace_id = ${viewer.workspaceId} and id = ${messageId} and identity_id = any(${[...viewer.identityIds]}::uuid[])`;
  if (!row) throw new Refusal('NOT_FOUND', 'There is no such message.', { field: ['messageId'] });
  return row;
}

async function writtenMessage(tx: Tx, viewer: Viewer, messageId: string): Promise<OwnMessage & { clientId: string }> {
  const message = await ownMessage(tx, viewer, messageId);
  const clientId = message.direction === 'INBOUND' ? /^[^:]+:(.+)$/.exec(message.providerMessageId ?? '')?.[1] : undefined;
  if (clientId === undefined) throw new Refusal('NOT_FOUND', 'There is no such message of yours.', { field: ['messageId'] });
  return { ...message, clientId };
}

const visitorAddress = (chat: Chat, id: string): ObservedAddress => ({ kind: 'visitor', namespace: chat.account, value: id, valueRaw: id, trust: 'attested', displayName: null });

async function identifiedOf(tx: Tx, chat: Chat, token: string): Promise<Identified> {
  const secrets = (await secretsOf(tx, chat.workspaceId, chat.endpointId)) as LiveChatSecrets[];
  const keys = secrets.flatMap(({ identification }) => (identification ? [identification] : []));
  try {
    return await identifiedBy(token, chat.account, keys);
  } catch (error) {
    if (!(error instanceof BadToken)) throw error;
    throw new Refusal('INVALID_INPUT', `The token is not one that this chat takes (${error.message}): signed with the account’s key and algorithm, \`aud\` ${chat.account}, with \`sub\`, and with \`exp\` at most 24 hours away.`, { field: ['token'] });
  }
}
