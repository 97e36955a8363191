// `throughline prove resume`: what a subscriber saw, joined over any number of drops, equals the log. Several real sockets are cut at random while
// mutations write, and the server is restarted in between.
import { scratchServer, type ScratchServer } from './prove-server.ts';
import { subscriber, type Subscriber } from './prove-subscriber.ts';
import type { Proof, ProofOptions } from './prove.ts';

const SUBSCRIBERS = 6;
const CONVERSATIONS = 3;
const CATCH_UP_MS = 30_000;
const WRITERS = 2;

const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { id kind conversationSeq } } }';
const CONVERSATION = `subscription ($after: Cursor, $conversationId: ID!) {
  conversationUpdated(after: $after, conversationId: $conversationId) { cursor conversationSeq eventKind } }`;
const INGEST = `mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { conversation { id } userErrors { message } } userErrors { message } } }`;
const NOTE = 'mutation ($input: AddNoteInput!) { addNote(input: $input) { note { id } userErrors { message } } }';
const TAG = 'mutation ($input: TagInput!) { tag(input: $input) { conversation { id } userErrors { message } } }';

export async function proveResume(o: ProofOptions): Promise<Proof> {
  const server = await scratchServer();
  try {
    return await proved(server, o);
  } finally {
    await server.close();
  }
}

async function proved(server: ScratchServer, { drops, random, progress }: ProofOptions): Promise<Proof> {
  const conversations: string[] = [];
  for (let i = 0; i < CONVERSATIONS; i++) conversations.push(await write(server, i, `begin-${i}`));
  // Until routing has followed: the cursor and the position are then the same place.
  await quiet(server);
  const { cursor } = await server.ask<{ cursor: string }>('{ cursor }');
  const begin = await lastPosition(server);

  const of = Array.from({ length: SUBSCRIBERS }, (_, i) => (i < SUBSCRIBERS - 2 ? null : conversations[i - (SUBSCRIBERS - 2)]!));
  const readers = of.map((conversationId, i): Subscriber => subscriber({
    address: server.address, key: server.adminKey, cursor, random,
    drops: Math.floor(drops / SUBSCRIBERS) + (i < drops % SUBSCRIBERS ? 1 : 0),
    ...(conversationId === null
      ? { document: EVENTS, markOf: ({ events: { cursor: at, event } }) => ({ cursor: at, mark: `${event.id} ${event.kind} ${event.conversationSeq ?? '-'}` }) }
      : { document: CONVERSATION, variables: { conversationId }, markOf: ({ conversationUpdated: it }) => ({ cursor: it.cursor, mark: `${it.conversationSeq} ${it.eventKind}` }) }),
  }));

  // Writing goes on while connections are cut, and a little longer.
  let isDropping = true;
  let writes = 0;
  const writing = Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; isDropping; n++) {
      await change(server, conversations, random, `w${writer}-${n}`);
      writes++;
      progress(dropsOf(readers), drops);
    }
  }));
  const half = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isDropping && dropsOf(readers) < drops / 2) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
  // A failing writer must end the proof, not hang it.
  await Promise.race([writing, half]);
  await server.restart();
  await Promise.race([writing, Promise.all(readers.map((reader) => reader.dropped))]);
  isDropping = false;
  await writing;
  progress(drops, drops);

  await quiet(server);
  const log = await readLog(server, begin);
  const sum: Difference = { lost: 0, doubled: 0, disordered: 0, faults: [] };
  for (const [i, reader] of readers.entries()) {
    const told = (text: string): string => `subscriber ${i + 1}: ${text}`;
    await reader.finish(marksOf(log, of[i]!).at(-1)!, CATCH_UP_MS).catch((error: Error) => sum.faults.push(told(error.message)));
    const { lost, doubled, disordered, faults } = differences(reader.seen.map((seen) => seen.mark), marksOf(await readLog(server, begin), of[i]!));
    sum.lost += lost;
    sum.doubled += doubled;
    sum.disordered += disordered;
    sum.faults.push(...faults.map(told));
  }
  const seen = readers.reduce((sum, reader) => sum + reader.seen.length, 0);
  return {
    ok: sum.faults.length === 0,
    counts: {
      subscribers: SUBSCRIBERS, drops: dropsOf(readers), serverRestarts: 1,
      endedByServer: readers.reduce((sum, reader) => sum + reader.endedByServer, 0), writes, eventsInLog: log.length, eventsSeen: seen, lost: sum.lost, doubled: sum.doubled, disordered: sum.disordered,
    },
    faults: sum.faults,
  };
}

const dropsOf = (readers: readonly Subscriber[]): number => readers.reduce((sum, reader) => sum + reader.drops, 0);

async function write(server: ScratchServer, customer: number, key: string): Promise<string> {
  const { ingestMessages } = await server.ask<{ ingestMessages: { messages: { conversation: { id: string } }[] } }>(INGEST, {
    input: { idempotencyKey: `ingest-${key}`, messages: [{ channel: 'EMAIL', address: { kind: 'EMAIL', value: `prove-${customer}@example.com` }, text: `Message ${key}`, externalId: `prove-${key}` }] },
  });
  return ingestMessages.messages[0]!.conversation.id;
}

/** A change of any kind, repeated until it is acknowledged: with its key it has its effect once. */
async function change(server: ScratchServer, conversations: readonly string[], random: () => number, key: string): Promise<void> {
  const at = Math.floor(random() * CONVERSATIONS);
  const conversationId = conversations[at]!;
  const kind = random();
  if (kind < 0.6) await write(server, at, key);
  else if (kind < 0.8) await server.ask(NOTE, { input: { idempotencyKey: `note-${key}`, conversationId, body: `Note ${key}` } });
  else await server.ask(TAG, { input: { conversationId, add: [random() < 0.5 ? 'left' : 'right'], remove: [random() < 0.5 ? 'up' : 'left'] } });
}

interface Logged {
  id: string;
  kind: string;
  conversationId: string | null;
  conversationSeq: number | null;
}

/** The log as it stands in the database, not as the graph tells it. */
async function readLog(server: ScratchServer, after: number): Promise<Logged[]> {
  return server.system<Logged[]>`
    select 'evt_' || replace(id::text, '-', '') as id, upper(replace(kind, '.', '_')) as kind, case when conversation_id is null then null
      else 'cnv_' || replace(conversation_id::text, '-', '') end as conversation_id, conversation_seq
    from events where workspace_id = ${server.workspaceId} and position > ${after} order by position`;
}

async function lastPosition(server: ScratchServer): Promise<number> {
  const [row] = await server.system<{ position: number }[]>`select coalesce(max(position), 0) as position from events where workspace_id = ${server.workspaceId}`;
  return row!.position;
}

const marksOf = (log: readonly Logged[], conversationId: string | null): string[] =>
  log.filter((event) => conversationId === null || event.conversationId === conversationId)
    .map((event) => (conversationId === null ? `${event.id} ${event.kind} ${event.conversationSeq ?? '-'}` : `${event.conversationSeq} ${event.kind}`));

/** Until routing has followed, and nothing more is on its way. */
async function quiet(server: ScratchServer): Promise<void> {
  for (let last = -1; ; ) {
    const [row] = await server.system<{ waiting: number }[]>`select count(*)::int as waiting from event_outbox`;
    const position = await lastPosition(server);
    if (row!.waiting === 0 && position === last) return;
    last = position;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

interface Difference {
  lost: number;
  doubled: number;
  /** Seen at another place than the log has it, or not in the log at all. */
  disordered: number;
  faults: string[];
}

/** What is wrong with what was seen, in events. */
function differences(seen: readonly string[], log: readonly string[]): Difference {
  const times = new Map<string, number>();
  for (const mark of seen) times.set(mark, (times.get(mark) ?? 0) + 1);
  const lost = log.filter((mark) => !times.has(mark));
  const doubled = [...times].filter(([, n]) => n > 1).map(([mark]) => mark);
  const logged = new Set(log);
  const unknown = seen.filter((mark) => !logged.has(mark));
  // With the lost and the doubled taken away, what is left must be the same.
  const once = [...times.keys()];
  const there = log.filter((mark) => times.has(mark));
  const misplaced = once.filter((mark) => logged.has(mark)).filter((mark, i) => there[i] !== mark);
  const told = (what: string, marks: readonly string[]): string[] => (marks.length === 0 ? [] : [`${what} ${marks.length} of ${log.length} events, the first ${marks[0]}`]);
  return {
    lost: lost.length, doubled: doubled.length, disordered: unknown.length + misplaced.length,
    faults: [...told('lost', lost), ...told('doubled', doubled), ...told('saw out of order', misplaced), ...told('saw what the log does not hold:', unknown)],
  };
}
