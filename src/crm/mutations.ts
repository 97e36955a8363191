// What agents and integrators write of notes and records, by the API.
import { ErrorPolicy, UpsertResult } from '../customers/mutations.ts';
import { idOf, inputObject, type Argument } from '../graphql/entity.ts';
import { bulkRow, mutation } from '../graphql/mutation.ts';
import { IdentityInput } from '../identities/fields.ts';
import { Refusal } from '../platform/errors.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { addNote, editNote, linkNote, pinNote } from './actions.ts';
import { LINKS_MAX } from './content.ts';
import { ExternalRecord, Note } from './fields.ts';
import { RECORDS_MAX, upsertExternalRecord, upsertExternalRecords } from './records.ts';

const noteId = { type: idOf('nte'), required: true, description: 'The note.' } as const;
const notePayload = { note: { type: () => Note, description: 'The note as it is now.' } };
const recordIds = (ids: string[] | null | undefined, field: string): string[] => (ids ?? []).map((id, at) => uuidFrom('rec', id, field, String(at)));

mutation('addNote', {
  description: 'Writes a note on a customer or in a conversation: give one of the two. A note on a merged customer goes to the one whom he turned out to be.',
  permission: 'notes:write',
  idempotent: true,
  input: {
    customerId: { type: idOf('cus'), description: 'The customer whom it is about.' },
    conversationId: { type: idOf('cnv'), description: 'The conversation that it is about.' },
    body: { type: 'String', required: true, description: 'The text, at most 20,000 characters; blanks at its end are dropped.' },
    pinned: { type: 'Boolean', default: false, description: 'Whether it is kept on top.' },
    externalRecordIds: { type: idOf('rec'), list: true, description: `The records that it is about, at most ${LINKS_MAX}.` },
  },
  payload: notePayload,
  run: async (tx, { actor }, input) => ({
    note: await addNote(tx, actor, {
      customerId: input.customerId == null ? null : uuidFrom('cus', input.customerId, 'customerId'),
      conversationId: input.conversationId == null ? null : uuidFrom('cnv', input.conversationId, 'conversationId'),
      body: input.body, pinned: input.pinned ?? false, externalRecordIds: recordIds(input.externalRecordIds, 'externalRecordIds'),
    }),
  }),
});

mutation('editNote', {
  description: 'Replaces a note\'s text; what it said before stays in `versions`. The same text again changes nothing.',
  permission: 'notes:write',
  versioned: true,
  input: { noteId, body: { type: 'String', required: true, description: 'The new text, at most 20,000 characters.' } },
  payload: notePayload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('nte', input.noteId, 'noteId');
    await editNote(tx, actor, { noteId: id, body: input.body, expectedVersion: input.expectedVersion });
    return { note: id };
  },
});

mutation('pinNote', {
  description: 'Keeps a note on top, or no longer.',
  permission: 'notes:write',
  input: { noteId, pinned: { type: 'Boolean', default: true, description: 'True pins it, false unpins it.' } },
  payload: notePayload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('nte', input.noteId, 'noteId');
    await pinNote(tx, actor, { noteId: id, pinned: input.pinned ?? true });
    return { note: id };
  },
});

mutation('linkNote', {
  description: 'Adds and takes away links between a note and records of other systems.',
  permission: 'notes:write',
  input: {
    noteId,
    add: { type: idOf('rec'), list: true, default: [], description: `Records to link; those that are linked already are passed over. At most ${LINKS_MAX} in all.` },
    remove: { type: idOf('rec'), list: true, default: [], description: 'Records to unlink; those that aren\'t linked are passed over.' },
  },
  payload: notePayload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('nte', input.noteId, 'noteId');
    await linkNote(tx, actor, { noteId: id, add: recordIds(input.add, 'add'), remove: recordIds(input.remove, 'remove') });
    return { note: id };
  },
});

const RECORD_INPUT: Record<string, Argument> = {
  system: { type: 'String', required: true, description: 'Which system it is of: `shopify`. Letters, digits, `_`, `.` and `-`, at most 64; spelled the same every time.' },
  type: { type: 'String', required: true, description: 'What it is: `order`. Letters, digits, `_`, `.` and `-`, at most 64.' },
  externalId: { type: 'String', required: true, description: 'The system\'s own id of it, at most 200 characters; unique with `system` and `type`.' },
  number: { type: 'String', description: 'What people call it: an order\'s number. Here and below: left out, it stays as it is; null takes it away.' },
  title: { type: 'String', description: 'What it is about, at most 500 characters.' },
  url: { type: 'String', description: 'Where the other system shows it: https or http, at most 2,000 characters.' },
  status: { type: 'String', description: 'Where it stands, in the other system\'s words, at most 100 characters.' },
  fields: { type: 'JSON', description: 'Everything else, as an object, at most 32,768 bytes of JSON; replaced as a whole.' },
  customerId: { type: idOf('cus'), description: 'Whose it is, by our id. Left out together with `identity`, the owner stays.' },
  identity: {
    type: IdentityInput,
    description: 'Whose it is, by an address or, with kind EXTERNAL_ID and the system as its namespace, by another system\'s id. While nobody has it, the record is nobody\'s; null takes the owner away.',
  },
};
const ExternalRecordInput = inputObject('ExternalRecordInput', 'A record of another system, by that system\'s own key.', {
  ...RECORD_INPUT,
  expectedVersion: { type: 'Int', description: 'The `version` that you read: CONFLICT when it is no longer the current one.' },
});

mutation('upsertExternalRecord', {
  description: 'Creates a record of another system, or changes it: the same key is the same record.',
  permission: 'records:write',
  idempotent: true,
  versioned: true,
  input: RECORD_INPUT,
  payload: {
    externalRecord: { type: () => ExternalRecord, description: 'The record as it is now.' },
    result: { type: UpsertResult, description: 'What was done.' },
  },
  run: async (tx, { actor }, input) => {
    const { recordId, result } = await upsertExternalRecord(tx, actor, recordOf(input, []));
    return { externalRecord: recordId, result };
  },
});

const UpsertedExternalRecord = bulkRow('UpsertedExternalRecord', 'What became of one record, in the order of the input.', {
  result: { type: UpsertResult, nullable: true, description: 'What was done or, in a dry run, would be; null when it was refused or rolled back.' },
  externalRecord: { type: () => ExternalRecord, nullable: true, description: 'The record as it is now; null when it was refused, rolled back, or would only be created.' },
});

mutation('upsertExternalRecords', {
  description: `The same for up to ${RECORDS_MAX} records, each with its own result.`,
  permission: 'records:write',
  idempotent: true,
  input: {
    records: { type: ExternalRecordInput, list: true, required: true, description: `The records, at most ${RECORDS_MAX}. Those of one key are taken in order.` },
    errorPolicy: { type: ErrorPolicy, default: 'ALL_OR_NOTHING', description: 'What happens when some are refused.' },
    dryRun: { type: 'Boolean', default: false, description: 'True: say what would become of each, and write nothing.' },
  },
  payload: { rows: { type: UpsertedExternalRecord, list: true, description: 'What became of each record, in the order of the input.' } },
  run: async (tx, { actor }, input) => {
    const records = (input.records as Record<string, unknown>[]).map((record, at) => recordOf(record, ['records', String(at)]));
    const rows = await upsertExternalRecords(tx, actor, { records, errorPolicy: input.errorPolicy ?? 'ALL_OR_NOTHING', dryRun: input.dryRun ?? false });
    return {
      rows: rows.map(({ index, result, recordId, refusal }) => ({ result, externalRecord: recordId, userErrors: refusal ? [under(refusal, ['records', String(index)])] : [] })),
    };
  },
});

/** The input as content.ts reads it: UUIDs, and one owner. @throws Refusal INVALID_ID, INVALID_INPUT */
function recordOf(input: Record<string, unknown>, at: readonly string[]): Record<string, unknown> {
  const { customerId, identity, idempotencyKey: _, ...record } = input as { customerId?: string | null; identity?: { kind: string; namespace?: string | null; value: string } | null } & Record<string, unknown>;
  if (customerId != null && identity != null) throw new Refusal('INVALID_INPUT', 'Name the owner once: give `customerId` or `identity`.', { field: [...at, 'customerId'] });
  if (customerId != null) return { ...record, owner: { customerId: uuidFrom('cus', customerId, ...at, 'customerId') } };
  if (identity != null) return { ...record, owner: { address: { kind: identity.kind, value: identity.value, ...(identity.namespace == null ? {} : { namespace: identity.namespace }) } } };
  return customerId === null || identity === null ? { ...record, owner: null } : record;
}

const under = (refusal: Refusal, at: readonly string[]): Refusal => new Refusal(refusal.code, refusal.message, { ...refusal.details, field: [...at, ...(refusal.details.field ?? [])] });
