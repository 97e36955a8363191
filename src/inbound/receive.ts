// The doors' other side, first half: a verified request is parsed and stored, raw and as events, in one transaction; then it may be acknowledged.
import { createHash } from 'node:crypto';
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../channels/channel.ts';
import { providerNamed } from '../channels/registry.ts';
import { deliveries, inboundEvents, type DELIVERY_SOURCES, type INBOUND_STATES } from '../../schema/inbound.ts';
import type { Blobs } from '../platform/blobs.ts';
import { countBlob } from '../messages/files.ts';
import { now } from '../platform/clock.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import { Gathering } from '../platform/gathering.ts';
import { newId } from '../platform/ids.ts';
import { insertRows } from '../platform/insert.ts';
import { keyedHash } from '../platform/secrets.ts';

/** Bodies above this lie in the blob store, not in the row. */
const BODY_IN_ROW_BYTES_MAX = 256 * 1024;
/** What the row keeps of such a one, to be looked at. */
const BODY_HEAD_BYTES = 64 * 1024;

export interface DoorContext {
  app: Sql;
  blobs: Blobs;
}
export interface Delivered extends Stored {
  parsed: Parsed | null;
  /** Why it can't be read, when it can't. */
  unparsed: string | null;
}
interface Stored {
  deliveryId: string;
  events: StoredEvent[];
}
export interface StoredEvent {
  id: string;
  lane: string;
  state: (typeof INBOUND_STATES)[number];
  error: string | null;
}
interface Delivery {
  endpointId: string;
  source: (typeof DELIVERY_SOURCES)[number];
  request: RawRequest;
  parsed: Parsed | null;
  unparsed: string | null;
  historical?: boolean;
  receivedAt?: string;
  /** Of a body that is in the blob store. */
  bodySha256?: string;
}

/** Of deliveries that are stored by one transaction. */
const TOGETHER_BYTES_MAX = 2 * 1024 * 1024;
/** What one weighs at least: 128 of them are enough for a transaction. */
const WEIGHT_MIN = TOGETHER_BYTES_MAX / 128;
const lines = new WeakMap<Sql, Gathering<Delivery & { workspaceId: string }, Stored>>();

/**
 * Stores one delivery of a provider and the events read out of it; after it returns, nothing of it can be lost. What can't be parsed is kept as
 * one event UNPARSED, an account that isn't connected as UNKNOWN_ACCOUNT; both are listed with their reason and can be replayed.
 * The request was verified by the caller. `historical`: it keeps its times and fires nothing. Those of a workspace that come at the same moment are
 * committed together.
 */
export async function receiveDelivery(
  context: DoorContext,
  endpoint: { workspaceId: string; id: string; provider: string },
  o: { source: (typeof DELIVERY_SOURCES)[number]; request: RawRequest; historical?: boolean; receivedAt?: string },
): Promise<Delivered> {
  const { workspaceId } = endpoint;
  let parsed: Parsed | null = null;
  let unparsed: string | null = null;
  try {
    parsed = await providerNamed(endpoint.provider).parse(o.request);
  } catch (error) {
    if (!(error instanceof Unparsable)) throw error;
    unparsed = error.message;
  }
  for (const file of parsed?.files ?? []) await context.blobs.put(workspaceId, file.content);
  const bodySha256 = o.request.body.length > BODY_IN_ROW_BYTES_MAX ? await context.blobs.put(workspaceId, o.request.body) : undefined;
  const stored = await lineOf(context.app).run(workspaceId, { ...o, workspaceId, endpointId: endpoint.id, parsed, unparsed, bodySha256 });
  return { ...stored, parsed, unparsed };
}

function lineOf(app: Sql): Gathering<Delivery & { workspaceId: string }, Stored> {
  const known = lines.get(app);
  if (known) return known;
  const together = (deliveries: (Delivery & { workspaceId: string })[]) => inWorkspace(app, deliveries[0]!.workspaceId, (tx) => storeDeliveries(tx, deliveries[0]!.workspaceId, deliveries));
  const line = new Gathering(async (delivery: Delivery & { workspaceId: string }) => (await together([delivery]))[0]!, together, ({ request }) => Math.max(WEIGHT_MIN, request.body.length), TOGETHER_BYTES_MAX);
  lines.set(app, line);
  return line;
}

/**
 * The same in the caller's transaction, for what was parsed already. Files, and a body over 256 KiB, must be in the blob store before.
 */
export const storeDelivery = async (tx: Tx, workspaceId: string, delivery: Delivery): Promise<Stored> => (await storeDeliveries(tx, workspaceId, [delivery]))[0]!;

async function storeDeliveries(tx: Tx, workspaceId: string, given: readonly Delivery[]): Promise<Stored[]> {
  const stored = given.map((delivery) => ({ ...delivery, id: newId(), isLarge: delivery.request.body.length > BODY_IN_ROW_BYTES_MAX, bodySha256: delivery.bodySha256 ?? createHash('sha256').update(delivery.request.body).digest('hex') }));
  const written = insertRows(tx, deliveries, stored.map(({ id, endpointId, source, isLarge, bodySha256, receivedAt, historical, request: { method, url, headers, body } }) => ({
    workspaceId, id, endpointId, source, body: isLarge ? null : body, bodyHead: isLarge ? body.subarray(0, BODY_HEAD_BYTES) : null, bodySha256, bodyBytes: body.length, receivedAt: receivedAt ?? now(),
    request: { method, url: urlWithoutSecrets(url), headers: withoutSecrets(headers), historical: historical ?? false },
  })));
  const [accounts] = await Promise.all([accountsOf(tx, workspaceId, stored.map(({ endpointId }) => endpointId)), written]);
  for (const { parsed, isLarge, bodySha256, request } of stored) {
    for (const file of parsed?.files ?? []) await countBlob(tx, workspaceId, file);
    if (isLarge) await countBlob(tx, workspaceId, { sha256: bodySha256, mime: request.headers['content-type'] ?? 'application/octet-stream', content: request.body });
  }
  const rows: EventRow[][] = [];
  for (const { id, endpointId, parsed, unparsed } of stored) {
    const place = { workspaceId, deliveryId: id, accounts: accounts.filter((account) => account.endpointId === endpointId) };
    rows.push(parsed ? await rowsOfEvents(tx, place, parsed.events.flatMap(singleReports)) : [unparsedRow(place, unparsed)]);
  }
  await insertRows(tx, inboundEvents, rows.flat());
  return stored.map(({ id }, i) => ({ deliveryId: id, events: rows[i]!.map(({ id: eventId, lane, state, error }) => ({ id: eventId, lane, state, error })) }));
}

interface Place {
  workspaceId: string;
  deliveryId: string;
  /** Of the endpoint. */
  accounts: EndpointAccount[];
}
type EventRow = ReturnType<typeof unparsedRow>;

/** A row of `inbound_events`. */
const unparsedRow = ({ workspaceId, deliveryId, accounts }: Place, error: string | null) => ({
  workspaceId, deliveryId, nextAttemptAt: now(), id: newId(), ordinal: 0, accountId: accounts.length === 1 ? accounts[0]!.id : null, lane: '0',
  addressHash: null as Buffer | null, event: null as InboundEvent | null, state: 'UNPARSED' as StoredEvent['state'], error,
});

/** The rows of what a delivery says, in its order: with their accounts, or why there is none, their lanes, and whom an erase finds them by. */
export async function eventRows(tx: Tx, { workspaceId, endpointId, deliveryId }: { workspaceId: string; endpointId: string; deliveryId: string }, events: readonly InboundEvent[]): Promise<EventRow[]> {
  return rowsOfEvents(tx, { workspaceId, deliveryId, accounts: await accountsOf(tx, workspaceId, [endpointId]) }, events);
}

async function rowsOfEvents(tx: Tx, place: Place, events: readonly InboundEvent[]): Promise<EventRow[]> {
  const { workspaceId, deliveryId, accounts } = place;
  const known = await accountsByReference(tx, workspaceId, accounts, events);
  return events.map((event, ordinal) => {
    const { account, missing } = accountOf(accounts, known.has(event) ? { ...event, account: known.get(event)! } : event);
    const counterpart = counterpartOf(event);
    return {
      workspaceId, deliveryId, nextAttemptAt: now(), id: newId(), ordinal, accountId: account?.id ?? null, lane: laneOf(account?.id ?? '', event),
      addressHash: counterpart === null ? null : keyedHash(counterpart), event, state: account ? 'PENDING' : 'UNKNOWN_ACCOUNT', error: missing,
    };
  });
}

/** A report on several messages is one on each, and one on everything up to a moment: each is applied, or waits for its message, by itself. */
function singleReports(event: InboundEvent): InboundEvent[] {
  const { targets: named = [], watermark, upTo, ...report } = event.receipt ?? { targets: [] };
  const targets = [...new Set(named)];
  const isUpTo = watermark !== undefined || upTo !== undefined;
  if (targets.length + (isUpTo ? 1 : 0) < 2) return [event];
  const one = (key: string, of: Pick<NonNullable<InboundEvent['receipt']>, 'targets' | 'watermark' | 'upTo'>): InboundEvent => (
    { ...event, dedupeKey: `${event.dedupeKey} ${key}`, receipt: { ...(report as NonNullable<InboundEvent['receipt']>), ...of } });
  return [
    ...(isUpTo ? [one('up to', { ...(watermark === undefined ? {} : { watermark }), ...(upTo === undefined ? {} : { upTo }) })] : []),
    ...targets.map((target) => one(target, { targets: [target] })),
  ];
}

interface EndpointAccount {
  endpointId: string;
  id: string;
  channel: string;
  address: string;
  state: string;
}

const accountsOf = (tx: Tx, workspaceId: string, endpointIds: readonly string[]): Promise<EndpointAccount[]> => tx<EndpointAccount[]>`
  select endpoint_id, id, channel, address, state from channel_accounts where workspace_id = ${workspaceId} and endpoint_id = any(${[...new Set(endpointIds)]}::uuid[]) order by created_at, id`;

/**
 * Reports of legs, recordings and deliveries name no number of ours: where the endpoint has several, the call or message that they speak of
 * tells; a call also while its own report still waits to be applied. Event -> the account's address.
 */
async function accountsByReference(tx: Tx, workspaceId: string, accounts: readonly EndpointAccount[], events: readonly InboundEvent[]): Promise<Map<InboundEvent, string>> {
  const found = new Map<InboundEvent, string>();
  for (const event of events) {
    const ofChannel = accounts.filter((account) => account.channel === event.channel.toUpperCase()).map((account) => account.id);
    if (event.account !== null || ofChannel.length < 2) continue;
    const ids = event.call ? [event.call.providerCallId, ...(event.call.parentCallId ? [event.call.parentCallId] : [])] : (event.receipt?.targets ?? []);
    if (ids.length === 0) continue;
    const [row] = event.call
      ? await tx<{ accountId: string }[]>`
          select account_id from calls where workspace_id = ${workspaceId} and account_id = any(${ofChannel}::uuid[]) and provider_call_id = any(${ids}::text[])
          union all select account_id from inbound_events where workspace_id = ${workspaceId} and state = 'PENDING' and account_id = any(${ofChannel}::uuid[])
            and event->'call'->>'providerCallId' = any(${ids}::text[])
          limit 1`
      : await tx<{ accountId: string }[]>`select account_id from messages where workspace_id = ${workspaceId} and account_id = any(${ofChannel}::uuid[]) and provider_message_id = any(${ids}::text[]) limit 1`;
    const account = accounts.find(({ id }) => id === row?.accountId);
    if (account) found.set(event, account.address);
  }
  return found;
}

/** The active account of the event's channel that the payload names, or the only one when it names none; else why there is none. */
function accountOf(accounts: readonly EndpointAccount[], event: Pick<InboundEvent, 'account' | 'channel'>): { account?: EndpointAccount; missing: string | null } {
  const named = event.account?.toLowerCase();
  const ofChannel = accounts.filter((account) => account.channel === event.channel.toUpperCase());
  const fitting = named === undefined ? (ofChannel.length === 1 ? ofChannel : []) : ofChannel.filter((account) => account.address.toLowerCase() === named);
  const active = fitting.find((account) => account.state === 'ACTIVE');
  if (active) return { account: active, missing: null };
  if (fitting[0]) return { missing: `The account is ${fitting[0].state.toLowerCase()}; make it active, then replay.` };
  return { missing: `No ${event.channel} account of this endpoint has the address ${event.account ?? '(none given)'}; connect it, then replay.` };
}

/** What must be applied in order: everything of one counterpart, one call, or one message's reports. A signed 64-bit number as text. */
function laneOf(accountId: string, event: InboundEvent): string {
  const about = event.call ? `call ${event.call.parentCallId ?? event.call.providerCallId}` : (counterpartOf(event) ?? event.receipt?.targets?.[0] ?? event.dedupeKey);
  return createHash('sha256').update(`${accountId} ${about}`).digest().readBigInt64BE(0).toString();
}

const counterpartOf = (event: InboundEvent): string | null => {
  const address = event.direction === 'inbound' ? event.senders[0] : event.recipients[0];
  return address ? `${address.kind} ${address.namespace} ${address.value}` : null;
};

/**
 * Credentials of a request are checked once and never kept: an operator can read what is (`Delivery.raw`). By their names, since anybody can have
 * put a key of his into a webhook's address or headers.
 */
const SECRET = /authorization|cookie|secret|passw|credential|api[-_]?key|access[-_]?key|token|^key$/i;

const withoutSecrets = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !SECRET.test(name)));

/** Parsing reads parameters of ours out of the address again when a delivery is replayed: all but secret ones stay as they are. */
function urlWithoutSecrets(url: string): string {
  const bare = url.replace(/^(\w+:\/\/)[^/?#@]*@/, '$1');
  const [path, query] = [bare.split('?', 1)[0]!, bare.slice(bare.split('?', 1)[0]!.length + 1)];
  const kept = query.split('&').map((pair) => (SECRET.test(nameOf(pair)) ? `${pair.split('=', 1)[0]!}=removed` : pair));
  return bare.includes('?') ? `${path}?${kept.join('&')}` : path;
}

function nameOf(pair: string): string {
  const name = pair.split('=', 1)[0]!;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
