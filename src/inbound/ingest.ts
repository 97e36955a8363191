// Messages that a program brings in: from a system that has no provider here, or history. One or many, each with its own result.
import type { Actor } from '../access/viewer.ts';
import type { InboundEvent, ObservedAddress } from '../channels/channel.ts';
import type { Channel } from '../conversations/continuity.ts';
import { normalAddress } from '../identities/address.ts';
import type { Arriving } from '../messages/arriving.ts';
import { after, now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { sqlState } from '../platform/sql-state.ts';
import { applyEvents, type Applied } from './apply.ts';

export const INGEST_MAX = 200;
const TEXT_MAX = 100_000;

export interface IngestMessage {
  channel: Channel;
  accountId: string | null;
  /** The customer's address. */
  address: { kind: string; namespace?: string | null; value: string; displayName?: string | null };
  direction: 'INBOUND' | 'OUTBOUND';
  text: string;
  subject?: string | null;
  occurredAt?: string | null;
  /** The message's id where it comes from: bringing it in again changes nothing. */
  externalId?: string | null;
  threadKey?: string | null;
  inReplyTo?: string | null;
}
/** By what a customer can be known on each channel; an id of another system is as good as an address for history. */
const ADDRESS_KINDS: Record<Channel, string[]> = {
  LIVE_CHAT: ['VISITOR', 'EXTERNAL_ID'], EMAIL: ['EMAIL', 'EXTERNAL_ID'], VOICE: ['PHONE', 'SIP_URI', 'EXTERNAL_ID'], SMS: ['PHONE', 'EXTERNAL_ID'],
  WHATSAPP: ['PHONE', 'WA_BSUID', 'WA_PARENT_BSUID', 'EXTERNAL_ID'], MESSENGER: ['PSID', 'EXTERNAL_ID'], INSTAGRAM: ['IGSID', 'EXTERNAL_ID'], X: ['X_USER_ID', 'EXTERNAL_ID'],
  IN_APP: ['VISITOR', 'EXTERNAL_ID'],
};
export type IngestResult = 'CREATED' | 'DUPLICATE';

/**
 * Brings in messages, in their order, in the caller's transaction. The same `externalId` on the same account takes effect once.
 * @returns what became of each: a Refusal (INVALID_INPUT, NOT_FOUND) where it can't be brought in, which holds up none of the others.
 */
export async function ingestMessages(tx: Tx, actor: Actor, messages: readonly IngestMessage[], mode: 'LIVE' | 'HISTORICAL'): Promise<(Applied | Refusal)[]> {
  const accounts = await ingestAccounts(tx, actor.workspaceId, messages);
  const receivedAt = now();
  const undated = messages.filter((message) => !message.occurredAt).length;
  let place = 0;
  // What has no moment of its own happened in the order in which it is told: a millisecond after the one before, and the last one now.
  const momentOf = (message: IngestMessage) => message.occurredAt ?? after(++place - undated, receivedAt);
  const results = messages.map((message) => {
    const occurredAt = momentOf(message);
    return refusing(() => arrivingOf(actor, message, mode, accountOf(accounts, message), { occurredAt, receivedAt }));
  });
  const arrivings = results.filter((result): result is Arriving => !(result instanceof Refusal));
  const applied = await together(tx, arrivings);
  await nameDuplicates(tx, actor.workspaceId, arrivings, applied);
  let i = 0;
  return results.map((result) => (result instanceof Refusal ? result : applied[i++]!));
}

/** All in one go; where one can't be stored, one by one, so that only that one is refused. */
async function together(tx: Tx, arrivings: readonly Arriving[]): Promise<(Applied | Refusal)[]> {
  if (arrivings.length === 0) return [];
  try {
    return (await tx.savepoint((inner) => applyEvents(inner, arrivings))) as Applied[];
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    if (arrivings.length === 1) return [refusal];
  }
  const results: (Applied | Refusal)[] = [];
  for (const arriving of arrivings) results.push(...(await together(tx, [arriving])));
  return results;
}

/** Class 22: a value that the database can't hold; 54: one larger than it takes. The message's fault, not the batch's. */
const refusalOf = (error: unknown): Refusal | null =>
  error instanceof Refusal ? error : /^(22|54)/.test(sqlState(error) ?? '') ? new Refusal('INVALID_INPUT', 'A value of this message cannot be stored.') : null;

function refusing<T>(make: () => T): T | Refusal {
  try {
    return make();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** A duplicate answers with the message that was brought in before. */
async function nameDuplicates(tx: Tx, workspaceId: string, arrivings: readonly Arriving[], applied: (Applied | Refusal)[]): Promise<void> {
  const nameless = arrivings.flatMap((arriving, i) => {
    const one = applied[i]!;
    return !(one instanceof Refusal) && one.state === 'DUPLICATE' && one.messageId === null ? [{ one, accountId: arriving.accountId, id: arriving.event.message!.providerMessageId }] : [];
  });
  if (nameless.length === 0) return;
  const rows = await tx<{ at: number; messageId: string; conversationId: string }[]>`
    select p.at::int4, m.id as message_id, m.conversation_id
    from unnest(${nameless.map((n) => n.accountId)}::uuid[], ${nameless.map((n) => n.id)}::text[]) with ordinality as p (account_id, id, at)
    join messages m on m.workspace_id = ${workspaceId} and m.account_id = p.account_id and m.provider_message_id = p.id`;
  for (const { at, ...known } of rows) Object.assign(nameless[at - 1]!.one, known);
}

/** @throws Refusal INVALID_INPUT */
function arrivingOf(
  actor: Actor, message: IngestMessage, mode: 'LIVE' | 'HISTORICAL', accountId: string, { occurredAt, receivedAt }: { occurredAt: string; receivedAt: string },
): Arriving {
  if (message.text.trim() === '') throw new Refusal('INVALID_INPUT', 'The text is empty.', { field: ['text'] });
  if (message.text.length > TEXT_MAX) throw new Refusal('INVALID_INPUT', `The text has ${message.text.length} characters; at most ${TEXT_MAX}.`, { field: ['text'] });
  if (mode === 'HISTORICAL' && !message.occurredAt) throw new Refusal('INVALID_INPUT', 'History needs `occurredAt`: when the message was written.', { field: ['occurredAt'] });
  if (message.occurredAt && message.occurredAt > receivedAt) throw new Refusal('INVALID_INPUT', `\`occurredAt\` is ${message.occurredAt}, which is still to come.`, { field: ['occurredAt'] });
  for (const [field, charactersMax] of [['externalId', 500], ['threadKey', 500], ['inReplyTo', 500], ['subject', 1_000]] as const) {
    const length = message[field]?.length ?? 0;
    if (length > charactersMax) throw new Refusal('INVALID_INPUT', `\`${field}\` has ${length} characters; at most ${charactersMax}.`, { field: [field] });
  }
  const normal = normalAddress({ kind: message.address.kind, namespace: message.address.namespace ?? '', value: message.address.value });
  if (!normal) throw new Refusal('INVALID_INPUT', `\`${message.address.value.slice(0, 60)}\` is no address of kind ${message.address.kind}.`, { field: ['address', 'value'] });
  const kinds = ADDRESS_KINDS[message.channel];
  if (!kinds.includes(normal.kind)) {
    throw new Refusal('INVALID_INPUT', `On ${message.channel} a customer is known by ${kinds.join(' or ')}, not by ${normal.kind}.`, { field: ['address', 'kind'] });
  }
  const address: ObservedAddress = {
    kind: normal.kind.toLowerCase() as ObservedAddress['kind'], namespace: normal.namespace, value: normal.value, valueRaw: message.address.value,
    // The caller holds a key of the workspace: he vouches for what he brings in.
    trust: 'attested', displayName: message.address.displayName ?? null,
  };
  const inbound = message.direction === 'INBOUND';
  const providerMessageId = idThere(message, message.externalId);
  const event: InboundEvent = {
    kind: 'message', direction: inbound ? 'inbound' : 'echo_external', channel: message.channel.toLowerCase() as InboundEvent['channel'], provider: 'api', account: null,
    dedupeKey: providerMessageId ?? newId(), occurredAt, senders: inbound ? [address] : [], recipients: inbound ? [] : [address],
    message: {
      providerMessageId, threadKey: message.threadKey ?? null, replyTo: idThere(message, message.inReplyTo), subject: message.subject ?? null, autoGenerated: null,
      parts: [{ type: 'text', text: message.text, visibleText: message.text, quotedText: null, html: null }],
    },
  };
  return { workspaceId: actor.workspaceId, accountId, channel: message.channel, event, receivedAt, historical: mode === 'HISTORICAL', author: actor };
}

/** An id as its channel keeps it: a Message-ID without angle brackets, which headers have and lists of mail don't. */
const idThere = ({ channel }: IngestMessage, id: string | null | undefined): string | null =>
  id == null ? null : channel === 'EMAIL' ? id.trim().replace(/^<([^<>]+)>$/, '$1') : id;

type Accounts = ReadonlyMap<string, string>;
const accountKey = ({ channel, accountId }: Pick<IngestMessage, 'channel' | 'accountId'>): string => `${channel} ${accountId ?? ''}`;

/** The accounts that the messages came by: the named one, the channel's default, or any of the channel. */
async function ingestAccounts(tx: Tx, workspaceId: string, messages: readonly IngestMessage[]): Promise<Accounts> {
  const asked = [...new Map(messages.map((message) => [accountKey(message), message])).values()];
  const rows = await tx<{ at: number; id: string }[]>`
    select p.at::int4, a.id from unnest(${asked.map((m) => m.channel)}::text[], ${asked.map((m) => m.accountId)}::uuid[]) with ordinality as p (channel, id, at)
    cross join lateral (
      select id from channel_accounts a where a.workspace_id = ${workspaceId} and a.channel = p.channel and (p.id is null or a.id = p.id)
      order by is_default desc, created_at, id limit 1) a`;
  return new Map(rows.map(({ at, id }) => [accountKey(asked[at - 1]!), id]));
}

/** @throws Refusal NOT_FOUND */
function accountOf(accounts: Accounts, message: IngestMessage): string {
  const account = accounts.get(accountKey(message));
  if (account !== undefined) return account;
  throw new Refusal('NOT_FOUND', message.accountId === null
    ? `The workspace has no ${message.channel} account to bring messages in by; connect one with connectChannel.`
    : `There is no such ${message.channel} account in this workspace.`, { field: ['accountId'] });
}
