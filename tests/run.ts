// `npm test`: types, lint, then every test; the last line is `N passed, N failed` (`, N skipped`: what this machine lacks something for), where types (the program's, and the page's) and lint count as one each.
// Arguments go to vitest (`npm test -- tests/platform`); `--check` leaves the tests out.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const BIN = new URL('../node_modules/.bin/', import.meta.url).pathname;

function run(program: string, args: string[], buffered: boolean): Promise<number> {
  return new Promise((done) => {
    const child = spawn(join(BIN, program), args, { stdio: buffered ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
    child.once('error', (error) => {
      console.error(`${program}: ${error.message}`);
      done(1);
    });
    child.once('close', (code) => {
      if (output.trim()) console.log(output.trimEnd());
      done(code ?? 1);
    });
  });
}

async function check(name: string, program: string, args: string[]): Promise<Count> {
  const started = performance.now();
  const ok = (await run(program, args, true)) === 0;
  console.log(`${ok ? '✓' : '✗'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return ok ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

async function tests(args: string[]): Promise<Count> {
  const file = join(tmpdir(), `throughline-results-${process.pid}.json`);
  const code = await run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args], false);
  try {
    const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
    // A file that could not be loaded, or whose hooks failed, has failed without a failed test.
    const broken = results.testResults.filter(
      (of) => of.status === 'failed' && !of.assertionResults.some((assertion) => assertion.status === 'failed'),
    ).length;
    const failed = results.numFailedTests + broken;
    return { passed: results.numPassedTests, failed: failed || (code === 0 ? 0 : 1), skipped: results.numPendingTests };
  } catch {
    console.error('vitest left no results.');
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(file, { force: true });
  }
}

const args = process.argv.slice(2);
const counts = await Promise.all([
  check('types', 'tsc', ['--noEmit', '-p', '.']),
  check('types of the page', 'tsc', ['--noEmit', '-p', 'src/live']),
  check('lint', 'eslint', ['.', '--max-warnings', '0']),
]);
if (!args.includes('--check')) counts.push(await tests(args));
const total = counts.reduce((sum, one) => ({ passed: sum.passed + one.passed, failed: sum.failed + one.failed, skipped: sum.skipped + one.skipped }));
const closing = `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`;
if (process.env.RESULT_FILE) writeFileSync(process.env.RESULT_FILE, `${closing}\n`);
console.log(closing);
process.exitCode = total.failed ? 1 : 0;
