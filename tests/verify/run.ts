// `npm run verify -- [--only NAME]… [--seed S] [--slices N] [--json FILE] [--list]`: the counts that issues ask for. Stopped, it goes on where it was;
// what is done is kept under .verify/, of the source as it is. Exit code 1 when a count is not complete, fell short or did not hold.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COUNTS, type Count } from './table.ts';
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
// What is under way is ended and not counted: it neither held nor failed.
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const results: Verified[] = [];
for (const count of COUNTS.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const result = await verify(count, {
    stateDir: join(ROOT, '.verify'), root: ROOT, seed: Number(values.seed), ...(values.slices === undefined ? {} : { slicesMax: Number(values.slices) }), say: (text) => console.log(text), signal: stopping.signal,
  });
  results.push(result);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  console.log([`${count.name}: ${verdict(count, result)}`, ...Object.entries(result.sums).map(([name, n]) => `  ${String(n).padStart(10)}  ${name}`)].join('\n'));
  if (stopping.signal.aborted) process.exit(130);
}
process.exit(results.every(({ ok }) => ok) ? 0 : 1);

function verdict(count: Count, { ok, slices, short, failedBefore }: Verified): string {
  const failed = slices.filter((slice) => !slice.ok);
  const told = [
    ...failed.map(({ seed, commit, dirty, replay }) => `\n  seed ${seed} DID NOT HOLD at ${commit ?? 'no commit'}${dirty ? ' with changes' : ''}: ${replay}`),
    ...Object.entries(short).map(([what, n]) => `\n  FELL SHORT: ${n} of ${count.counts[what]} ${what}`),
  ];
  const before = failedBefore.length > 0 ? ` (${failedBefore.length} failed of sources before)` : '';
  if (told.length > 0) return `DOES NOT HOLD${before}${told.join('')}`;
  return (ok ? 'holds' : `${slices.length} of ${count.slices} slices done, which held`) + before;
}
