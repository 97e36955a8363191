// `throughline prove`: guarantees, shown with figures. Each proof brings its own server and database; `npm run verify` runs them.
import { readFile, writeFile } from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { now } from '../../platform/clock.ts';
import { seededRandom } from '../../platform/random.ts';
import { numberOf, progressBar, UsageError, type Command } from './command.ts';
import { proveResume } from './prove-resume.ts';

export interface ProofOptions {
  drops: number;
  /** From 0 to below 1; the same run of numbers for the same seed. */
  random: () => number;
  progress: (done: number, total: number) => void;
}
export interface Proof {
  ok: boolean;
  counts: Record<string, number>;
  /** What was found wrong, a sentence each. */
  faults: string[];
}
interface Result extends Proof {
  seed: number;
  drops: number;
  seconds: number;
  at: string;
}

const PROOFS: Record<string, { shows: string; run(o: ProofOptions): Promise<Proof> }> = {
  resume: { shows: 'what subscribers saw, joined over all their drops, equals the log', run: proveResume },
};

export const proveCommand: Command = {
  name: 'prove',
  usage: `[${Object.keys(PROOFS).join(' | ')}]… [--only NAME] [--drops N] [--seed S] [--json FILE]`,
  summary: `Prove guarantees, with figures and an exit code: ${Object.entries(PROOFS).map(([name, { shows }]) => `${name} (${shows})`).join('; ')}.
--json FILE  keeps the results there; what is finished in it, with the same numbers, is not run again`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args, allowPositionals: true,
      options: { only: { type: 'string', multiple: true }, drops: { type: 'string', default: '200' }, seed: { type: 'string' }, json: { type: 'string' } },
    });
    const asked = [...positionals, ...(values.only ?? [])];
    const unknown = asked.find((name) => !Object.hasOwn(PROOFS, name));
    if (unknown !== undefined) throw new UsageError(`There is no proof "${unknown}"; there are ${Object.keys(PROOFS).join(', ')}.`);
    const drops = numberOf(values.drops, 'drops', 1);
    const givenSeed = values.seed === undefined ? null : numberOf(values.seed, 'seed', 0);
    const results = values.json ? await keptResults(values.json) : {};
    let isAllOk = true;
    for (const name of asked.length > 0 ? asked : Object.keys(PROOFS)) {
      const kept = results[name];
      const isFinished = kept?.ok === true && kept.drops === drops && (givenSeed === null || kept.seed === givenSeed);
      const result = isFinished ? kept : await proof(name, drops, givenSeed ?? randomInt(2 ** 31));
      console.log(told(name, result, isFinished));
      isAllOk &&= result.ok;
      results[name] = result;
      if (values.json) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
    }
    return isAllOk ? 0 : 1;
  },
};

async function proof(name: string, drops: number, seed: number): Promise<Result> {
  const began = performance.now();
  const proved = await PROOFS[name]!.run({ drops, random: seededRandom(seed), progress: progressBar(`Proving ${name}`) });
  return { ...proved, seed, drops, seconds: Math.round(performance.now() - began) / 1000, at: now() };
}

async function keptResults(file: string): Promise<Record<string, Result>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    return JSON.parse(text) as Record<string, Result>;
  } catch {
    throw new UsageError(`${file} holds no results; name another file.`);
  }
}

function told(name: string, { ok, counts, faults, seed, seconds }: Result, isKept: boolean): string {
  const lines = [`${name}: ${ok ? 'holds' : 'DOES NOT HOLD'}: ${PROOFS[name]!.shows} (seed ${seed}, ${seconds} s${isKept ? ', from the results that were there' : ''})`];
  for (const [what, number] of Object.entries(counts)) lines.push(`  ${String(number).padStart(8)}  ${what.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`);
  return [...lines, ...faults.map((fault) => `  ${fault}`)].join('\n');
}
