// The spine against a model of a few lines: what clients did, in any order, with copies beside each other, late messages, lost connections, revoked keys,
// claims that are confirmed and taken back, and backends that are killed between acts and in the middle of them. G1 (nothing acknowledged is lost), G2
// (each has its effect once), G3 (order), G4 (what subscribers saw is the log), G11 (a revoked key ends). SEED and RUNS set the run.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setClock } from '../../src/platform/clock.ts';
import { isDriverFault } from '../../src/platform/db.ts';
import { proven } from '../harness/proven.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { startTestServer, type TestServer } from '../harness/server.ts';
import { check } from './check.ts';
import { commands, newModel, type Real } from './commands.ts';

const SEED = seedOfRun();
const RUNS = Number(process.env.RUNS ?? 8);
const COMMANDS_MAX = 16;

let server: TestServer;
const clock = { aheadMs: 0 };
let restore: () => void;
let others: ((...args: any[]) => void)[] = [];
// As main.ts does: the driver throws from a timer when a backend dies in the middle of a transaction.
const onFault = (error: unknown) => {
  if (!isDriverFault(error)) throw error;
};
beforeAll(async () => {
  restore = setClock(() => Date.now() + clock.aheadMs);
  others = process.listeners('uncaughtException') as typeof others;
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onFault);
  server = await startTestServer();
}, 60_000);
afterAll(async () => {
  await server.stop();
  process.removeListener('uncaughtException', onFault);
  for (const other of others) process.on('uncaughtException', other);
  restore();
});

const SMS = { channel: 'SMS', provider: 'twilio', name: 'SMS', settings: { accountSid: `AC${'1'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' }, secrets: { authToken: 'a'.repeat(32) } } as const;

test(`${RUNS} runs of what clients do end as the model says`, { timeout: Math.max(60_000, RUNS * 4_000) }, async () => {
  let runs = 0;
  let held = 0;
  const acts = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: COMMANDS_MAX, size: 'max' }), async (given) => {
      const real: Real = { server, ws: await server.workspace(), readers: [], keys: [], clock, acts };
      await real.ws.connect({ ...SMS, address: `+4930${String(++runs).padStart(8, '0')}` });
      const model = newModel();
      try {
        await fc.asyncModelRun(() => ({ model, real }), given);
        await check(model, real);
        held++;
      } finally {
        await Promise.all([...real.readers, ...real.keys.map(({ reader }) => reader)].map(async (reader) => reader?.close()));
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: !!process.env.VERIFY },
  );
  expect(held).toBeGreaterThanOrEqual(RUNS);
  proven({ runs: held, ...Object.fromEntries(acts) });
  console.log(`${held} runs, seed ${SEED}: ${[...acts].map(([name, n]) => `${name} ${n}`).sort().join('; ')}.`);
});
