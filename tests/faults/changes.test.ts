// That a change which was acknowledged and lost is noticed, and one that another took the place of is not taken for lost.
import { expect, test } from 'vitest';
import { effectOf } from './acts.ts';
import { lostChanges, type Parts } from './changes.ts';
import type { Act, Asking } from './fleet.ts';

const WORLD = { memberIds: ['mem_1', 'mem_2'], queueIds: ['que_1', 'que_2', 'que_3'] };
type Given = { kind: string; mark: string; from: number; to: number | null; outcome?: Act['outcome'] };

const lost = (state: Record<string, string | null>, given: Given[]): string[] => {
  const acts = new Map(given.map(({ kind, mark, from, to, outcome = 'acknowledged' }): [string, Act] => [mark, { mark, kind, person: 0, outcome, askedAt: from, acknowledgedAt: outcome === 'acknowledged' ? to : null, said: '', tries: 1 }]));
  const askings = given.map(({ mark, from, to, outcome = 'acknowledged' }): Asking => ({ mark, door: 0, from, to, outcome, said: '' }));
  return lostChanges(new Map<number, Parts>([[0, new Map(Object.entries(state))]]), acts, askings, WORLD);
};
/** A mark whose act sets a part to a value. */
const marked = (kind: string, part: string, value: string | null): string => {
  for (let n = 0; n < 1_000; n++) if (effectOf(kind, `act-${n}`, WORLD).get(part) === value) return `act-${n}`;
  throw new Error(`No ${kind} sets ${part} to ${value}.`);
};

test.each([['retitle', 'priority', 'URGENT', 'LOW'], ['assign', 'assignee', 'mem_1', null], ['assign', 'queue', 'que_2', 'que_3'], ['tag', 'tag parcel', 'on', 'off'], ['wait', 'status', 'OPEN', 'PENDING']])('%s: its %s', (kind, part, one, other) => {
  const [first, second] = [{ kind, mark: marked(kind, part, one), from: 10, to: 20 }, { kind, mark: marked(kind, part, other), from: 30, to: 40 }];
  expect(lost({ [part]: other }, [first, second])).toEqual([]);
  // Beside each other either may be the last.
  expect(lost({ [part]: one }, [{ ...first, to: 35 }, second])).toEqual([]);
  // Nobody knows until when the first was under way.
  expect(lost({ [part]: one }, [{ ...first, to: null, outcome: 'unknown' }, second])).toEqual([]);
  // What nobody may have set last.
  expect(lost({ [part]: other }, [{ ...first, from: 50, to: 60 }, second])).toEqual(part === 'status' ? [expect.stringContaining('status is PENDING')] : [expect.stringContaining(part)]);
  if (part !== 'status') expect(lost({ [part]: one }, [first, second])).toEqual([expect.stringContaining(part)]);
  expect(lost({ [part]: 'something else' }, [first])).toHaveLength(1);
  expect(lost({ [part]: 'something else' }, [])).toEqual([]);
});

test('what is refused set nothing; a title stands by its own mark', () => {
  expect(lost({ subject: 'act-2' }, [{ kind: 'retitle', mark: 'act-1', from: 1, to: 2 }, { kind: 'retitle', mark: 'act-2', from: 3, to: 4, outcome: 'refused' }])).toHaveLength(1);
  expect(lost({ subject: 'act-1' }, [{ kind: 'retitle', mark: 'act-1', from: 1, to: 2 }])).toEqual([]);
});
