// Bringing messages in: one at a time with 32 in flight, beside one hand-written statement that writes the same rows; and in batches of a hundred.
import { sequenceAll } from '../../src/events/sequencer.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import { row, type Bench, type Context, type Row } from '../bench.ts';
import { startOurs, startProgram } from '../contenders/start.ts';
import { copyOf, KEYS, type Data } from '../data.ts';
import { ask, load, request } from '../load.ts';
import { inRounds, medianOf, ratio, spreadOf, type Contender } from '../rounds.ts';

const ADDRESSES_MAX = 1_000;
const ADDRESSES_QUICK_MAX = 500;
const BATCH = 100;
const BATCHES_IN_FLIGHT = 4;
const ROWS_COMPARED = 20;

const MUTATION = 'mutation Ingest($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { result message { id } userErrors { message } } userErrors { message } } }';

export const ingest: Bench = {
  names: ['ingest.single.vs_limit', 'ingest.batch'],
  async run(context, wanted) {
    const copy = await copyOf(context.cluster, await context.data(), 'ingest');
    try {
      return await measured(context, copy.data, wanted);
    } finally {
      await copy.drop();
    }
  },
};

async function measured(context: Context, data: Data, wanted: ReadonlySet<string>): Promise<Row[]> {
  const addresses = Math.min(context.quick ? ADDRESSES_QUICK_MAX : ADDRESSES_MAX, data.size.customers);
  let number = 0;
  /** The next messages, each by another address, none like any before. */
  const body = (count: number) => ({
    query: MUTATION,
    variables: { input: { messages: Array.from({ length: count }, () => {
      const n = number++;
      return { channel: 'EMAIL', address: { kind: 'EMAIL', value: `seed-${n % addresses}@customers.example` }, text: `Is there any news of my parcel? (${n})`, externalId: `bench-${n}@mail.example` };
    }) } },
  });
  const next = (count: number) => request('/graphql', { authorization: `Bearer ${KEYS.ADMIN}` }, body(count));
  const owner = openPool({ url: data.url, max: 2, applicationName: 'bench' });
  const system = openPool({ url: data.url, role: 'throughline_system', max: 1, applicationName: 'bench' });
  const ours = await startOurs(data);
  const limit = await startProgram('limit-ingest.ts', data);
  try {
    // Everybody has an open matter before it counts, so that both join one.
    for (let done = 0; done < addresses; done += BATCH) expectCreated((await ask(ours.said, next(BATCH))).text);
    const rows: Row[] = [];
    if (wanted.has('ingest.single.vs_limit')) {
      await expectSameRows(owner, system, [ours.said, limit.said], () => next(1));
      const contender = (name: string, { said, pid }: { said: string; pid: number }): Contender => ({ name, address: said, pid, requests: () => next(1), before: () => settled(system) });
      // Our server numbers and routes whatever is written, and would take the limit's time for that: it is stopped meanwhile.
      const alone: Partial<Contender> = {
        before: async () => {
          await settled(system);
          process.kill(ours.pid, 'SIGSTOP');
        },
        after: async () => void process.kill(ours.pid, 'SIGCONT'),
      };
      const turns = await inRounds([{ ...contender('limit', limit), ...alone }, contender('ours', ours)], { ...context, postmaster: context.cluster.postmaster });
      rows.push(row('ingest.single.vs_limit', ratio(turns, 'ours', 'limit'), 'x', '>= 0.6'));
      for (const name of ['ours', 'limit']) {
        rows.push(row(`ingest.single.${name}.per_second`, spreadOf(turns.get(name)!.map(({ perSecond }) => perSecond)), '1/s'));
        rows.push(row(`ingest.single.${name}.node_us`, medianOf(turns, name, 'nodeMicros'), 'µs'), row(`ingest.single.${name}.postgres_us`, medianOf(turns, name, 'postgresMicros'), 'µs'));
      }
    }
    if (wanted.has('ingest.batch')) {
      const rates: number[] = [];
      for (let round = 0; round < context.rounds; round++) {
        const { good, bad, seconds, fault } = await load({ address: ours.said, requests: () => next(BATCH), connections: BATCHES_IN_FLIGHT, seconds: context.seconds });
        if (bad > 0) throw new Error(`A batch was not taken: ${fault}`);
        rates.push((good * BATCH) / seconds);
      }
      rows.push(row('ingest.batch', spreadOf(rates), '1/s', '>= 5000'));
    }
    // Every message that was asked for was answered, and stands there once.
    const [stored] = await owner<{ n: number }[]>`select count(*)::int as n from messages where provider_message_id like 'bench-%@mail.example'`;
    if (stored!.n !== number) throw new Error(`${number} messages were taken, and ${stored!.n} are there.`);
    await sequenceAll(system);
    return rows;
  } finally {
    process.kill(ours.pid, 'SIGCONT');
    await Promise.all([ours.stop(), limit.stop()]);
    await Promise.all([owner.end({ timeout: 5 }), system.end({ timeout: 5 })]);
  }
}

function expectCreated(text: string): void {
  if (/"result":"CREATED"/.test(text) && !/"result":(null|"DUPLICATE")/.test(text)) return;
  throw new Error(`A message was not brought in: ${text.slice(0, 500)}`);
}

/** @throws Error when the contenders don't write as many rows into the same tables: then the ratio would say nothing. */
async function expectSameRows(owner: Sql, system: Sql, addresses: readonly string[], next: () => Buffer): Promise<void> {
  const added: string[] = [];
  for (const address of addresses) {
    await settled(system);
    const before = await rowsOf(owner);
    for (let i = 0; i < ROWS_COMPARED; i++) expectCreated((await ask(address, next())).text);
    await settled(system);
    const after = await rowsOf(owner);
    added.push(JSON.stringify(Object.entries(after).flatMap(([name, count]) => (count === before[name] ? [] : [[name, count - before[name]!]]))));
  }
  if (new Set(added).size > 1) throw new Error(`The contenders write different rows for ${ROWS_COMPARED} messages: ${added.join(' and ')}.`);
}

/** Waits until every event has its place and the consumers of the log, of our server, have taken it: what they write follows from it. */
async function settled(system: Sql): Promise<void> {
  for (;;) {
    await sequenceAll(system);
    const [row] = await system<{ behind: boolean }[]>`select exists (select from consumers where position < (select position from log_state limit 1)) as behind`;
    if (!row!.behind) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function rowsOf(owner: Sql): Promise<Record<string, number>> {
  const tables = await owner<{ name: string }[]>`
    select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not in ('consumers', 'event_sources') order by 1`;
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [counted] = await owner<{ n: number }[]>`select count(*)::int as n from ${owner(name)}`;
    counts[name] = counted!.n;
  }
  return counts;
}
