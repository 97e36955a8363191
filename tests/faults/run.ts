// `npm run faults -- --api-kills N --postgres-kills N --net-faults N [--stops N] [--postgres-stops N] [--backend-kills N] [--disk-fulls N] [--clock-jumps N] [--acks N]
// [--every N] [--people N] [--workers N] [--seconds-max N] [--seed S] [--json FILE]`: breaks two servers and their PostgreSQL under load and says what held. Exit code 1 when something did not.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isDriverFault } from '../../src/platform/db.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { runFaults, type FaultResult } from './faults.ts';
import type { Counts } from './schedule.ts';

const { values } = parseArgs({
  options: Object.fromEntries(['api-kills', 'postgres-kills', 'net-faults', 'stops', 'postgres-stops', 'backend-kills', 'disk-fulls', 'clock-jumps', 'acks', 'every', 'people', 'workers', 'seconds-max', 'seed', 'json'].map((name) => [name, { type: 'string' as const }])),
});
const number = (name: string, otherwise: number): number => {
  const text = values[name] as string | undefined;
  if (text !== undefined && !/^\d{1,10}$/.test(text)) {
    console.error(`--${name} must be a whole number, not "${text}".`);
    process.exit(2);
  }
  return text === undefined ? otherwise : Number(text);
};

const apiKills = number('api-kills', 10);
const postgresKills = number('postgres-kills', 3);
const netFaults = number('net-faults', 6);
const counts: Counts = {
  'api kill': apiKills, 'postgres kill': postgresKills, 'net fault': netFaults,
  'api stop': number('stops', Math.ceil(apiKills / 10)), 'postgres stop': number('postgres-stops', Math.ceil(postgresKills / 3)), 'backend kill': number('backend-kills', Math.ceil(postgresKills / 3)),
  'disk full': number('disk-fulls', Math.ceil(postgresKills / 5)), 'clock jump': number('clock-jumps', Math.ceil(netFaults / 6)),
};
const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
// The driver throws from a timer when a backend dies; there is nothing to be done about it (platform/db.ts).
process.on('uncaughtException', (error) => {
  if (isDriverFault(error)) return;
  console.error(error);
  process.exit(1);
});

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const began = performance.now();
const result = await runFaults({
  signal: stopping.signal,
  counts, seed: number('seed', seedOfRun()), acks: number('acks', 200), every: number('every', 10), people: number('people', 12), workers: number('workers', 4), secondsMax: number('seconds-max', 120 + total * 30),
  say: (text) => console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}`),
}).catch((error: unknown) => {
  if (stopping.signal.aborted) process.exit(130);
  throw error;
});
if (values.json) writeFileSync(values.json as string, `${JSON.stringify(result, null, 2)}\n`);
console.log(told(result));
process.exit(result.ok ? 0 : 1);

function told(of: FaultResult): string {
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return [
    `faults: ${of.ok ? 'everything held' : 'SOMETHING DID NOT HOLD'} (--seed ${of.seed}, ${of.seconds} s)`,
    ...Object.entries(of.done).map(([kind, n]) => `  ${String(n).padStart(8)}  ${kind}s of ${of.asked[kind as keyof Counts]}`),
    ...Object.entries(of.phases).map(([phase, n]) => `  ${String(n).padStart(8)}  kills of a server ${phase}`),
    ...Object.entries(of.counts).map(([name, n]) => `  ${String(n).padStart(8)}  ${words(name)}`),
    `  recovery after PostgreSQL is ready: p50 ${of.recoveryMs.p50} ms, max ${of.recoveryMs.max} ms of ${of.recoveryMs.kills} kills (bar ${of.recoveryMs.barMs} ms)`,
    `  recovery after a net fault: p50 ${of.netRecoveryMs.p50} ms, max ${of.netRecoveryMs.max} ms of ${of.netRecoveryMs.faults} (bar ${of.netRecoveryMs.barMs} ms)`,
    `  recovery from connections that were dead without a word: p50 ${of.abandonedMs.p50} ms, max ${of.abandonedMs.max} ms of ${of.abandonedMs.faults} (bar ${of.abandonedMs.barMs} ms)`,
    ...of.skipped.map((why) => `  skipped: ${why}`),
    ...of.faults.map((fault) => `  FAULT ${fault}`),
  ].join('\n');
}
