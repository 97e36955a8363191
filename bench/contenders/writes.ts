// The write transaction of a message (address, conversation, message, entry) by hand, alone or with what the log adds to it: its events and
// their places. `run plain N` and `run events N` are answered by the seconds that N transactions took, the log drained.
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { NOT_WAITING } from '../../schema/conversations.ts';
import { appendEvents } from '../../src/events/append.ts';
import { sequenceAll, startSequencer } from '../../src/events/sequencer.ts';
import { now } from '../../src/platform/clock.ts';
import { inWorkspace, openPool, type Tx } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { WORKSPACE } from '../data.ts';

const IN_FLIGHT = 32;
const url = process.env.DATABASE_URL!;
const app = openPool({ url, role: 'throughline_app', max: 10, applicationName: 'bench writes' });
const system = openPool({ url, role: 'throughline_system', max: 2, applicationName: 'bench writes' });
const customers = await inWorkspace(app, WORKSPACE, (tx) => tx<{ id: string }[]>`select id from customers where workspace_id = ${WORKSPACE} order by id limit 2000`);
let number = 0;

async function write(tx: Tx, withEvents: boolean): Promise<void> {
  const [identityId, conversationId, messageId, at] = [newId(), newId(), newId(), now()];
  const { id: customerId } = customers[number++ % customers.length]!;
  const actor = { kind: 'CUSTOMER' as const, id: identityId };
  await tx`
    insert into identities (workspace_id, id, customer_id, kind, value, value_raw, trust, first_seen_at, last_seen_at, created_at)
    values (${WORKSPACE}, ${identityId}, ${customerId}, 'VISITOR', ${identityId}, ${identityId}, 'ATTESTED', ${at}, ${at}, ${at})`;
  await tx`
    insert into conversations (workspace_id, id, identity_id, status_changed_at, status_changed_by_kind, channels, last_inbound_channel, waiting_order, last_message_id, last_message_at, last_activity_at,
      message_count, created_at)
    values (${WORKSPACE}, ${conversationId}, ${identityId}, ${at}, 'CUSTOMER', '{LIVE_CHAT}', 'LIVE_CHAT', ${NOT_WAITING}, ${messageId}, ${at}, ${at}, 1, ${at})`;
  await tx`
    insert into messages (workspace_id, id, conversation_id, identity_id, channel, direction, author_kind, author_id, occurred_at, received_at, text, delivery_state, sender_trust, join_reason, created_at)
    values (${WORKSPACE}, ${messageId}, ${conversationId}, ${identityId}, 'LIVE_CHAT', 'INBOUND', 'CUSTOMER', ${identityId}, ${at}, ${at}, 'Is anybody there?', 'RECEIVED', 'ATTESTED', 'NEW_CONVERSATION', ${at})`;
  await tx`
    insert into timeline_entries (workspace_id, identity_id, occurred_at, id, kind, ref_id, conversation_id, channel, actor_kind, actor_id, data)
    values (${WORKSPACE}, ${identityId}, ${at}, ${newId()}, 'MESSAGE', ${messageId}, ${conversationId}, 'LIVE_CHAT', 'CUSTOMER', ${identityId}, '{"direction":"INBOUND"}')`;
  if (!withEvents) return;
  await appendEvents(tx, WORKSPACE, [
    { kind: 'identity.added', actor, data: { customerId, identityId } },
    { kind: 'conversation.opened', actor, conversationId, data: { identityId } },
    { kind: 'message.received', actor, conversationId, data: { messageId, identityId, channel: 'LIVE_CHAT', direction: 'INBOUND' } },
  ]);
}

async function run(withEvents: boolean, count: number): Promise<number> {
  const began = performance.now();
  const sequencer = withEvents ? startSequencer(system) : null;
  let left = count;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (left-- > 0) {
      await inWorkspace(app, WORKSPACE, (tx) => write(tx, withEvents));
      sequencer?.wake();
    }
  }));
  await sequencer?.close();
  if (withEvents) await sequenceAll(system);
  return (performance.now() - began) / 1000;
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [, what, count] = line.split(' ');
  run(what === 'events', Number(count)).then((seconds) => console.log(`done ${seconds}`), (error: Error) => console.log(`error ${error.message}`));
});
console.log('ready');
process.on('SIGTERM', () => process.exit(0));
