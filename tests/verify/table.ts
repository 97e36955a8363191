// The counts that issues ask for, an entry a name: how many slices it is run in, each with a seed of its own, and the command of a slice. To add one,
// add a line.
export interface Count {
  name: string;
  /** What all slices together come to, as it is reported. */
  counts: Record<string, number>;
  slices: number;
  /** Of one slice. `json`: where it may leave its figures; what it writes there is kept. Its exit code 0 says that it held. */
  command: (o: { seed: number; json: string }) => { program: string; args: string[]; env?: Record<string, string> };
}

const tsx = (...args: string[]) => ({ program: process.execPath, args: ['--import', 'tsx', ...args] });
/** A test file whose size is set by the environment. */
const vitest = (file: string, env: Record<string, string>) => ({ program: process.execPath, args: ['node_modules/vitest/vitest.mjs', 'run', file, '--testTimeout=3600000'], env });

export const COUNTS: readonly Count[] = [
  {
    name: 'faults', counts: { apiKills: 200, postgresKills: 50, netFaults: 100 }, slices: 25,
    command: ({ seed, json }) => tsx('tests/faults/run.ts', '--api-kills', '8', '--postgres-kills', '2', '--net-faults', '4', '--seed', String(seed), '--json', json),
  },
  { name: 'soak', counts: { minutes: 30 }, slices: 1, command: ({ seed, json }) => tsx('tests/soak/run.ts', '--minutes', '30', '--seed', String(seed), '--json', json) },
  { name: 'resume', counts: { drops: 2_000 }, slices: 10, command: ({ seed, json }) => ({ program: process.execPath, args: ['bin/throughline.mjs', 'prove', 'resume', '--drops', '200', '--seed', String(seed), '--json', json] }) },
  { name: 'shuffle', counts: { runs: 1_000 }, slices: 10, command: ({ seed }) => vitest('tests/guarantees/shuffle.test.ts', { SEED: String(seed), RUNS: '100' }) },
  { name: 'rollups', counts: { runs: 500 }, slices: 10, command: ({ seed }) => vitest('tests/analytics/rollups.test.ts', { SEED: String(seed), RUNS: '50' }) },
  { name: 'differential', counts: { operations: 20_000 }, slices: 10, command: ({ seed }) => vitest('tests/graphql/project.test.ts', { SEED: String(seed), OPERATIONS: '2000' }) },
  // Over a schema made for it, which uses every form of declaration.
  { name: 'differential.forms', counts: { operations: 20_000 }, slices: 10, command: ({ seed }) => vitest('tests/graphql/differential.test.ts', { SEED: String(seed), OPERATIONS: '2000' }) },
  { name: 'mutants', counts: { mutants: 19 }, slices: 1, command: () => vitest('tests/graphql/mutants.test.ts', { MUTANTS: 'all' }) },
  { name: 'crawler', counts: {}, slices: 1, command: () => vitest('tests/guarantees/crawler.test.ts', { CRAWL: 'all' }) },
  { name: 'fuzz.operations', counts: { operations: 100_000 }, slices: 50, command: ({ seed }) => vitest('tests/fuzz/operations.test.ts', { SEED: String(seed), OPERATIONS: '2000', VERIFY: '1' }) },
  { name: 'fuzz.deliveries', counts: { deliveries: 20_000 }, slices: 20, command: ({ seed }) => vitest('tests/fuzz/deliveries.test.ts', { SEED: String(seed), DELIVERIES: '1000', VERIFY: '1' }) },
  { name: 'model', counts: { runs: 10_000 }, slices: 50, command: ({ seed }) => vitest('tests/model/spine.test.ts', { SEED: String(seed), RUNS: '200', VERIFY: '1' }) },
  { name: 'regexes', counts: {}, slices: 1, command: () => vitest('tests/regexes.test.ts', { JUDGE: 'all' }) },
];
