// Bringing messages in by the API, and trying again what could not be applied.
import type { Actor } from '../access/viewer.ts';
import type { Blobs } from '../platform/blobs.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { Channel } from '../channels/fields.ts';
import { Conversation } from '../conversations/fields.ts';
import { enumeration, idOf, inputObject } from '../graphql/entity.ts';
import { bulkRow, mutation } from '../graphql/mutation.ts';
import { IdentityKind } from '../identities/fields.ts';
import { Direction, Message } from '../messages/fields.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { InboundEvent } from './fields.ts';
import type { Applied } from './apply.ts';
import { INGEST_MAX, ingestMessages, type IngestMessage } from './ingest.ts';
import { replayInboundEvent } from './replay.ts';

const IngestMode = enumeration('IngestMode', 'Whether messages that are brought in are happening or have happened.', ['LIVE', 'HISTORICAL'], {
  LIVE: 'As if they came by their channel now: they open conversations, are routed, and make customers wait.',
  HISTORICAL: 'They keep their times and fire nothing: no routing, no waiting customer; conversations that they open are closed.',
});
const IngestResult = enumeration('IngestResult', 'What became of one message that was brought in.', ['CREATED', 'DUPLICATE'], {
  CREATED: 'It is on the timeline.',
  DUPLICATE: 'Its `externalId` was brought in before; nothing changed.',
});
const IngestAddressInput = inputObject('IngestAddressInput', 'The address of the customer.', {
  kind: { type: IdentityKind, required: true, description: 'What kind of address it is.' },
  namespace: { type: 'String', description: 'What it is unique within (a Page, a system\'s name); none for phone numbers and e-mail addresses.' },
  value: { type: 'String', required: true, description: 'The address: `+4915112345678`, `ada@example.com`.' },
  displayName: { type: 'String', description: 'The name that the sender goes by.' },
});
const IngestMessageInput = inputObject('IngestMessageInput', 'One message to bring in.', {
  channel: { type: Channel, required: true, description: 'The channel that it went by.' },
  accountId: { type: idOf('cha'), description: 'Which of our accounts it went by; default: the channel\'s default account.' },
  address: { type: IngestAddressInput, required: true, description: 'The customer\'s address; a customer is made when it is new.' },
  direction: { type: Direction, default: 'INBOUND', description: 'Which way it went.' },
  text: { type: 'String', required: true, description: 'What was said, at most 100,000 characters.' },
  subject: { type: 'String', description: 'An e-mail\'s subject.' },
  occurredAt: { type: 'DateTime', description: 'When it was written; default: now. History needs it.' },
  externalId: { type: 'String', description: 'Its id where it comes from: bringing it in again changes nothing.' },
  threadKey: { type: 'String', description: 'What its thread is called there: messages of one thread stay together.' },
  inReplyTo: { type: 'String', description: 'The `externalId` of the message that it answers.' },
});
const IngestedMessage = bulkRow('IngestedMessage', 'What became of one message, in the order of the input.', {
  result: { type: IngestResult, description: 'What became of it; null when it has errors.', nullable: true },
  message: { type: () => Message, description: 'The message, also of a duplicate: the one that was brought in before. Null when it has errors.', nullable: true },
  conversation: { type: () => Conversation, description: 'Its conversation; null when it has errors.', nullable: true },
});

mutation('ingestMessages', {
  description: `Brings in messages of a system that has no provider here, or history: at most ${INGEST_MAX} at once, each with its own result. One that is refused holds up none of the others.`,
  permission: 'messages:ingest',
  idempotent: true,
  input: {
    messages: { type: IngestMessageInput, list: true, required: true, description: 'The messages, in order.' },
    mode: { type: IngestMode, default: 'LIVE', description: 'Whether they are happening or have happened.' },
  },
  payload: { messages: { type: IngestedMessage, list: true, description: 'What became of each.' } },
  run: async (tx, { actor }, input) => (await ingestAll(tx, actor, [input]))[0]!,
  together: { run: (tx, { actor }, inputs) => ingestAll(tx, actor, inputs), weight: (input: IngestInput) => input.messages.length },
});

interface IngestInput {
  messages: (IngestMessage & { accountId: string | null })[];
  mode?: 'LIVE' | 'HISTORICAL' | null;
}

/** Several calls in their order; neighbours of one mode are brought in together. */
async function ingestAll(tx: Tx, actor: Actor, inputs: readonly IngestInput[]): Promise<{ messages: Record<string, unknown>[] }[]> {
  const rows: Record<string, unknown>[][] = inputs.map(() => []);
  for (const { messages } of inputs) {
    if (messages.length > INGEST_MAX) throw new Refusal('INVALID_INPUT', `There are ${messages.length} messages; at most ${INGEST_MAX} at once.`, { field: ['messages'] });
  }
  for (let from = 0; from < inputs.length; ) {
    const mode = inputs[from]!.mode ?? 'LIVE';
    let to = from + 1;
    while (to < inputs.length && (inputs[to]!.mode ?? 'LIVE') === mode) to++;
    const calls = inputs.slice(from, to).flatMap(({ messages }, i) => messages.map((message) => ({ call: from + i, message })));
    const given = calls.map(({ message }) => withAccount(message));
    const known = given.filter((message): message is IngestMessage => !(message instanceof Refusal));
    const results = await ingestMessages(tx, actor, known, mode);
    let at = 0;
    calls.forEach(({ call }, i) => rows[call]!.push(rowOf(given[i] instanceof Refusal ? given[i] : results[at++]!)));
    from = to;
  }
  return rows.map((messages) => ({ messages }));
}

function withAccount(message: IngestInput['messages'][number]): IngestMessage | Refusal {
  try {
    return { ...message, accountId: message.accountId == null ? null : uuidFrom('cha', message.accountId, 'accountId') };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

const rowOf = (result: Applied | Refusal): Record<string, unknown> =>
  result instanceof Refusal
    ? { result: null, message: null, conversation: null, userErrors: [result] }
    : { result: result.state === 'DUPLICATE' ? 'DUPLICATE' : 'CREATED', message: result.messageId, conversation: result.conversationId, userErrors: [] };

mutation('replayInboundEvent', {
  description: 'Tries again what could not be applied: a DEAD event, one of an account that is connected by now, one that can be read by now. What took effect before never takes effect twice.',
  permission: 'channels:write',
  input: { inboundEventId: { type: idOf('inb'), required: true, description: 'The event.' } },
  payload: { inboundEvent: { type: () => InboundEvent, description: 'The event, PENDING again.' } },
  run: async (tx, { actor, parts }, input) => {
    const id = uuidFrom('inb', input.inboundEventId, 'inboundEventId');
    await replayInboundEvent(tx, actor.workspaceId, parts.blobs as Blobs, id);
    return { inboundEvent: id };
  },
});
