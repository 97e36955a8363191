// `throughline simulate`: a believable day on every channel, against a server that runs.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { systemActor } from '../../access/viewer.ts';
import { inWorkspace } from '../../platform/db.ts';
import type { OfferedChannel } from '../../sandbox/offer.ts';
import { reportOn } from '../../sandbox/reporting.ts';
import { apiAt, ApiRefused } from '../../simulate/api.ts';
import { simulateDay, type DayResult, type Tally, type WayResult } from '../../simulate/day.ts';
import { connectWays, SIMULATED_CHANNELS } from '../../simulate/ways.ts';
import { createApiKey, revokeApiKey } from '../../workspaces/keys.ts';
import { chosenWorkspace, numberOf, UsageError, withDatabase, type Command } from './command.ts';

const DEFAULTS = { rate: '2', duration: '60', customers: '12' };
const PROGRESS_MS = { terminal: 200, other: 5_000 };

export const simulateCommand: Command = {
  name: 'simulate',
  usage: '[--url URL] [--key KEY] [--rate N] [--duration SECONDS] [--customers N] [--channels A,B] [--seed N] [--workspace NAME] [--json]',
  summary: `People with several addresses write and call, agents answer: ${SIMULATED_CHANNELS.join(', ')}, by signed webhooks and the chat's own API, carried by providers that it starts itself.
At the end everything that was acknowledged must stand on a timeline exactly once; only then the exit code is 0. Ctrl-C ends the day early, and looks as well.
--url URL           the server (default http://127.0.0.1:PORT)
--key KEY           an admin's key; without one it makes a key in the server's database, and revokes it at the end
--rate N            messages and calls a second, also below 1 (default ${DEFAULTS.rate})
--duration SECONDS  how long the day is (default ${DEFAULTS.duration}); 0: until Ctrl-C
--customers N       how many people (default ${DEFAULTS.customers})
--seed N            the same number tells the same story: people, words, order, ids (default: another one each time)
--json              the summary as JSON`,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        url: { type: 'string' }, key: { type: 'string' }, rate: { type: 'string', default: DEFAULTS.rate }, duration: { type: 'string', default: DEFAULTS.duration }, customers: { type: 'string', default: DEFAULTS.customers },
        channels: { type: 'string' }, seed: { type: 'string' }, workspace: { type: 'string' }, json: { type: 'boolean' },
      },
    });
    const rate = Number(values.rate);
    if (!(rate > 0 && rate <= 10_000)) throw new UsageError('--rate takes messages a second, from above 0 to 10000.');
    const seconds = numberOf(values.duration, 'duration', 0);
    const day: Day = {
      ratePerSecond: rate, durationMs: seconds === 0 ? Infinity : seconds * 1_000, customers: numberOf(values.customers, 'customers', 1), channels: channelsIn(values.channels),
      seed: values.seed === undefined ? randomInt(2 ** 31) : numberOf(values.seed, 'seed', 0), url: values.url ?? `http://127.0.0.1:${process.env.PORT ?? 4000}`,
    };
    const result = values.key === undefined ? await withOwnKey(values.workspace, (key) => run(day, key)) : await run(day, values.key);
    console.log(values.json ? JSON.stringify(result, null, 2) : told(result));
    return result.ok ? 0 : 1;
  },
};

interface Day {
  url: string;
  ratePerSecond: number;
  durationMs: number;
  customers: number;
  channels: OfferedChannel[];
  seed: number;
}

async function run({ url, channels, ...day }: Day, key: string): Promise<DayResult> {
  const api = apiAt(url, key);
  const { ways, offers } = await connectWays(api, channels).catch((error: Error) => {
    throw error instanceof ApiRefused ? new Error(`The accounts could not be connected. ${error.code}: ${error.message}`) : error;
  });
  console.error(`${ways.length} ways are connected: ${ways.map(({ channel, by }) => `${channel} (${by})`).join(', ')}. Seed ${day.seed}.`);
  const reporting = reportOn(offers);
  const end = new AbortController();
  const stop = (): void => {
    // Asked twice, it is meant at once.
    if (end.signal.aborted) process.exit(130);
    console.error('\nEnding: what is under way is finished and looked up.');
    end.abort();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const result = await simulateDay({ ...day, api, ways, signal: end.signal, progress: progressLine() });
    await reporting.stop();
    for (const fault of reporting.faults) result.drops[fault] = (result.drops[fault] ?? 0) + 1;
    return result;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    await reporting.stop();
    await Promise.all(offers.map((offer) => offer.close()));
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The server's database is this machine's, so whoever may read it may make a key. */
async function withOwnKey<T>(workspace: string | undefined, work: (key: string) => Promise<T>): Promise<T> {
  return withDatabase(async (pools) => {
    const { id } = await chosenWorkspace(pools, workspace);
    const { apiKeyId, key } = await inWorkspace(pools.app, id, (tx) => createApiKey(tx, systemActor(id), { name: 'throughline simulate', role: 'ADMIN' }));
    try {
      return await work(key);
    } finally {
      await inWorkspace(pools.app, id, (tx) => revokeApiKey(tx, systemActor(id), { apiKeyId }));
    }
  });
}

function progressLine(): (tally: Readonly<Tally>) => void {
  const began = performance.now();
  let shownAt = 0;
  return ({ sent, acknowledged, answered, dropped }) => {
    const isTerminal = process.stderr.isTTY;
    if (performance.now() - shownAt < (isTerminal ? PROGRESS_MS.terminal : PROGRESS_MS.other)) return;
    shownAt = performance.now();
    const line = `${Math.round((shownAt - began) / 1_000)} s: ${sent} sent, ${acknowledged} acknowledged, ${answered} answered, ${dropped} dropped`;
    process.stderr.write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  };
}

function told({ ok, seed, ways, total, redelivered, drops, faults }: DayResult): string {
  const columns: [string, (way: WayResult) => string][] = [
    ['', ({ channel, by }) => `${channel.padEnd(10)} ${by}`], ['sent', ({ sent }) => String(sent)], ['acknowledged', ({ acknowledged }) => String(acknowledged)], ['answered', ({ answered }) => String(answered)],
    ['of these delivered', ({ delivered }) => String(delivered)], ['on the timeline', ({ onTimeline }) => String(onTimeline)], ['changes', ({ changes }) => String(changes)], ['dropped', ({ dropped }) => String(dropped)],
  ];
  const rows = [columns.map(([title]) => title), ...[...ways, total].map((way) => columns.map(([, of]) => of(way)))];
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => row[n]!.length)));
  const table = rows.map((row) => row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join('  '));
  const reasons = Object.entries(drops).map(([reason, times]) => `dropped ${times}: ${reason}`);
  const verdict = ok ? 'Everything that was acknowledged stands on a timeline exactly once.' : total.acknowledged === 0 ? 'Nothing was acknowledged.' : 'NOT everything went as it should.';
  return ['', ...table, '', `${redelivered} deliveries came twice, on purpose. Seed ${seed}.`, ...reasons, ...faults, verdict].join('\n');
}

function channelsIn(list: string | undefined): OfferedChannel[] {
  if (list === undefined) return [...SIMULATED_CHANNELS];
  const named = list.split(',').map((name) => name.trim().toUpperCase().replace('-', '_')).filter(Boolean);
  const unknown = named.find((name) => !(SIMULATED_CHANNELS as readonly string[]).includes(name));
  if (unknown !== undefined || named.length === 0) throw new UsageError(`There is no channel "${unknown ?? ''}" to simulate; there are ${SIMULATED_CHANNELS.join(', ')}.`);
  return named as OfferedChannel[];
}
