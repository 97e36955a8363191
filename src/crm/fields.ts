// The graph's notes and records of other systems.
import { Conversation, ownerOf } from '../conversations/fields.ts';
import { Customer } from '../customers/fields.ts';
import { byId, column, embed, entity, expression, extend, idOf, list, many, one, query, rows, type FilterField } from '../graphql/entity.ts';
import { Identity } from '../identities/fields.ts';
import { Actor } from '../workspaces/actor.ts';

export const NoteVersion = entity('NoteVersion', {
  prefix: null, table: 'note_versions', permission: 'notes:read', description: 'What a note said from one edit to the next.',
  fields: {
    version: column('Int', 'version', 'The first is 1.'),
    body: column('String', 'body', 'The text.'),
    writtenBy: embed(() => Actor, { kind: 'written_by_kind', id: 'written_by_id' }, 'Who wrote this version.'),
    writtenAt: column('DateTime', 'written_at', 'When it was written.'),
  },
});

export const Note = entity('Note', {
  prefix: 'nte', table: 'notes', permission: 'notes:read', description: 'Something that the team wrote down of a customer or a conversation. Customers never see it.',
  fields: {
    body: column('String', 'body', 'The text as it is now, at most 20,000 characters.'),
    author: embed(() => Actor, { kind: 'author_kind', id: 'author_id' }, 'Who wrote its first version.'),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'The customer whom it is about.', { permission: 'customers:read' }),
    conversation: one(() => Conversation, 'conversation_id', 'The conversation that it was written in; null when it is about the customer as such.', { nullable: true, permission: 'conversations:read' }),
    pinned: expression('Boolean', (n) => `${n}.pinned_at is not null`, 'Whether it is kept on top.'),
    pinnedAt: column('DateTime', 'pinned_at', 'Since when it is pinned; null when it is not.', { nullable: true }),
    pinnedBy: embed(() => Actor, { kind: 'pinned_by_kind', id: 'pinned_by_id' }, 'Who pinned it; null when it is not pinned.', { nullable: true }),
    editedAt: column('DateTime', 'edited_at', 'When its text was last changed; null when it never was.', { nullable: true }),
    versions: list(() => NoteVersion, 'What it said before and says now, the newest first; at most 100.', { key: 'note_id', order: 'version desc', max: 100 }),
    externalRecords: list(() => ExternalRecord, 'The records that it is linked to, the latest changed first; at most 50.', {
      among: (parent, scope) => `select l.external_record_id from note_links l where l.note_id = ${parent} and ${scope('l')}`,
      order: 'updated_at desc, id', max: 50, permission: 'records:read',
    }),
    version: column('Int', 'version', 'Rises with every edit of its text; hand it to `editNote` as `expectedVersion`. Pinning and linking leave it.'),
    createdAt: column('DateTime', 'created_at', 'When it was written.'),
  },
});

export const ExternalRecordVersion = entity('ExternalRecordVersion', {
  prefix: null, table: 'external_record_versions', permission: 'records:read', description: 'What a record said from one change to the next.',
  fields: {
    version: column('Int', 'version', 'The first is 1.'),
    number: expression('String', (v) => `${v}.content->>'number'`, 'Its number then; null when it had none.', { nullable: true }),
    title: expression('String', (v) => `${v}.content->>'title'`, 'Its title then; null when it had none.', { nullable: true }),
    url: expression('String', (v) => `${v}.content->>'url'`, 'Its address then; null when it had none.', { nullable: true }),
    status: expression('String', (v) => `${v}.content->>'status'`, 'Its status then; null when it had none.', { nullable: true }),
    fields: expression('JSON', (v) => `${v}.content->'fields'`, 'Its other fields then, as an object.'),
    writtenBy: embed(() => Actor, { kind: 'written_by_kind', id: 'written_by_id' }, 'Who brought this version in.'),
    writtenAt: column('DateTime', 'written_at', 'When it was brought in.'),
  },
});

export const ExternalRecord = entity('ExternalRecord', {
  prefix: 'rec', table: 'external_records', permission: 'records:read', description: 'An order, deal, account or the like of another system, by that system\'s own key.',
  fields: {
    system: column('String', 'system', 'Which system it is of, as the integration calls it: `shopify`.'),
    type: column('String', 'type', 'What it is, as the integration calls it: `order`.'),
    externalId: column('String', 'external_id', 'The system\'s own id of it; unique with `system` and `type`.'),
    number: column('String', 'number', 'What people call it, an order\'s number: searched, with or without `#`. Null when it has none.', { nullable: true }),
    title: column('String', 'title', 'What it is about in a few words; null when it has none.', { nullable: true }),
    url: column('String', 'url', 'Where the other system shows it, an http or https address; null when nowhere.', { nullable: true }),
    status: column('String', 'status', 'Where it stands, in the other system\'s words; null when it has none.', { nullable: true }),
    fields: column('JSON', 'fields', 'Everything else, as an object of the integration\'s making; empty when there is nothing.'),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'Whose it is; null while the other system named nobody who is known here.', { nullable: true, permission: 'customers:read' }),
    identity: one(() => Identity, 'identity_id', 'The address (or the customer as such) that it hangs on; null while nobody is known.', { nullable: true, permission: 'customers:contact' }),
    notes: list(() => Note, 'The notes that are linked to it, the newest first; at most 50.', {
      among: (parent, scope) => `select l.note_id from note_links l where l.external_record_id = ${parent} and ${scope('l')}`,
      order: 'created_at desc, id', max: 50, permission: 'notes:read',
    }),
    versions: list(() => ExternalRecordVersion, 'What it said before and says now, the newest first; at most 100.', { key: 'external_record_id', order: 'version desc', max: 100 }),
    version: column('Int', 'version', 'Rises with every change; hand it to `upsertExternalRecord` as `expectedVersion`.'),
    createdAt: column('DateTime', 'created_at', 'When it was first brought in.'),
    updatedAt: column('DateTime', 'updated_at', 'When it last changed.'),
  },
});

export const NOTE_LIST = {
  orders: {
    NEWEST: { description: 'The newest first.', columns: ['created_at'], descending: true },
    OLDEST: { description: 'The oldest first.', columns: ['created_at'], descending: false },
  },
  filter: {
    pinned: { type: 'Boolean', sql: (row: string, value: string) => `(${row}.pinned_at is not null) = ${value}`, description: 'Whether it is pinned.' },
  } satisfies Record<string, FilterField>,
  typeName: 'Note',
  permission: 'notes:read' as const,
};

const RECORD_FILTER: Record<string, FilterField> = {
  system: { type: 'String', column: 'system', description: 'Is of this system.' },
  type: { type: 'String', column: 'type', description: 'Is of this type.' },
  status: { type: 'String', column: 'status', nullable: true, description: 'Has this status, spelled the same; null: has none.' },
  number: { type: 'String', column: 'number', description: 'Has this number, spelled the same.' },
  customerId: {
    type: idOf('cus'),
    sql: (row, value) => `exists (select from identities ri where ri.workspace_id = ${row}.workspace_id and ri.id = ${row}.identity_id and ri.customer_id = ${value})`,
    description: 'Is this customer\'s.',
  },
  updatedAfter: { type: 'DateTime', sql: (row, value) => `${row}.updated_at >= ${value}`, description: 'Changed then or later.' },
  updatedBefore: { type: 'DateTime', sql: (row, value) => `${row}.updated_at < ${value}`, description: 'Last changed earlier.' },
};
export const RECORD_LIST = {
  orders: {
    UPDATED: { description: 'The latest changed first.', columns: ['updated_at'], descending: true },
    UPDATED_OLDEST: { description: 'The longest unchanged first.', columns: ['updated_at'], descending: false },
  },
  filter: RECORD_FILTER,
  typeName: 'ExternalRecord',
  permission: 'records:read' as const,
};

/** The identities of a customer: what hangs on any of them is the customer's. */
const OF_CUSTOMER = { table: 'identities', parent: 'customer_id', key: 'identity_id' };

extend(Customer, {
  notes: many(() => Note, 'What the team wrote down of the customer, those in his conversations included.', { through: OF_CUSTOMER, ...NOTE_LIST }),
  externalRecords: many(() => ExternalRecord, 'What other systems know of the customer.', { through: OF_CUSTOMER, ...RECORD_LIST }),
});
extend(Conversation, {
  notes: many(() => Note, 'What the team wrote down in the conversation.', { key: 'conversation_id', ...NOTE_LIST }),
});

query({
  note: byId(() => Note, 'One note; null when the workspace has none of that id.', { permission: 'notes:read' }),
  externalRecord: byId(() => ExternalRecord, 'One record; null when the workspace has none of that id.', { permission: 'records:read' }),
  externalRecordByKey: rows(() => ExternalRecord, 'One record by the other system\'s key; null when there is none.', {
    single: true,
    permission: 'records:read',
    args: {
      system: { type: 'String', required: true, description: 'The system\'s name, as `upsertExternalRecord` got it.' },
      type: { type: 'String', required: true, description: 'What it is, as `upsertExternalRecord` got it.' },
      externalId: { type: 'String', required: true, description: 'The system\'s own id.' },
    },
    prepare: (args: { system: string; type: string; externalId: string }) => ({
      shape: '',
      values: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, { cast: 'text', value }])),
    }),
    sql: (_shape, param, workspace) => `select * from external_records where workspace_id = ${workspace}
      and system = ${param('system')} and type = ${param('type')} and external_id = ${param('externalId')}`,
  }),
  externalRecords: many(() => ExternalRecord, 'Every record of other systems that matches `filter`.', RECORD_LIST),
});
