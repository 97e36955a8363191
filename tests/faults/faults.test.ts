// In small what `npm run faults` does at full count; and that what judges it can fail.
import { expect, test } from 'vitest';
import { isDriverFault } from '../../src/platform/db.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { runFaults } from './faults.ts';
import type { Act } from './fleet.ts';
import { overtaken } from './invariants.ts';
import { schedule, type Counts } from './schedule.ts';

const SEED = seedOfRun();
const FEW: Counts = { 'api kill': 1, 'postgres kill': 1, 'net fault': 2, 'api stop': 0, 'postgres stop': 0, 'backend kill': 0, 'disk full': 0, 'clock jump': 0 };

test(`nothing acknowledged is lost, doubled or out of order over a few kills of servers, PostgreSQL and wires (SEED=${SEED})`, { timeout: 420_000 }, async () => {
  // As main.ts does: the driver throws from a timer when a backend dies.
  const others = process.listeners('uncaughtException') as ((...args: unknown[]) => void)[];
  process.removeAllListeners('uncaughtException');
  const onFault = (error: unknown) => {
    if (!isDriverFault(error)) for (const other of others) other(error);
  };
  process.on('uncaughtException', onFault);
  try {
    const result = await runFaults({ counts: FEW, seed: SEED, acks: 8, every: 100, people: 4, workers: 2, secondsMax: 200, say: () => {} });
    // A shared machine says nothing of times: bars are claimed from `verify`.
    expect(result.faults.filter((fault) => !/ ms until both servers/.test(fault))).toEqual([]);
    expect(result.done).toEqual(FEW);
    expect(result.counts).toMatchObject({ lost: 0, doubled: 0, disordered: 0, checks: 1, unknown: 0 });
    expect(result.counts.acknowledged).toBeGreaterThan(4 * 8);
    expect(result.counts.underWayAtAKillMin).toBeGreaterThan(0);
    expect(result.counts.seen).toBeGreaterThan(40);
    expect(Object.values(result.phases).reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(1);
  } finally {
    process.removeListener('uncaughtException', onFault);
    for (const other of others) process.on('uncaughtException', other);
  }
});

test('the same seed makes the same faults in the same order, another one others', () => {
  const many = { ...FEW, 'net fault': 12, 'clock jump': 3 };
  expect(schedule(7, many)).toEqual(schedule(7, many));
  expect(schedule(7, many)).not.toEqual(schedule(8, many));
  expect(schedule(7, many).filter(({ kind }) => kind === 'net fault')).toHaveLength(12);
  expect(new Set(schedule(7, many).filter(({ kind }) => kind === 'net fault').map(({ how }) => how)).size).toBe(7);
});

test('who was acknowledged before another one asked, and stands after it, is noticed', () => {
  const act = (mark: string, askedAt: number, acknowledgedAt: number | null): Act => ({ mark, kind: 'addNote', person: 0, outcome: 'acknowledged', askedAt, acknowledgedAt, said: '', tries: 1 });
  const row = (conversationId: string, one: Act) => ({ conversationId, act: one });
  const [first, second, beside] = [act('first', 10, 20), act('second', 30, 40), act('beside', 15, 35)];
  expect(overtaken([row('a', first), row('a', second)])).toEqual([]);
  expect(overtaken([row('a', second), row('a', beside)])).toEqual([]);
  expect(overtaken([row('a', second), row('a', first)])).toHaveLength(1);
  expect(overtaken([row('a', second), row('b', first)])).toEqual([]);
});
