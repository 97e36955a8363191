import { afterEach, expect, test } from 'vitest';
import { Buckets, Budgets } from '../../src/access/budget.ts';
import type { CredentialRef, Viewer } from '../../src/access/viewer.ts';
import { setClock } from '../../src/platform/clock.ts';
import { COST_MAX } from '../../src/graphql/access.ts';
import { Refusal } from '../../src/platform/errors.ts';

let atMs = 1_800_000_000_000;
let restore = setClock(() => atMs);
afterEach(() => {
  restore();
  restore = setClock(() => atMs);
});
const wait = (seconds: number) => void (atMs += seconds * 1000);

const LIMITS = { costPerMinute: 60_000, refusedPerMinute: 6, deliveriesPerMinute: 6 };
const viewer = (kind: CredentialRef['kind'], id: string, address: string | null = null): Viewer => ({
  workspaceId: 'w', role: /VISITOR|PUBLISHABLE/.test(kind) ? 'VISITOR' : 'AGENT', permissions: new Set(), actor: { workspaceId: 'w', kind: 'API_KEY', id }, memberId: null,
  identityIds: [], accountId: null, permissionKey: '', expiresAtMs: null, credential: { kind, id }, address,
});
const refusalOf = (work: () => unknown): Refusal => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('It was not refused.');
};

test('a budget is spent to its last point, tells what is left and when it is back, and comes back steadily', () => {
  const budgets = new Budgets(LIMITS);
  const key = viewer('API_KEY', 'k');
  expect(budgets.spend(key, 20_000)).toEqual({ remaining: 40_000, limit: 60_000, resetSeconds: 20 });
  expect(budgets.spend(key, 40_000)).toEqual({ remaining: 0, limit: 60_000, resetSeconds: 60 });
  const refused = refusalOf(() => budgets.spend(key, 2_500));
  expect(refused).toMatchObject({ code: 'RATE_LIMITED', retryable: true, httpStatus: 429, details: { retryAfterSeconds: 3, cost: { requested: 2_500, remaining: 0, limit: 60_000 } } });
  wait(2);
  expect(refusalOf(() => budgets.spend(key, 2_500)).details.retryAfterSeconds).toBe(1);
  wait(1);
  expect(budgets.spend(key, 2_500).remaining).toBe(500);
  wait(600);
  expect(budgets.left(key).remaining).toBe(60_000);
});

test('what is refused takes nothing', () => {
  const budgets = new Budgets(LIMITS);
  const key = viewer('API_KEY', 'k');
  budgets.spend(key, 59_990);
  for (let i = 0; i < 100; i++) refusalOf(() => budgets.spend(key, 11));
  expect(budgets.spend(key, 10).remaining).toBe(0);
});

test('every key and token has its own; a publishable key, which stands in a page, one for each address', () => {
  const budgets = new Budgets(LIMITS);
  budgets.spend(viewer('API_KEY', 'a'), 60_000);
  expect(budgets.left(viewer('API_KEY', 'a', '192.0.2.9')).remaining).toBe(0);
  expect(budgets.left(viewer('API_KEY', 'b')).remaining).toBe(60_000);
  expect(budgets.left(viewer('MEMBER_TOKEN', 'm')).remaining).toBe(60_000);
  budgets.spend(viewer('PUBLISHABLE_KEY', 'p', '192.0.2.1'), 20_000);
  expect(budgets.left(viewer('PUBLISHABLE_KEY', 'p', '192.0.2.1')).remaining).toBe(0);
  expect(budgets.left(viewer('PUBLISHABLE_KEY', 'p', '192.0.2.2')).remaining).toBe(20_000);
});

test('a visitor has a twentieth, and never less than the dearest operation costs', () => {
  const visitor = viewer('VISITOR_TOKEN', 'v');
  expect(new Budgets({ ...LIMITS, costPerMinute: 1_200_000 }).left(visitor).limit).toBe(60_000);
  expect(new Budgets(LIMITS).left(visitor).limit).toBe(COST_MAX);
});

test('refused credentials are counted by address, of IPv6 by its /64', () => {
  const budgets = new Budgets(LIMITS);
  for (let i = 0; i < 6; i++) {
    expect(budgets.exhausted('2001:db8:1:2::9')).toBeNull();
    budgets.refused(`2001:db8:1:2::${i}`);
  }
  expect(budgets.exhausted('2001:0DB8:0001:2:ffff:1:2:3')).toMatchObject({ code: 'RATE_LIMITED' });
  expect(refusalOf(() => budgets.refused('2001:db8:1:2:3::'))).toMatchObject({ code: 'RATE_LIMITED' });
  expect(budgets.exhausted('2001:db8:1:3::9')).toBeNull();
  for (let i = 0; i < 6; i++) budgets.refused('::ffff:192.0.2.1');
  expect(budgets.exhausted('192.0.2.1')).not.toBeNull();
  expect(budgets.exhausted('192.0.2.2')).toBeNull();
  wait(10);
  expect(budgets.exhausted('192.0.2.1')).toBeNull();
});

test('deliveries are counted by endpoint', () => {
  const budgets = new Budgets(LIMITS);
  for (let i = 0; i < 6; i++) budgets.deliver('one');
  expect(refusalOf(() => budgets.deliver('one'))).toMatchObject({ code: 'RATE_LIMITED', details: { retryAfterSeconds: 10 } });
  expect(() => budgets.deliver('two')).not.toThrow();
});

test('buckets that are full again are forgotten, and a clock that is set back takes nothing away', () => {
  const buckets = new Buckets(60);
  for (let i = 0; i < 1_000; i++) buckets.take(`address ${i}`, 1);
  expect(buckets.size).toBe(1_000);
  wait(61);
  buckets.take('another', 1);
  expect(buckets.size).toBe(1);
  wait(-3_600);
  expect(buckets.left('another').remaining).toBe(59);
});
