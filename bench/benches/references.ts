// What the machine gives in this hour: a bare commit and a fixed loop. Absolute figures are divided by them, so that a slow hour shows.
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import postgres from 'postgres';
import { row, type Bench } from '../bench.ts';
import { spreadOf } from '../rounds.ts';

const HASHES = 200_000;

export const references: Bench = {
  names: ['ref.commit', 'ref.cpu'],
  async run({ cluster, rounds, seconds }) {
    const sql = postgres(cluster.url, { max: 1, onnotice: () => {} });
    const commits: number[] = [];
    const loops: number[] = [];
    try {
      await sql`select 1`;
      for (let round = 0; round < rounds; round++) {
        const began = performance.now();
        const endsAt = began + Math.min(1, seconds) * 1000;
        let done = 0;
        // A transactional message is written to the log of PostgreSQL and flushed by its commit, and leaves no row.
        for (; performance.now() < endsAt; done++) await sql`select pg_logical_emit_message(true, 'bench', 'x')`;
        commits.push(done / ((performance.now() - began) / 1000));
        loops.push(loopMs());
      }
    } finally {
      await sql.end({ timeout: 5 });
    }
    return [row('ref.commit', spreadOf(commits), '1/s'), row('ref.cpu', spreadOf(loops), 'ms')];
  },
};

function loopMs(): number {
  const began = performance.now();
  let text = 'x';
  for (let i = 0; i < HASHES; i++) text = createHash('sha256').update(text).digest('hex');
  return performance.now() - began;
}
