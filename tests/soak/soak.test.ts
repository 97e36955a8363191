// In seconds what `npm run soak` does over minutes: that the churn reaches the server, and that what is held comes back.
import { expect, test } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { soak } from './soak.ts';

test('sockets, listeners and sessions come back to their base after each round of churn', { timeout: 180_000 }, async () => {
  const db = await testDatabase();
  try {
    const result = await soak({ minutes: 0.01, acts: 2, seed: seedOfRun(), databaseUrl: db.url, say: () => {} });
    // Six rounds say nothing of a slope; of what is open they do.
    expect(result.faults.filter((fault) => !/grows/.test(fault))).toEqual([]);
    expect(result.rounds).toBe(6);
    expect(result.counts.failed).toBe(0);
    expect(result.counts.socketsOpened).toBe(6 * 12);
    expect(result.counts.eventsReceived).toBeGreaterThan(6 * 12);
    for (const sample of result.samples) expect(sample.heapUsed).toBeGreaterThan(10e6);
  } finally {
    await db.close();
  }
});
