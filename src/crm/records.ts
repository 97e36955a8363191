// What other systems know of a customer: records (an order, a deal, an account), by the system's own key, in versions.
import type { Actor } from '../access/viewer.ts';
import type { ERROR_POLICIES, UpsertResult } from '../customers/upsert.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import type { NewEvent } from '../events/catalog.ts';
import { normalAddress } from '../identities/address.ts';
import { lockOwners } from '../identities/customers.ts';
import { equivalently, exactly, identitiesAt } from '../identities/owners.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { checkRecord, type RecordInput } from './content.ts';

export const RECORDS_MAX = 500;

/** What became of one row: a result or a refusal, never both. `recordId` is null when the row was refused or rolled back before it existed. */
export interface UpsertedRecord {
  index: number;
  result: UpsertResult | null;
  recordId: string | null;
  refusal: Refusal | null;
}

/**
 * Creates or changes one record. What the input leaves out stays as it is. An owner whom nobody knows leaves the record without one.
 * Emits `record.upserted` unless nothing changed. Locks the customers concerned in id order, then the record.
 * @throws Refusal INVALID_INPUT, NOT_FOUND (of `owner.customerId`), CONFLICT
 */
export async function upsertExternalRecord(tx: Tx, actor: Actor, input: unknown): Promise<UpsertedRecord> {
  const [row] = await upsertRows(tx, actor, [input]);
  if (row!.refusal) throw row!.refusal;
  return row!;
}

/**
 * The same for up to 500 records, each with its own result. ALL_OR_NOTHING: one refused row and nothing is written. SKIP_FAILED: the others
 * are. `dryRun` answers what would become of them and writes nothing. Rows with the same key are taken in order.
 * @throws Refusal TOO_LARGE
 */
export async function upsertExternalRecords(
  tx: Tx,
  actor: Actor,
  o: { records: readonly unknown[]; errorPolicy: (typeof ERROR_POLICIES)[number]; dryRun: boolean },
): Promise<UpsertedRecord[]> {
  if (o.records.length > RECORDS_MAX) {
    throw new Refusal('TOO_LARGE', `There are ${o.records.length} records; at most ${RECORDS_MAX} at once.`, { field: ['records'] });
  }
  let rows: UpsertedRecord[] = [];
  try {
    await tx.savepoint(async (inner) => {
      rows = await upsertRows(inner, actor, o.records);
      if (o.dryRun || (o.errorPolicy === 'ALL_OR_NOTHING' && rows.some((row) => row.refusal))) throw new Undo();
    });
    return rows;
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  // What was rolled back is not there to be shown; in a dry run the outcome is what was asked for.
  return rows.map((row) => ({
    ...row,
    result: o.dryRun ? row.result : null,
    recordId: o.dryRun && row.result !== 'CREATED' ? row.recordId : null,
  }));
}

class Undo extends Error {}

/** Every refusal of a row comes before the row's first write, so a refused row leaves nothing behind. */
async function upsertRows(tx: Tx, actor: Actor, inputs: readonly unknown[]): Promise<UpsertedRecord[]> {
  const { workspaceId } = actor;
  const rows: UpsertedRecord[] = inputs.map((_, index) => ({ index, result: null, recordId: null, refusal: null }));
  const attempt = async (row: UpsertedRecord, work: () => Promise<void> | void): Promise<void> => {
    if (row.refusal) return;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      row.refusal = error;
    }
  };

  // 1. Check every row.
  const checked: RecordInput[] = [];
  for (const row of rows) await attempt(row, () => void (checked[row.index] = checkRecord(inputs[row.index])));

  // 2. Find the owners, and lock the customers to whom the records belong and will belong, in id order.
  const owners = new Map<number, string | null>();
  for (const row of rows) {
    await attempt(row, async () => {
      const { owner } = checked[row.index]!;
      if (owner !== undefined) owners.set(row.index, owner === null ? null : await findOwner(tx, workspaceId, owner));
    });
  }
  const present = await presentOwners(tx, workspaceId, rows.filter((row) => !row.refusal).map((row) => checked[row.index]!));
  const concerned = [...owners.values(), ...present].filter((id) => id !== null);
  const { owners: customerOf } = await lockOwners(tx, workspaceId, concerned);

  // 3. Write, in the order of the keys (so that two calls with the same records can't wait for each other), and of the input among equal keys.
  const events: NewEvent[] = [];
  const inOrder = rows.filter((row) => !row.refusal).sort((a, b) => compareKeys(checked[a.index]!, checked[b.index]!) || a.index - b.index);
  for (const row of inOrder) {
    await attempt(row, async () => {
      const event = await writeRecord(tx, actor, row, checked[row.index]!, owners.get(row.index), customerOf);
      if (event) events.push(event);
    });
  }
  await appendEvents(tx, workspaceId, events);
  return rows;
}

/**
 * The identity that a record hangs on: a customer's `self`, or the address itself, so that the record stays with the address when customers
 * are taken apart. Null: nobody has that address. @throws Refusal NOT_FOUND for a customer's id that isn't one
 */
async function findOwner(tx: Tx, workspaceId: string, owner: NonNullable<RecordInput['owner']>): Promise<string | null> {
  if ('customerId' in owner) {
    // A merged customer's `self` identity belongs to the survivor; the record hangs on the survivor's own.
    const [found] = await tx<{ id: string }[]>`
      select c.self_identity_id as id
      from customers named
      join identities self on self.workspace_id = named.workspace_id and self.id = named.self_identity_id
      join customers c on c.workspace_id = self.workspace_id and c.id = self.customer_id
      where named.workspace_id = ${workspaceId} and named.id = ${owner.customerId} and c.state <> 'ERASED'`;
    if (!found) throw new Refusal('NOT_FOUND', 'There is no such customer in this workspace.', { field: ['customerId'] });
    return found.id;
  }
  const address = normalAddress(owner.address);
  if (!address) return null;
  const known = await identitiesAt(tx, workspaceId, [address]);
  return (exactly(known, address) ?? equivalently(known, address))?.id ?? null;
}

/** The identities on which the records hang at present. */
async function presentOwners(tx: Tx, workspaceId: string, inputs: readonly RecordInput[]): Promise<string[]> {
  if (inputs.length === 0) return [];
  const keys = inputs.map(({ system, type, externalId }) => ({ system, type, external_id: externalId }));
  const rows = await tx<{ identityId: string }[]>`
    select distinct r.identity_id
    from jsonb_to_recordset(${JSON.stringify(keys)}::text::jsonb) as k (system text, type text, external_id text)
    join external_records r on r.workspace_id = ${workspaceId} and r.system = k.system and r.type = k.type and r.external_id = k.external_id
    where r.identity_id is not null`;
  return rows.map((row) => row.identityId);
}

const compareKeys = (a: RecordInput, b: RecordInput): number => {
  const [x, y] = [a, b].map((r) => `${r.system}\0${r.type}\0${r.externalId}`) as [string, string];
  return x < y ? -1 : x > y ? 1 : 0;
};

interface RecordRow {
  id: string;
  identityId: string | null;
  number: string | null;
  title: string | null;
  url: string | null;
  status: string | null;
  fields: Record<string, unknown>;
  version: number;
}

/** Fills in `row`; gives the event of the change, or null when there was none. @throws Refusal CONFLICT */
async function writeRecord(
  tx: Tx,
  actor: Actor,
  row: UpsertedRecord,
  input: RecordInput,
  owner: string | null | undefined,
  customerOf: ReadonlyMap<string, string>,
): Promise<NewEvent | null> {
  const { workspaceId } = actor;
  const at = now();
  const before = await lockRecord(tx, workspaceId, input);
  if (input.expectedVersion != null && input.expectedVersion !== (before?.version ?? 0)) {
    throw new Refusal(
      'CONFLICT',
      before ? `The record is at version ${before.version}, not ${input.expectedVersion}: it was changed meanwhile.` : 'The record is not there yet, so it has no version.',
      { field: ['expectedVersion'] },
    );
  }
  const keep = <K extends 'number' | 'title' | 'url' | 'status'>(name: K): string | null => (input[name] === undefined ? (before?.[name] ?? null) : (input[name] ?? null));
  const next = {
    identityId: owner === undefined ? (before?.identityId ?? null) : owner,
    number: keep('number'), title: keep('title'), url: keep('url'), status: keep('status'),
    fields: input.fields === undefined ? (before?.fields ?? {}) : (input.fields ?? {}),
  };
  const fields = JSON.stringify(next.fields);

  if (!before) {
    const id = newId();
    const created = await tx`
      insert into external_records (workspace_id, id, identity_id, system, type, external_id, number, title, url, status, fields, created_at, updated_at)
      values (${workspaceId}, ${id}, ${next.identityId}, ${input.system}, ${input.type}, ${input.externalId}, ${next.number}, ${next.title}, ${next.url},
        ${next.status}, ${fields}::text::jsonb, ${at}, ${at})
      on conflict (workspace_id, system, type, external_id) do nothing returning 1`;
    // Another transaction was first: its row is visible now, and this is a change of it.
    if (created.length === 0) return writeRecord(tx, actor, row, input, owner, customerOf);
    Object.assign(row, { result: 'CREATED', recordId: id });
  } else {
    const changed = await tx`
      update external_records set identity_id = ${next.identityId}, number = ${next.number}, title = ${next.title}, url = ${next.url}, status = ${next.status},
        fields = ${fields}::text::jsonb, version = version + 1, updated_at = ${at}
      where workspace_id = ${workspaceId} and id = ${before.id}
        and (identity_id, number, title, url, status, fields) is distinct from
          (${next.identityId}::uuid, ${next.number}::text, ${next.title}::text, ${next.url}::text, ${next.status}::text, ${fields}::text::jsonb)
      returning 1`;
    Object.assign(row, { result: changed.length === 0 ? 'NOOP' : 'UPDATED', recordId: before.id });
    if (changed.length === 0) return null;
  }

  const version = (before?.version ?? 0) + 1;
  const recordId = row.recordId!;
  await tx`
    insert into external_record_versions (workspace_id, external_record_id, version, content, written_by_kind, written_by_id, written_at)
    values (${workspaceId}, ${recordId}, ${version}, ${JSON.stringify(next)}::text::jsonb, ${actor.kind}, ${actor.id}, ${at})`;
  if (next.identityId) {
    await putTimelineEntry(tx, workspaceId, {
      identityId: next.identityId, occurredAt: at, kind: 'RECORD_CHANGE', refId: recordId, actor,
      data: { change: row.result, version, system: input.system, type: input.type },
    });
  }
  const customerId = next.identityId === null ? null : (customerOf.get(next.identityId) ?? null);
  return { kind: 'record.upserted', actor, data: { externalRecordId: recordId, result: row.result, version, identityId: next.identityId, customerId } };
}

async function lockRecord(tx: Tx, workspaceId: string, key: RecordInput): Promise<RecordRow | undefined> {
  const [row] = await tx<RecordRow[]>`
    select id, identity_id, number, title, url, status, fields, version from external_records
    where workspace_id = ${workspaceId} and system = ${key.system} and type = ${key.type} and external_id = ${key.externalId} for update`;
  return row;
}
