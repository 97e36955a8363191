// What a test really did, told to `npm run verify`, which holds it against the counts that are asked for. A size in the environment is a wish.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Adds to the figures of this slice (the file in PROVEN_JSON), of …Max the greatest, of …Min the least; called at the end of what held. Without `verify` it does nothing. */
export function proven(counts: Record<string, number>): void {
  const file = process.env.PROVEN_JSON;
  if (!file) return;
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { counts: Record<string, number> }).counts : {};
  const sums = { ...before };
  for (const [name, n] of Object.entries(counts)) sums[name] = name.endsWith('Max') ? Math.max(sums[name] ?? n, n) : name.endsWith('Min') ? Math.min(sums[name] ?? n, n) : (sums[name] ?? 0) + n;
  writeFileSync(file, `${JSON.stringify({ counts: sums })}\n`);
}
