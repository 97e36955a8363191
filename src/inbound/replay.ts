// Dead letters, looked at and tried again: an event that failed too often, whose account wasn't connected, or that could not be read.
import { Unparsable, type InboundEvent, type RawRequest } from '../channels/channel.ts';
import { providerNamed } from '../channels/registry.ts';
import type { Blobs } from '../platform/blobs.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { accountOf, accountsOf, laneOf } from './receive.ts';

/**
 * Puts an event back into its lane. One of an unknown account finds its account anew; one that couldn't be read is parsed again by what the
 * channel's parser understands now. What took effect before never takes effect twice.
 * @throws Refusal NOT_FOUND; INVALID_TRANSITION when it is pending or was applied, or still has no account or no meaning.
 */
export async function replayInboundEvent(tx: Tx, workspaceId: string, blobs: Blobs, id: string): Promise<void> {
  const [row] = await tx<{ state: string; deliveryId: string; event: InboundEvent | null; endpointId: string; provider: string }[]>`
    select e.state, e.delivery_id, e.event, d.endpoint_id, p.provider from inbound_events e
    join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id
    join channel_endpoints p on p.workspace_id = d.workspace_id and p.id = d.endpoint_id
    where e.workspace_id = ${workspaceId} and e.id = ${id} for update of e`;
  const event = found(row, 'inbound event');
  if (!['DEAD', 'UNKNOWN_ACCOUNT', 'UNPARSED'].includes(event.state)) {
    throw new Refusal('INVALID_TRANSITION', `The event is ${event.state}; only DEAD, UNKNOWN_ACCOUNT and UNPARSED ones can be replayed.`);
  }
  const accounts = await accountsOf(tx, workspaceId, event.endpointId);
  const parsed = event.state === 'UNPARSED' ? await parseAgain(tx, workspaceId, blobs, event) : [event.event!];
  const at = now();
  for (const [ordinal, again] of parsed.entries()) {
    const { account, missing } = accountOf(accounts, again);
    if (!account) throw new Refusal('INVALID_TRANSITION', missing!);
    const lane = laneOf(account.id, again);
    if (ordinal === 0) {
      await tx`
        update inbound_events set state = 'PENDING', attempts = 0, error = null, next_attempt_at = ${at}, account_id = ${account.id}, lane = ${lane}, event = ${tx.json(again as never)}
        where workspace_id = ${workspaceId} and id = ${id}`;
    } else {
      await tx`insert into inbound_events ${tx({
        workspaceId, id: newId(), deliveryId: event.deliveryId, ordinal, accountId: account.id, lane, state: 'PENDING', event: tx.json(again as never), nextAttemptAt: at,
      })}`;
    }
  }
}

async function parseAgain(tx: Tx, workspaceId: string, blobs: Blobs, event: { deliveryId: string; provider: string }): Promise<InboundEvent[]> {
  const [delivery] = await tx<{ request: Omit<RawRequest, 'body'>; body: Buffer | null; bodySha256: string }[]>`
    select request, body, body_sha256 from deliveries where workspace_id = ${workspaceId} and id = ${event.deliveryId}`;
  const body = delivery!.body ?? (await blobs.get(workspaceId, delivery!.bodySha256));
  if (!body) throw new Refusal('NOT_FOUND', 'The raw delivery is no longer kept.');
  try {
    const parsed = await providerNamed(event.provider).parse({ ...delivery!.request, body });
    if (parsed.events.length === 0) throw new Refusal('INVALID_TRANSITION', 'It is read now, and says nothing that could be applied.');
    return parsed.events;
  } catch (error) {
    if (error instanceof Unparsable) throw new Refusal('INVALID_TRANSITION', `It still can't be read: ${error.message}`);
    throw error;
  }
}
