// Q1 to Q3 by every contender, interleaved: what all of the reads' bars are made of.
import { openPool, type Sql } from '../../src/platform/db.ts';
import { row, type Bench, type Context, type Row } from '../bench.ts';
import { startLimit, startLoaders, startOurs, startPostgraphile } from '../contenders/start.ts';
import type { Data } from '../data.ts';
import { ask } from '../load.ts';
import type { Running } from '../processes.ts';
import { limitRequests, normalised, oursRequests, postgraphileRequests, QUESTIONS, TITLES, type Question } from '../questions.ts';
import { inRounds, medianOf, ratio, spreadOf, type Contender, type Spread, type Turns } from '../rounds.ts';

const VS_POSTGRAPHILE: Record<Question, number> = { q1: 3, q2: 2, q3: 2.5 };
const ANSWERS_COMPARED = 25;

export const reads: Bench = {
  names: [...QUESTIONS.flatMap((q) => [`${q}.vs_limit`, `${q}.vs_postgraphile`]), 'loaders.vs_limit', 'rls.cost'],
  async run(context, wanted) {
    const questions = QUESTIONS.filter((q) => [`${q}.vs_limit`, `${q}.vs_postgraphile`, 'loaders.vs_limit', 'rls.cost'].some((name) => wanted.has(name)));
    const any = (...names: string[]) => names.some((name) => wanted.has(name));
    const data = await context.data();
    const owner = openPool({ url: data.url, max: 1, applicationName: 'bench' });
    const running: Record<string, Running> = {};
    const results = new Map<Question, Turns>();
    try {
      await policies(owner, true);
      if (any('loaders.vs_limit', ...QUESTIONS.map((q) => `${q}.vs_limit`))) {
        running.limit = await startLimit(data, 'object');
        running['limit (text)'] = await startLimit(data, 'text');
      }
      if (any(...QUESTIONS.map((q) => `${q}.vs_postgraphile`))) running.postgraphile = await startPostgraphile(data);
      running.ours = await startOurs(data);
      if (any('loaders.vs_limit')) running.loaders = await startLoaders(data);
      for (const question of questions) {
        const asks = Object.keys(running).filter((name) => name === 'ours' || usedBy(question, name, wanted));
        const contenders = asks.map((name) => contender(name, running[name]!, question, data));
        await expectSameAnswers(contenders);
        const turning: Contender[] = [...contenders];
        if (wanted.has('rls.cost')) {
          const ours = contender('ours', running.ours, question, data);
          turning.push({ ...ours, name: 'ours, policies off', before: () => policies(owner, false), after: () => policies(owner, true) });
        }
        context.say(`${question}: ${TITLES[question]}; ${asks.length} contenders give the same answers`);
        results.set(question, await inRounds(turning, {
          rounds: context.rounds, seconds: context.seconds, connections: context.connections, postmaster: context.cluster.postmaster,
        }));
        shown(context, results.get(question)!);
      }
    } finally {
      await Promise.all(Object.values(running).map((each) => each.stop()));
      await policies(owner, true);
      await owner.end({ timeout: 5 });
    }
    return rowsOf(results, wanted);
  },
};

function usedBy(question: Question, name: string, wanted: ReadonlySet<string>): boolean {
  if (name === 'postgraphile') return wanted.has(`${question}.vs_postgraphile`);
  if (name === 'loaders') return wanted.has('loaders.vs_limit');
  return wanted.has(`${question}.vs_limit`) || (name === 'limit' && wanted.has('loaders.vs_limit'));
}

function contender(name: string, { said, pid }: Running, question: Question, data: Data): Contender & { requests: readonly Buffer[] } {
  const requests = name.startsWith('limit') ? limitRequests : name === 'postgraphile' ? postgraphileRequests : oursRequests;
  return { name, address: said, pid, requests: requests(question, data.customerIds) };
}

/** @throws Error that shows both answers, when one contender says anything else than the first */
async function expectSameAnswers(contenders: readonly (Contender & { requests: readonly Buffer[] })[]): Promise<void> {
  const [first, ...others] = contenders;
  for (let i = 0; i < Math.min(ANSWERS_COMPARED, first!.requests.length); i++) {
    const expected = normalised((await ask(first!.address, first!.requests[i]!)).text);
    for (const other of others) {
      const got = normalised((await ask(other.address, other.requests[i]!)).text);
      if (got === expected) continue;
      const at = [...expected].findIndex((character, index) => character !== got[index]);
      throw new Error(`${other.name} answers otherwise than ${first!.name}, from character ${at}:\n  ${expected.slice(Math.max(0, at - 100), at + 200)}\n  ${got.slice(Math.max(0, at - 100), at + 200)}`);
    }
  }
}

/** Switches row-level security of every table on or off. The predicates of the statements stay. */
async function policies(owner: Sql, on: boolean): Promise<void> {
  const tables = await owner<{ name: string }[]>`
    select distinct c.relname as name from pg_class c join pg_policy p on p.polrelid = c.oid where c.relnamespace = 'public'::regnamespace and c.relrowsecurity <> ${on}`;
  for (const { name } of tables) {
    if (on) await owner`alter table ${owner(name)} enable row level security`;
    else await owner`alter table ${owner(name)} disable row level security`;
  }
}

function shown(context: Context, turns: Turns): void {
  for (const name of turns.keys()) {
    const of = (what: Parameters<typeof medianOf>[2]) => medianOf(turns, name, what);
    context.say(`  ${name.padEnd(18)} ${of('perSecond').toFixed(0).padStart(6)}/s   p50 ${of('p50Ms').toFixed(1)} ms   p99 ${of('p99Ms').toFixed(1)} ms   node ${of('nodeMicros').toFixed(0)} µs   `
      + `postgres ${of('postgresMicros').toFixed(0)} µs   ${of('bytes').toFixed(0)} bytes`);
  }
}

function rowsOf(results: ReadonlyMap<Question, Turns>, wanted: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  const loaders: Spread[] = [];
  const costs: Spread[] = [];
  const details: Row[] = [];
  for (const [question, turns] of results) {
    const cpu = (name: string) => medianOf(turns, name, 'nodeMicros') + medianOf(turns, name, 'postgresMicros');
    if (wanted.has(`${question}.vs_limit`)) {
      rows.push(row(`${question}.vs_limit`, ratio(turns, 'ours', 'limit'), 'x', '>= 0.8'));
      details.push(row(`${question}.text_vs_limit`, ratio(turns, 'limit (text)', 'limit'), 'x'), row(`${question}.cpu_vs_limit`, cpu('ours') / cpu('limit'), 'x'));
    }
    if (wanted.has(`${question}.vs_postgraphile`)) rows.push(row(`${question}.vs_postgraphile`, ratio(turns, 'ours', 'postgraphile'), 'x', `>= ${VS_POSTGRAPHILE[question]}`));
    if (turns.has('loaders') && turns.has('limit')) {
      loaders.push(ratio(turns, 'loaders', 'limit'));
      details.push(row(`loaders.vs_limit.${question}`, loaders.at(-1)!, 'x', '>= 0.15'));
    }
    if (turns.has('ours, policies off')) {
      const { median, low, high } = ratio(turns, 'ours', 'ours, policies off');
      costs.push({ median: 1 - median, low: 1 - high, high: 1 - low });
      details.push(row(`rls.cost.${question}`, costs.at(-1)!, 'share', '<= 0.15'));
    }
    for (const name of turns.keys()) {
      const label = `${question}.${name.replace(/[^a-z]+/g, '_').replace(/_$/, '')}`;
      details.push(row(`${label}.per_second`, spreadOf(turns.get(name)!.map((turn) => turn.perSecond)), '1/s'));
      details.push(row(`${label}.node_us`, medianOf(turns, name, 'nodeMicros'), 'µs'), row(`${label}.postgres_us`, medianOf(turns, name, 'postgresMicros'), 'µs'));
    }
  }
  // Each of the questions has to hold: the worst is the figure.
  if (wanted.has('loaders.vs_limit')) rows.push(row('loaders.vs_limit', loaders.reduce((a, b) => (a.median <= b.median ? a : b)), 'x', '>= 0.15'));
  if (wanted.has('rls.cost')) rows.push(row('rls.cost', costs.reduce((a, b) => (a.median >= b.median ? a : b)), 'share', '<= 0.15'));
  return [...rows, ...details];
}
