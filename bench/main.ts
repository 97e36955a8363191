// `npm run bench`: measures what the bars ask for, prints a table and writes JSON.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { row, type Context, type Row } from './bench.ts';
import { BENCHES } from './benches/all.ts';
import { data, openCluster, type Data, type Size } from './data.ts';
import { isPinned, pinGenerator } from './processes.ts';

const USAGE = `npm run bench -- [--quick] [--only NAME,NAME] [--json FILE] [--customers N] [--messages N] [--rounds N] [--seconds S]
  --only       names of bars, or what they begin with: q1.vs_limit, ingest, q2
  --quick      small data, two rounds: under three minutes, and rough
  --customers  2000; --messages 60000; --rounds 5; --seconds 5 a turn
DATABASE_URL: measure on that PostgreSQL (its login needs CREATEDB and CREATEROLE) instead of one of the benches' own.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false }, only: { type: 'string' }, json: { type: 'string' }, customers: { type: 'string' }, messages: { type: 'string' },
      rounds: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const { quick } = values;
  const number = (name: 'customers' | 'messages' | 'rounds' | 'seconds', usual: number, least: number): number => {
    const given = values[name] === undefined ? usual : Number(values[name]);
    if (!(given >= least)) throw new Error(`--${name} must be a number of at least ${least}.`);
    return given;
  };
  const customers = number('customers', quick ? 1_000 : 2_000, 100);
  const size: Size = { customers, messages: number('messages', customers * 30, customers * 12) };
  const wanted = chosen(values.only);
  const rounds = number('rounds', quick ? 2 : 5, 1);
  const seconds = number('seconds', quick ? 0.6 : 5, 0.1);

  console.log(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${isPinned ? 'generator and servers on different cores' : 'not pinned'}; `
    + `${size.customers} customers, ${size.messages} messages; ${rounds} rounds of ${seconds} s.`);
  const say = (text: string) => console.log(text);
  // Whoever read the output may leave; what was started is stopped in order all the same.
  process.stdout.on('error', () => {});
  const cluster = await openCluster(say);
  pinGenerator();
  let stopping: Promise<void> | null = null;
  const close = () => (stopping ??= cluster.close());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void close().then(() => process.exit(1)));
  const known = new Map<string, Promise<Data>>();
  const context: Context = {
    cluster, size, rounds, seconds, connections: 32, quick, say, ...(quick ? { warmSeconds: 0.2 } : {}),
    data: (of = size) => {
      const key = `${of.customers} ${of.messages}`;
      if (!known.has(key)) known.set(key, data(cluster, of, say));
      return known.get(key)!;
    },
  };
  const rows: Row[] = [];
  const failed: string[] = [];
  try {
    for (const bench of BENCHES) {
      const names = bench.names.filter((name) => wanted.has(name));
      if (names.length === 0) continue;
      console.log(`\n${names.join(', ')}`);
      try {
        rows.push(...(await bench.run(context, new Set(names))));
      } catch (error) {
        // The others are still worth knowing; the run ends in failure.
        failed.push(...names);
        console.error(error);
      }
    }
  } finally {
    await close();
  }
  rows.push(...byReference(rows));
  console.log(`\n${table(rows)}`);
  if (values.json) await writeFile(resolve(values.json), `${JSON.stringify(rows, null, 2)}\n`);
  if (failed.length > 0) throw new Error(`Not measured: ${failed.join(', ')}.`);
}

/** Absolute figures, by what they are divided by so that a slow hour of the machine shows. */
const REFERENCE_OF: Record<string, 'ref.commit' | 'ref.cpu'> = { 'ingest.batch': 'ref.commit', 'attacks.max_ms': 'ref.cpu', 'attacks.loop_delay_ms': 'ref.cpu' };

const byReference = (rows: readonly Row[]): Row[] => rows.flatMap(({ name, value }) => {
  const reference = rows.find((each) => each.name === REFERENCE_OF[name]);
  return reference ? [row(`${name}.per_${reference.name.slice(4)}`, value / reference.value, 'x')] : [];
});

function chosen(only: string | undefined): Set<string> {
  const all = BENCHES.flatMap(({ names }) => names);
  if (only === undefined) return new Set(all);
  const wanted = new Set<string>();
  for (const part of only.split(',').map((each) => each.trim()).filter(Boolean)) {
    const matching = all.filter((name) => name === part || name.startsWith(`${part}.`));
    if (matching.length === 0) throw new Error(`No bench is called ${part}. There are: ${all.join(', ')}.`);
    for (const name of matching) wanted.add(name);
  }
  for (const [name, reference] of Object.entries(REFERENCE_OF)) if (wanted.has(name)) wanted.add(reference);
  return wanted;
}

function table(rows: readonly Row[]): string {
  const short = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3));
  const lines = [['name', 'value', 'unit', 'lowest to highest', 'bar', 'holds'], ...rows.map((row) => [
    row.name, short(row.value), row.unit, row.spread ? `${short(row.spread[0])} to ${short(row.spread[1])}` : '', row.bar ?? '', row.holds === null ? '' : row.holds ? 'yes' : 'NO',
  ])];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) => line.map((cell, column) => (column === 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd()).join('\n');
}

await main().then(() => process.exit(0), (error: unknown) => {
  console.error(error instanceof Error && !process.env.DEBUG ? error.message : error);
  process.exit(1);
});
