// An address that its provider says was replaced by another: the person goes on, nobody loses an address by it, and it can be taken back.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ObservedAddress } from '../../src/channels/channel.ts';
import type { Actor } from '../../src/access/viewer.ts';
import { putTimelineEntry } from '../../src/events/append.ts';
import { confirmClaim } from '../../src/identities/claims.ts';
import { replaceAddress, undoReplacement, type Replaced } from '../../src/identities/replacing.ts';
import { inWorkspace, type Tx } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { AT, customersOf, identityAt, phone, resolve as resolveIn, seen } from './people.ts';

const [OLD, NEW, THIRD] = ['+4915112345671', '+4915112345672', '+4915112345673'] as const;
let db: TestDatabase;
let ws: string;
let actor: Actor;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  ({ id: ws, actor } = await db.workspace());
});

const run = <T>(work: (tx: Tx) => Promise<T>) => inWorkspace(db.app, ws, work);
const resolve = (...addresses: Parameters<typeof resolveIn>[2]) => resolveIn(db.app, ws, addresses);
const replace = (from: ObservedAddress, to: ObservedAddress, known: ObservedAddress[] = [from]): Promise<Replaced> =>
  run((tx) => replaceAddress(tx, { workspaceId: ws, actor, known, from, to, accountId: newId(), at: AT }));
const undo = (identityId: string) => run((tx) => undoReplacement(tx, actor, { identityId }));
const bsuid = (value: string) => seen('wa_bsuid', value, { namespace: 'portfolio' });

describe('a new number', () => {
  test('is the same customer\'s, and the old one is nobody\'s: whoever gets it later is somebody else', async () => {
    const ada = await resolve(phone(OLD), bsuid('DE.1'));
    expect(await replace(phone(OLD), phone(NEW), [phone(OLD), bsuid('DE.1')])).toMatchObject({ outcome: 'REPLACED' });
    await replace(bsuid('DE.1'), bsuid('DE.2'), [phone(OLD), bsuid('DE.1')]);
    expect((await resolve(phone(NEW))).customerId).toBe(ada.customerId);
    expect((await resolve(bsuid('DE.2'))).customerId).toBe(ada.customerId);
    expect((await resolve(phone(OLD))).customerId).not.toBe(ada.customerId);
    const [retired] = await db.owner`select customer_id, valid_to, replaced_by_id from identities where id = ${ada.identityId}`;
    expect(retired).toMatchObject({ customerId: ada.customerId, validTo: expect.any(String), replacedById: (await identityAt(db, ws, 'PHONE', NEW)).id });
  });

  test('that somebody else has stays there: it is a claim, and when an agent confirms it both are one', async () => {
    const ada = await resolve(phone(OLD));
    const ben = await resolve(phone(NEW));
    expect(await replace(phone(OLD), phone(NEW))).toEqual({ outcome: 'CONTESTED', identityId: ada.identityId });
    expect((await resolve(phone(NEW))).customerId).toBe(ben.customerId);
    const [claim] = await db.owner`select id, state, claimant_identity_id from claims where workspace_id = ${ws}`;
    expect(claim).toMatchObject({ state: 'PENDING', claimantIdentityId: ada.identityId });
    await run((tx) => confirmClaim(tx, { workspaceId: ws, actor, claimId: claim!.id }));
    const [moved] = await db.owner`select customer_id from identities where id = ${ada.identityId}`;
    expect(moved!.customerId).toBe(ben.customerId);
  });

  test('of an id that somebody else has is noted on both, and moves nothing', async () => {
    const [ada, ben] = [await resolve(bsuid('DE.1')), await resolve(bsuid('DE.2'))];
    await replace(bsuid('DE.1'), bsuid('DE.2'));
    expect((await resolve(bsuid('DE.2'))).customerId).toBe(ben.customerId);
    expect((await identityAt(db, ws, 'WA_BSUID', 'DE.2')).evidence.contested).toEqual([ada.customerId]);
  });

  test('of nobody, of what is only claimed, of an address that many use, or another spelling of the same changes nothing', async () => {
    const ada = await resolve(phone(OLD));
    await db.owner`update identities set is_shared = true where id = ${ada.identityId}`;
    const before = await customersOf(db, ws);
    for (const [from, to] of [[phone(THIRD), phone(NEW)], [phone(OLD), phone(NEW)], [phone(THIRD), phone(NEW, { trust: 'claimed' })], [phone('+5531988888888'), phone('+553188888888')]] as const) {
      expect(await replace(from, to)).toEqual({ outcome: 'UNKNOWN' });
    }
    expect(await customersOf(db, ws)).toEqual(before);
  });
});

describe('a replacement that was not so', () => {
  test('is taken back: the old number is his again, and the new one is given up', async () => {
    const ada = await resolve(phone(OLD));
    const before = [...(await customersOf(db, ws)).values()].map(({ addresses }) => addresses);
    await replace(phone(OLD), phone(NEW));
    await undo(ada.identityId);
    expect([...(await customersOf(db, ws)).values()].map(({ addresses }) => addresses)).toEqual(before);
    expect((await resolve(phone(OLD))).identityId).toBe(ada.identityId);
    await expect(undo(ada.identityId)).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
  });

  test('leaves what came by the new number with a customer of its own, and gives nobody\'s number away', async () => {
    const ada = await resolve(phone(OLD));
    const { identityId } = (await replace(phone(OLD), phone(NEW))) as { identityId: string };
    await run((tx) => putTimelineEntry(tx, ws, { identityId, occurredAt: AT, kind: 'NOTE', refId: newId(), actor, data: {} }));
    await undo(ada.identityId);
    const stranger = await resolve(phone(NEW));
    expect(stranger).toMatchObject({ identityId, createdCustomer: false });
    expect(stranger.customerId).not.toBe(ada.customerId);

    await replace(phone(OLD), phone(THIRD));
    await resolve(phone(OLD));
    await expect(undo(ada.identityId)).rejects.toMatchObject({ code: 'CONFLICT' });
    const other = await db.workspace();
    await expect(inWorkspace(db.app, other.id, (tx) => undoReplacement(tx, other.actor, { identityId: ada.identityId }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('whatever is said of numbers, and in whatever order, each belongs to whom the model says, and to one at most', async () => {
  const numbers = [OLD, NEW, THIRD, '+4915112345674'];
  const step = fc.record({ change: fc.boolean(), a: fc.nat(3), b: fc.nat(3) });
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
    ({ id: ws, actor } = await db.workspace());
    const holders = new Map<string, string>();
    for (const { change, a, b } of steps) {
      const [from, to] = [numbers[a]!, numbers[b]!];
      if (!change) holders.set(from, (await resolve(phone(from))).customerId);
      else {
        await replace(phone(from), phone(to));
        const holder = holders.get(from);
        if (holder === undefined || from === to) continue;
        if (!holders.has(to)) holders.set(to, holder);
        holders.delete(from);
      }
    }
    const current = await db.owner`select value, customer_id from identities where workspace_id = ${ws} and kind = 'PHONE' and valid_to is null order by value`;
    expect(current.map((row) => [row.value, row.customerId])).toEqual([...holders].sort());
  }), { numRuns: 15 });
}, 60_000);

test('a handle is kept as it is now, is no key, and an older message doesn\'t bring the old one back', async () => {
  const handle = (username: string) => seen('x_user_id', '42', { username });
  const { identityId } = await resolve(handle('ada'));
  const usernameOf = async () => (await db.owner`select username from identities where id = ${identityId}`)[0]!.username;
  expect(await usernameOf()).toBe('ada');
  await resolveIn(db.app, ws, [handle('ada_l')], { at: '2026-03-03T09:00:00.000Z' });
  expect(await usernameOf()).toBe('ada_l');
  await db.owner`update identities set last_seen_at = '2026-03-03T09:00:00Z' where id = ${identityId}`;
  await resolve(handle('ada'));
  expect(await usernameOf()).toBe('ada_l');
  expect((await resolve(seen('x_user_id', '43', { username: 'ada_l' }))).identityId).not.toBe(identityId);
});
