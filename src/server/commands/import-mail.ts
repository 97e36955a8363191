// Old mail into a workspace, by the way that new mail goes: stored as deliveries, then applied lane by lane. What an earlier run stored is known
// by its bytes, so a run that was broken off goes on, and one that was finished changes nothing.
import { createHash } from 'node:crypto';
import { contextHeaders } from '../../channels/email/context.ts';
import { isConnectionLost } from '../../platform/connection-lost.ts';
import { applyNow, startDrain } from '../../inbound/drain.ts';
import { receiveDelivery, type DoorContext } from '../../inbound/receive.ts';
import type { Sql } from '../../platform/db.ts';
import { inWorkspace } from '../../platform/db.ts';
import type { FoundMail, MailFiles } from './import-files.ts';

export interface Mailbox {
  workspaceId: string;
  endpointId: string;
  address: string;
  authservId: string | null;
}
export interface NotShown {
  file: string;
  reason: string;
}
/** What became of the mails. Those of an earlier run are counted by `before` only; both lists name them too. */
export interface ImportSummary {
  files: number;
  /** Mails that an earlier run had stored. */
  before: number;
  messages: number;
  /** Delivery reports and readings that were in them. */
  receipts: number;
  /** Complaints, opt-outs and the like. */
  others: number;
  /** Mails that were there already by their Message-ID. */
  duplicates: number;
  /** Mails that took no effect, and why. */
  rejected: NotShown[];
  /** Mails that were understood and are on no timeline, and why: reports on what was not sent from here, duplicates. */
  unshown: NotShown[];
  seconds: number;
}

const MAILS_AT_ONCE = 4;
const DELIVERIES_A_PAGE = 1_000;
const SETTLE_POLL_MS = 200;

interface Stored {
  file: string;
  deliveryId: string;
  before: boolean;
}

/** @throws what the database threw when it went away; a later run goes on from there. */
export async function importMail(
  context: DoorContext & { system: Sql },
  mailbox: Mailbox,
  found: MailFiles,
  o: { live: boolean; progress: (done: number, total: number) => void },
): Promise<ImportSummary> {
  const began = performance.now();
  const known = await storedBefore(context.app, mailbox);
  const stored: Stored[] = [];
  const rejected: NotShown[] = [];
  let done = 0;

  const take = async ({ file, raw }: FoundMail): Promise<void> => {
    if (raw === null) return void rejected.push({ file, reason: 'It is larger than 100 MB.' });
    // As many copies as were stored: a folder may hold the same mail twice.
    const before = known.get(sha256(raw))?.shift();
    if (before) return void stored.push({ file, deliveryId: before, before: true });
    try {
      stored.push({ file, deliveryId: await takeMail(context, mailbox, raw, o.live), before: false });
    } catch (error) {
      if (isConnectionLost(error)) throw error;
      rejected.push({ file, reason: `It could not be stored: ${(error as Error).message}` });
    }
  };
  await Promise.all(Array.from({ length: MAILS_AT_ONCE }, async () => {
    for (let next = await found.mails.next(); !next.done; next = await found.mails.next()) {
      await take(next.value);
      o.progress(++done, found.count);
    }
  }));
  await settled(context, mailbox.workspaceId, stored);
  const outcome = await outcomes(context.app, mailbox.workspaceId, stored);
  const byName = (a: NotShown, b: NotShown): number => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0);
  return {
    files: done, before: stored.filter((one) => one.before).length, ...outcome, rejected: [...rejected, ...outcome.rejected].sort(byName), unshown: outcome.unshown.sort(byName),
    seconds: Math.round(performance.now() - began) / 1000,
  };
}

/** Digest of a mail's bytes -> its deliveries. */
async function storedBefore(app: Sql, mailbox: Mailbox): Promise<Map<string, string[]>> {
  const rows = await inWorkspace(app, mailbox.workspaceId, (tx) => tx<{ id: string; bodySha256: string }[]>`
    select id, body_sha256 from deliveries
    where workspace_id = ${mailbox.workspaceId} and endpoint_id = ${mailbox.endpointId} and source = 'IMPORT' and request->'headers'->>'x-envelope-to' = ${mailbox.address}
    order by id`);
  const known = new Map<string, string[]>();
  for (const { id, bodySha256 } of rows) {
    const deliveries = known.get(bodySha256);
    if (deliveries) deliveries.push(id);
    else known.set(bodySha256, [id]);
  }
  return known;
}

async function takeMail(context: DoorContext, mailbox: Mailbox, raw: Buffer, live: boolean): Promise<string> {
  const delivered = await receiveDelivery(context, { workspaceId: mailbox.workspaceId, id: mailbox.endpointId, provider: 'mime' }, {
    source: 'IMPORT', historical: !live,
    request: { method: 'IMPORT', url: '', body: raw, headers: contextHeaders({ envelopeTo: mailbox.address, authservId: mailbox.authservId, imported: true }) },
  });
  for (const event of delivered.events) {
    if (event.state === 'PENDING') await applyNow({ app: context.app, report: () => {} }, mailbox.workspaceId, event);
  }
  return delivered.deliveryId;
}

/** Waits until nothing of these is pending: what failed is tried again by the drain, until it is applied or dead. */
async function settled(context: DoorContext & { system: Sql }, workspaceId: string, stored: readonly Stored[]): Promise<void> {
  const pending = async (): Promise<boolean> => {
    for (const page of pages(stored)) {
      const [row] = await inWorkspace(context.app, workspaceId, (tx) => tx`
        select 1 from inbound_events where workspace_id = ${workspaceId} and delivery_id = any(${page.map((one) => one.deliveryId)}::uuid[]) and state = 'PENDING' limit 1`);
      if (row) return true;
    }
    return false;
  };
  if (!(await pending())) return;
  const drain = startDrain({ app: context.app, system: context.system, wake: () => {}, report: () => {} });
  try {
    do await new Promise((resolve) => setTimeout(resolve, SETTLE_POLL_MS));
    while (await pending());
  } finally {
    await drain.stop();
  }
}

type Outcome = Pick<ImportSummary, 'messages' | 'receipts' | 'others' | 'duplicates' | 'rejected' | 'unshown'>;
interface EventRow {
  deliveryId: string;
  state: string;
  error: string | null;
  kind: string | null;
  messageId: string | null;
  reason: string | null;
}

async function outcomes(app: Sql, workspaceId: string, stored: readonly Stored[]): Promise<Outcome> {
  const sum: Outcome = { messages: 0, receipts: 0, others: 0, duplicates: 0, rejected: [], unshown: [] };
  for (const page of pages(stored)) {
    const rows = await inWorkspace(app, workspaceId, (tx) => tx<EventRow[]>`
      select delivery_id, state, error, event->>'kind' as kind, message_id, event->'receipt'->>'reason' as reason from inbound_events
      where workspace_id = ${workspaceId} and delivery_id = any(${page.map((one) => one.deliveryId)}::uuid[]) order by delivery_id, ordinal`);
    const byDelivery = new Map<string, EventRow[]>();
    for (const row of rows) byDelivery.set(row.deliveryId, [...(byDelivery.get(row.deliveryId) ?? []), row]);
    for (const one of page) add(sum, one, byDelivery.get(one.deliveryId) ?? []);
  }
  return sum;
}

function add(sum: Outcome, { file, before }: Stored, events: readonly EventRow[]): void {
  const failed = events.filter((event) => !['APPLIED', 'DUPLICATE', 'IGNORED', 'WAITING'].includes(event.state));
  if (failed.length > 0) sum.rejected.push({ file, reason: `${failed[0]!.state}: ${failed[0]!.error ?? 'no reason was kept'}` });
  // A report waits for the mail that it speaks of, which may be imported yet.
  const applied = events.filter((event) => event.state === 'APPLIED' || event.state === 'WAITING');
  if (!before) {
    sum.messages += applied.filter((event) => event.kind === 'message').length;
    // One that names no mail of ours is IGNORED; it was brought in all the same.
    sum.receipts += events.filter((event) => event.kind === 'receipt' && event.state !== 'DUPLICATE').length;
    sum.others += applied.filter((event) => event.kind !== 'message' && event.kind !== 'receipt').length;
  }
  if (events.length > 0 && events.every((event) => event.state === 'DUPLICATE')) {
    if (!before) sum.duplicates++;
    sum.unshown.push({ file, reason: 'A mail with the same Message-ID is there already.' });
  } else if (failed.length === 0 && !applied.some((event) => event.messageId !== null)) {
    sum.unshown.push({ file, reason: whyUnshown(events) });
  }
}

function whyUnshown(events: readonly EventRow[]): string {
  const receipt = events.find((event) => event.kind === 'receipt');
  if (receipt) return `A report (${receipt.reason ?? 'no reason given'}) on a mail that was not sent from here.`;
  return events.length === 0 ? 'It says nothing that could be shown.' : `It holds only ${[...new Set(events.map((event) => event.kind))].join(', ')}.`;
}

function* pages(stored: readonly Stored[]): Generator<readonly Stored[]> {
  for (let at = 0; at < stored.length; at += DELIVERIES_A_PAGE) yield stored.slice(at, at + DELIVERIES_A_PAGE);
}

const sha256 = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex');
