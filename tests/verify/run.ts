// `npm run verify -- [--only NAME]… [--seed S] [--slices N] [--json FILE] [--list]`: the counts that issues ask for. Stopped, it goes on where it was;
// what is done is kept under .verify/. Exit code 1 when a count is not complete or did not hold.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COUNTS } from './table.ts';
import { verify, type Verified } from './verify.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, seed: { type: 'string', default: '1' }, slices: { type: 'string' }, json: { type: 'string' }, list: { type: 'boolean' } },
});
const asked = (values.only ?? []).flatMap((names) => names.split(','));
const unknown = asked.find((name) => !COUNTS.some((count) => count.name === name));
if (values.list || unknown !== undefined) {
  if (unknown !== undefined) console.error(`There is no count "${unknown}".`);
  for (const { name, counts, slices } of COUNTS) console.log(`${name.padEnd(18)} ${Object.entries(counts).map(([what, n]) => `${n} ${what}`).join(', ')} in ${slices} slices`);
  process.exit(unknown === undefined ? 0 : 2);
}
const results: Verified[] = [];
for (const count of COUNTS.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const result = await verify(count, {
    stateDir: join(ROOT, '.verify'), root: ROOT, seed: Number(values.seed), ...(values.slices === undefined ? {} : { slicesMax: Number(values.slices) }), say: (text) => console.log(text),
  });
  results.push(result);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  const verdict = result.failedSeeds.length > 0 ? `DID NOT HOLD with the seeds ${result.failedSeeds.join(', ')}` : result.ok ? 'holds' : `${result.slices.length} of ${count.slices} slices done, which held`;
  console.log([`${count.name}: ${verdict}`, ...Object.entries(result.sums).map(([name, n]) => `  ${String(n).padStart(10)}  ${name}`)].join('\n'));
}
process.exit(results.every(({ ok }) => ok) ? 0 : 1);
