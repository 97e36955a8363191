// `npm run soak -- --minutes M [--seed S] [--json FILE]`: churn against a real server on a PostgreSQL of its own; prints the heap's slope with its noise.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbedded } from '../../src/platform/embedded-postgres.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { kb, soak } from './soak.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' }, json: { type: 'string' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 10_000)) {
  console.error(`--minutes must be a number above 0, not "${values.minutes}".`);
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'throughline-soak-'));
const postgres = await startEmbedded({ dataDir: dir, say: () => {} });
let code = 1;
try {
  const result = await soak({ minutes, acts: 6, seed: values.seed === undefined ? seedOfRun() : Number(values.seed), databaseUrl: postgres.url, say: (text) => console.log(text) });
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  const { heap, external, base, end } = result;
  console.log([
    `soak: ${result.ok ? 'everything came back to its base' : 'SOMETHING DID NOT COME BACK'} (${result.rounds} rounds, --seed ${result.seed})`,
    `  heap after collection   ${heap.firstMb.toFixed(1)} → ${heap.lastMb.toFixed(1)} MB, slope ${kb(heap.perMinute)} a minute, noise ±${kb(heap.noisePerMinute)}`,
    `  outside of the heap     slope ${kb(external.perMinute)} a minute, noise ±${kb(external.noisePerMinute)}`,
    ...(['sockets', 'handles', 'listeners', 'sessions'] as const).map((name) => `  ${name.padEnd(23)} ${base[name]} → ${end[name]}`),
    ...Object.entries(result.counts).map(([name, n]) => `  ${name.padEnd(23)} ${n}`),
    ...result.faults.map((fault) => `  FAULT ${fault}`),
  ].join('\n'));
  code = result.ok ? 0 : 1;
} finally {
  await postgres.stop();
  if (!postgres.dir.startsWith(dir)) rmSync(dirname(postgres.dir), { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
}
process.exit(code);
