// The end customer's own side of things. Nothing here leads to a type of the agents' side, and every row carries the token's identities.
import { column, computed, entity, enumeration, expression, list, many, one, query, rows, type RowSql } from '../graphql/entity.ts';
import { fileUrl } from '../messages/file-url.ts';

const ofTheVisitor: RowSql = (row, viewer) => `${row}.identity_id = any(${viewer.identityIds()})`;

export const VisitorAuthor = enumeration('VisitorAuthor', 'Who wrote a message, as the visitor sees it.', ['VISITOR', 'TEAM'], {
  VISITOR: 'The visitor himself.',
  TEAM: 'Somebody of the team, or an automatic answer.',
});
const VisitorConversationStatus = enumeration('VisitorConversationStatus', 'Whether a matter is settled, as the visitor sees it.', ['OPEN', 'CLOSED'], {
  OPEN: 'It is being looked after.',
  CLOSED: 'It is settled. A message opens it again, or begins another.',
});

export const VisitorFile = entity('VisitorFile', {
  description: 'A file of a message between the visitor and the team.',
  prefix: null,
  table: 'message_parts',
  permission: 'visitor:self',
  scope: (row, viewer) => `exists (select from messages fm where fm.workspace_id = ${row}.workspace_id and fm.id = ${row}.message_id
    and fm.identity_id = any(${viewer.identityIds()}) and fm.deleted_at is null)`,
  fields: {
    filename: column('String', 'filename', 'The file’s name; null when it has none.', { nullable: true }),
    mime: column('String', 'mime', 'The file’s type (`image/jpeg`) as it was given; null when it isn’t known.', { nullable: true }),
    size: column('Bytes', 'size', 'The file’s size in bytes; null when it isn’t known.', { nullable: true }),
    url: computed('String', ['workspace_id', 'id'], (workspaceId: string, id: string) => fileUrl('VISITOR', workspaceId, id),
      'Where the file can be fetched, without a token, for 5 to 10 minutes: ask again then. A PNG, JPEG, GIF or WebP is shown by a browser, everything else saved.'),
  },
});

export const VisitorMessage = entity('VisitorMessage', {
  description: 'A message between the visitor and the team, by this chat.',
  prefix: 'vmg',
  table: 'messages',
  permission: 'visitor:self',
  scope: ofTheVisitor,
  fields: {
    clientId: expression('String', (m) => `case when ${m}.direction = 'INBOUND' then substr(${m}.provider_message_id, strpos(${m}.provider_message_id, ':') + 1) end`,
      'The id that the visitor’s client made; null for messages of the team.', { nullable: true }),
    author: expression(VisitorAuthor, (m) => `case when ${m}.direction = 'INBOUND' then 'VISITOR' else 'TEAM' end`, 'Who wrote it.'),
    authorName: expression(
      'String',
      (m) => `case when ${m}.author_kind = 'MEMBER' then (select a.name from members a where a.workspace_id = ${m}.workspace_id and a.id = ${m}.author_id) end`,
      'The name of the person of the team who wrote it; null for the visitor’s own and for automatic answers.',
      { nullable: true },
    ),
    text: column('String', 'text', 'What was said. Null when it was deleted, or holds no text.', { nullable: true }),
    files: list(() => VisitorFile, 'Its files, in order; at most 100. None once it was deleted.', {
      key: 'message_id',
      where: (row) => `${row}.media_state = 'STORED' and ${row}.version = (select max(fv.version) from message_parts fv
        where fv.workspace_id = ${row}.workspace_id and fv.message_id = ${row}.message_id)`,
      order: 'ordinal, id', max: 100,
    }),
    sentAt: column('DateTime', 'occurred_at', 'When it was sent.'),
    editedAt: column('DateTime', 'edited_at', 'When its text was last changed; null when never.', { nullable: true }),
    deletedAt: column('DateTime', 'deleted_at', 'When its author took it back; null when he did not.', { nullable: true }),
    isSeen: expression('Boolean', (m) => `(${m}.direction = 'OUTBOUND' and ${m}.delivery_state in ('READ', 'PLAYED'))`, 'A message of the team that the visitor has seen; false for his own.'),
    replyTo: one(() => VisitorMessage, 'in_reply_to_message_id', 'The message that it answers; null when it answers none, or one that is not of this chat.', { nullable: true }),
    conversation: one(() => VisitorConversation, 'conversation_id', 'The matter that it belongs to.'),
  },
});

export const VisitorConversation = entity('VisitorConversation', {
  description: 'One matter, as far as it was held in this chat.',
  prefix: 'vcn',
  table: 'conversations',
  permission: 'visitor:self',
  scope: (row, viewer) => `${row}.id in (select p.conversation_id from conversation_participants p
    where p.workspace_id = ${row}.workspace_id and p.identity_id = any(${viewer.identityIds()}))`,
  fields: {
    status: expression(VisitorConversationStatus, (c) => `case when ${c}.status = 'CLOSED' then 'CLOSED' else 'OPEN' end`, 'Whether it is settled.'),
    messages: many(() => VisitorMessage, 'Its messages by this chat.', {
      key: 'conversation_id',
      orders: {
        OLDEST: { description: 'Oldest first.', columns: ['occurred_at', 'tie'], descending: false },
        NEWEST: { description: 'Newest first.', columns: ['occurred_at', 'tie'], descending: true },
      },
    }),
    unseenCount: expression(
      'Int',
      (c, viewer) => `(select count(*)::int from messages u where u.workspace_id = ${c}.workspace_id and u.conversation_id = ${c}.id and u.direction = 'OUTBOUND'
        and u.delivery_state not in ('READ', 'PLAYED') and u.deleted_at is null and u.identity_id = any(${viewer.identityIds()}))`,
      'How many messages of the team the visitor has not seen.',
    ),
  },
});

export const Visitor = entity('Visitor', {
  description: 'The end customer whose token this is.',
  prefix: 'vis',
  table: 'identities',
  permission: 'visitor:self',
  scope: (row, viewer) => `(${row}.id = any(${viewer.identityIds()}) and ${row}.kind = 'VISITOR')`,
  fields: {
    name: column('String', 'display_name', 'What he is called; null while nobody has said.', { nullable: true }),
    conversations: many(() => VisitorConversation, 'His matters in this chat, the latest first.', {
      // Every one that its own scope lets through: a token can hold more than one identity of its visitor.
      key: 'workspace_id',
      parentKey: (v) => `${v}.workspace_id`,
      orders: { LATEST: { description: 'The one that something last happened in first.', columns: ['last_activity_at'], descending: true } },
    }),
  },
});

const VisitorChat = entity('VisitorChat', {
  description: 'The chat that a web page opens.',
  prefix: null,
  table: '',
  permission: 'visitor:self',
  fields: {
    isOpen: column('Boolean', 'is_open', 'Whether messages are taken.'),
    greeting: column('String', 'greeting', 'What to show before anything was said; null when there is nothing.', { nullable: true }),
    form: column('JSON', 'form', 'What to ask before the chat, in order: `[{ "key": "email", "label": "Your e-mail address", "required": true }]`.'),
  },
});

query({
  visitor: rows(() => Visitor, 'The end customer whose token this is; null with a publishable key, before `startChat`.', {
    permission: 'visitor:self',
    args: {},
    single: true,
    prepare: (_args, viewer) => ({ shape: '', values: { identity: { cast: 'uuid', value: viewer.identityIds[0] ?? null } } }),
    sql: (_shape, param, workspace) => `select i.* from identities i where i.workspace_id = ${workspace} and i.id = ${param('identity')} and i.kind = 'VISITOR'`,
  }),
  visitorChat: rows(() => VisitorChat, 'The chat of the publishable key or visitor token; null when there is none any more.', {
    permission: 'visitor:self',
    args: {},
    single: true,
    prepare: (_args, viewer) => ({ shape: '', values: { account: { cast: 'uuid', value: viewer.accountId } } }),
    sql: (_shape, param, workspace) => `select a.state = 'ACTIVE' as is_open, a.settings->>'greeting' as greeting, coalesce(a.settings->'form', '[]'::jsonb) as form
      from channel_accounts a where a.workspace_id = ${workspace} and a.id = ${param('account')} and a.channel in ('LIVE_CHAT', 'IN_APP')`,
  }),
});
