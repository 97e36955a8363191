// Calls that wait at the same moment run together; each gets its own result, and none is done twice.
import { describe, expect, test } from 'vitest';
import { Gathering } from '../../src/platform/gathering.ts';

/** A gathering whose runs end when they are told to. */
function held(o: { failsTogether?: Error } = {}) {
  const runs: { calls: string[]; end: () => void }[] = [];
  const run = async (calls: string[], together: boolean): Promise<string[]> => {
    await new Promise<void>((resolve) => runs.push({ calls, end: resolve }));
    if (together && o.failsTogether) throw o.failsTogether;
    const bad = calls.find((call) => call.startsWith('bad'));
    if (bad) throw new Error(`${bad} is refused`);
    return calls.map((call) => `${call} done`);
  };
  const gathering = new Gathering<string, string>(async (call) => (await run([call], false))[0]!, (calls) => run(calls, true), (call) => (call.startsWith('heavy') ? 3 : 1), 4);
  /** Ends the next run, once it is there. */
  const next = async (): Promise<string[]> => {
    while (runs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const { calls, end } = runs.shift()!;
    end();
    await new Promise((resolve) => setImmediate(resolve));
    return calls;
  };
  return { gathering, next };
}

describe('calls of one caller', () => {
  test('run at once while few are under way; what comes meanwhile runs together, in its order', async () => {
    const { gathering, next } = held();
    const answers = ['a', 'b', 'c', 'd', 'e'].map((call) => gathering.run('Ada', call));
    expect([await next(), await next()]).toEqual([['a'], ['b']]);
    expect(await next()).toEqual(['c', 'd', 'e']);
    expect(await Promise.all(answers)).toEqual(['a done', 'b done', 'c done', 'd done', 'e done']);
  });

  test('of which one is refused run alone, so that only that one is', async () => {
    const { gathering, next } = held();
    const answers = Promise.allSettled(['a', 'b', 'c', 'bad', 'd'].map((call) => gathering.run('Ada', call)));
    await next();
    await next();
    expect(await next()).toEqual(['c', 'bad', 'd']);
    expect([await next(), await next(), await next()]).toEqual([['c'], ['bad'], ['d']]);
    expect((await answers).map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual(['a done', 'b done', 'c done', 'Error: bad is refused', 'd done']);
  });

  test('whose shared run lost its connection are told so, and are not run again: they may have been done', async () => {
    const lost = Object.assign(new Error('write CONNECTION_CLOSED'), { code: 'CONNECTION_CLOSED' });
    const { gathering, next } = held({ failsTogether: lost });
    const answers = Promise.allSettled(['a', 'b', 'c', 'd'].map((call) => gathering.run('Ada', call)));
    await next();
    await next();
    expect(await next()).toEqual(['c', 'd']);
    expect((await answers).map((one) => (one.status === 'fulfilled' ? one.value : one.reason))).toEqual(['a done', 'b done', lost, lost]);
  });

  test('run together up to a weight, and one that is heavier alone', async () => {
    const { gathering, next } = held();
    const answers = ['a', 'b', 'c', 'heavy 1', 'd', 'heavy 2', 'heavy 3', 'e'].map((call) => gathering.run('Ada', call));
    await next();
    await next();
    expect([await next(), await next(), await next()]).toEqual([['c', 'heavy 1'], ['d', 'heavy 2'], ['heavy 3', 'e']]);
    expect(await Promise.all(answers)).toHaveLength(8);
  });

  test('whose shared run the network gave no answer to are told so: an unknown code is no refusal', async () => {
    const lost = Object.assign(new Error('read EHOSTUNREACH'), { code: 'EHOSTUNREACH' });
    const { gathering, next } = held({ failsTogether: lost });
    const answers = Promise.allSettled(['a', 'b', 'c', 'd'].map((call) => gathering.run('Ada', call)));
    for (let i = 0; i < 3; i++) await next();
    expect((await answers).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  });

  test('never run with those of another caller', async () => {
    const { gathering, next } = held();
    const answers = [gathering.run('Ada', 'a'), gathering.run('Ada', 'b'), gathering.run('Ada', 'c'), gathering.run('Ben', 'x'), gathering.run('Ben', 'y'), gathering.run('Ada', 'd')];
    const ran = [];
    for (let i = 0; i < 5; i++) ran.push(await next());
    expect(ran).toEqual([['a'], ['b'], ['x'], ['y'], ['c', 'd']]);
    await Promise.all(answers);
  });
});
