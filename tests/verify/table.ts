// The counts that issues ask for, an entry a name: how many slices it is run in, each with a seed of its own, and the command of a slice. To add one,
// add a line.
import { readFileSync } from 'node:fs';
import { buildSchema } from 'graphql';

export interface Count {
  name: string;
  /** What all slices together must have done, at least, by what they report; of `…Min` each of them. */
  counts: Record<string, number>;
  slices: number;
  /** Of one slice. `json`: where it leaves what it really did. Its exit code 0 says that it held. */
  command: (o: { seed: number; json: string }) => { program: string; args: string[]; env?: Record<string, string> };
}

const tsx = (...args: string[]) => ({ program: process.execPath, args: ['--import', 'tsx', ...args] });
/** A test file whose size is set by the environment, and which tells what it did (tests/harness/proven.ts). */
const vitest = (file: string, json: string, env: Record<string, string>) => ({ program: process.execPath, args: ['node_modules/vitest/vitest.mjs', 'run', file, '--testTimeout=3600000'], env: { ...env, PROVEN_JSON: json } });

/** Before the name of a root field: how often it was asked for. */
export const ASKED_FOR = 'asked for ';
/** Every root field of the schema, that often. */
function askedForEach(times: number): Record<string, number> {
  const schema = buildSchema(readFileSync(new URL('../../schema/api.graphql', import.meta.url), 'utf8'));
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return Object.fromEntries(roots.flatMap((root) => Object.keys(root!.getFields())).map((field) => [ASKED_FOR + field, times]));
}

export const COUNTS: readonly Count[] = [
  {
    name: 'faults', slices: 25,
    counts: { 'api kill': 200, 'postgres kill': 50, 'net fault': 100, acksBeforeAFaultMin: 200, underWayAtAKillMin: 1, 'disk full': 25, 'clock jump': 25, 'api stop': 25, 'postgres stop': 25, 'backend kill': 25, 'after the raw store': 1, 'in the transaction': 1, 'after the provider\'s answer': 1 },
    command: ({ seed, json }) => tsx('tests/faults/run.ts', '--api-kills', '8', '--postgres-kills', '2', '--net-faults', '4', '--seed', String(seed), '--json', json),
  },
  { name: 'soak', counts: { minutes: 30 }, slices: 1, command: ({ seed, json }) => tsx('tests/soak/run.ts', '--minutes', '30', '--seed', String(seed), '--json', json) },
  { name: 'resume', counts: { drops: 2_000 }, slices: 10, command: ({ seed, json }) => ({ program: process.execPath, args: ['bin/throughline.mjs', 'prove', 'resume', '--drops', '200', '--seed', String(seed), '--json', json] }) },
  { name: 'shuffle', counts: { runs: 1_000 }, slices: 10, command: ({ seed, json }) => vitest('tests/guarantees/shuffle.test.ts', json, { SEED: String(seed), RUNS: '100' }) },
  { name: 'shuffle.networks', counts: { runs: 1_000 }, slices: 10, command: ({ seed, json }) => vitest('tests/guarantees/shuffle-networks.test.ts', json, { SEED: String(seed), RUNS: '100' }) },
  { name: 'rollups', counts: { runs: 500 }, slices: 10, command: ({ seed, json }) => vitest('tests/analytics/rollups.test.ts', json, { SEED: String(seed), RUNS: '50' }) },
  { name: 'differential', counts: { operations: 20_000 }, slices: 10, command: ({ seed, json }) => vitest('tests/graphql/project.test.ts', json, { SEED: String(seed), OPERATIONS: '2000' }) },
  // Over a schema made for it, which uses every form of declaration.
  { name: 'differential.forms', counts: { operations: 20_000 }, slices: 10, command: ({ seed, json }) => vitest('tests/graphql/differential.test.ts', json, { SEED: String(seed), OPERATIONS: '2000' }) },
  { name: 'mutants', counts: { mutants: 19 }, slices: 1, command: ({ json }) => vitest('tests/graphql/mutants.test.ts', json, { MUTANTS: 'all' }) },
  { name: 'crawler', counts: { arguments: 159, wrongIds: 1_000 }, slices: 1, command: ({ json }) => vitest('tests/guarantees/crawler.test.ts', json, { CRAWL: 'all' }) },
  { name: 'fuzz.operations', counts: { operations: 100_000, ...askedForEach(30) }, slices: 50, command: ({ seed, json }) => vitest('tests/fuzz/operations.test.ts', json, { SEED: String(seed), OPERATIONS: '2000', VERIFY: '1' }) },
  { name: 'fuzz.deliveries', counts: { deliveries: 20_000 }, slices: 20, command: ({ seed, json }) => vitest('tests/fuzz/deliveries.test.ts', json, { SEED: String(seed), DELIVERIES: '1000', VERIFY: '1' }) },
  { name: 'real input', counts: { mails: 400, requests: 90 }, slices: 1, command: ({ json }) => vitest('tests/journey/real-input.test.ts', json, { REAL_INPUT: 'all' }) },
  { name: 'large mails', counts: { mails: 7 }, slices: 1, command: ({ json }) => vitest('tests/server/large-mail.test.ts', json, { VERIFY: '1' }) },
  {
    name: 'model', slices: 50,
    // What was done, by the names of tests/model/commands.ts: a run in which nothing could happen proves nothing.
    counts: { runs: 10_000, ingest: 1_000, 'ingest twice at once': 1_000, duplicate: 300, 'late by min': 1_000, 'kill backends': 300, 'ingest killed after turns': 1_000, subscribe: 300, drop: 100, resume: 100, 'new key and a follower': 200, revoke: 100, claim: 1_000, confirm: 300, reject: 300 },
    command: ({ seed, json }) => vitest('tests/model/spine.test.ts', json, { SEED: String(seed), RUNS: '200', VERIFY: '1' }),
  },
  // Of what a machine may lack, and a test then skips: here it must be.
  { name: 'browser', counts: { payloads: 140, livePages: 1 }, slices: 1, command: ({ json }) => ({ ...vitest('tests/guarantees/html-browser.test.ts', json, { VERIFY: '1' }), args: ['node_modules/vitest/vitest.mjs', 'run', 'tests/guarantees/html-browser.test.ts', 'tests/live'] }) },
  { name: 'restored', counts: { dumps: 1, tables: 1 }, slices: 1, command: ({ json }) => vitest('tests/guarantees/restored.test.ts', json, {}) },
  { name: 'regexes', counts: { judged: 300, measured: 60 }, slices: 1, command: ({ json }) => vitest('tests/regexes.test.ts', json, { JUDGE: 'all' }) },
];
