// Dead letters, looked at and tried again: an event that failed too often, whose account wasn't connected, or that could not be read.
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../channels/channel.ts';
import { providerNamed } from '../channels/registry.ts';
import { countBlob } from '../messages/files.ts';
import type { Blobs } from '../platform/blobs.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { insertRows } from '../platform/insert.ts';
import { inboundEvents } from '../../schema/inbound.ts';
import { eventRows } from './receive.ts';

/**
 * Puts an event back into its lane. One of an unknown account finds its account anew; one that couldn't be read is parsed again by what the
 * channel's parser understands now, and its files are kept. What took effect before never takes effect twice.
 * @throws Refusal NOT_FOUND; INVALID_TRANSITION when it is pending or was applied, or still has no account or no meaning.
 */
export async function replayInboundEvent(tx: Tx, workspaceId: string, blobs: Blobs, id: string): Promise<void> {
  const [row] = await tx<{ state: string; deliveryId: string; event: InboundEvent | null; endpointId: string; provider: string }[]>`
    select e.state, e.delivery_id, e.event, d.endpoint_id, p.provider from inbound_events e
    join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id
    join channel_endpoints p on p.workspace_id = d.workspace_id and p.id = d.endpoint_id
    where e.workspace_id = ${workspaceId} and e.id = ${id} for update of e`;
  const event = found(row, 'inbound event');
  if (!['DEAD', 'WAITING', 'UNKNOWN_ACCOUNT', 'UNPARSED'].includes(event.state)) {
    throw new Refusal('INVALID_TRANSITION', `The event is ${event.state}; only DEAD, WAITING, UNKNOWN_ACCOUNT and UNPARSED ones can be replayed.`);
  }
  const { events, files } = event.state === 'UNPARSED' ? await parseAgain(tx, workspaceId, blobs, event) : { events: [event.event!], files: [] };
  const rows = await eventRows(tx, { workspaceId, endpointId: event.endpointId, deliveryId: event.deliveryId }, events);
  const homeless = rows.find(({ state }) => state !== 'PENDING');
  if (homeless) throw new Refusal('INVALID_TRANSITION', homeless.error!);
  for (const file of files) {
    await blobs.put(workspaceId, file.content);
    await countBlob(tx, workspaceId, file);
  }
  const [first, ...others] = rows;
  await tx`
    update inbound_events set state = 'PENDING', attempts = 0, error = null, waits_for = null, next_attempt_at = ${first!.nextAttemptAt}, account_id = ${first!.accountId}, lane = ${first!.lane},
      address_hash = ${first!.addressHash}, event = ${tx.json(first!.event as never)}
    where workspace_id = ${workspaceId} and id = ${id}`;
  await insertRows(tx, inboundEvents, others);
}

async function parseAgain(tx: Tx, workspaceId: string, blobs: Blobs, event: { deliveryId: string; provider: string }): Promise<Parsed> {
  const [delivery] = await tx<{ request: Omit<RawRequest, 'body'>; body: Buffer | null; bodySha256: string }[]>`
    select request, body, body_sha256 from deliveries where workspace_id = ${workspaceId} and id = ${event.deliveryId}`;
  const body = delivery!.body ?? (await blobs.get(workspaceId, delivery!.bodySha256));
  if (!body) throw new Refusal('NOT_FOUND', 'The raw delivery is no longer kept.');
  try {
    const parsed = await providerNamed(event.provider).parse({ ...delivery!.request, body });
    if (parsed.events.length === 0) throw new Refusal('INVALID_TRANSITION', 'It is read now, and says nothing that could be applied.');
    return parsed;
  } catch (error) {
    if (error instanceof Unparsable) throw new Refusal('INVALID_TRANSITION', `It still can't be read: ${error.message}`);
    throw error;
  }
}
