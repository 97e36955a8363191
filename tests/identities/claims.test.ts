import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { observe, tagCustomer } from '../../src/customers/actions.ts';
import { putTimelineEntry } from '../../src/events/append.ts';
import { confirmClaim, recordClaim, rejectClaim } from '../../src/identities/claims.ts';
import { currentCustomers } from '../../src/identities/customers.ts';
import { moveIdentities } from '../../src/identities/move.ts';
import { resolveIdentity } from '../../src/identities/resolve.ts';
import { setIdentityShared } from '../../src/identities/shared-addresses.ts';
import { inWorkspace, type Tx } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { AT, customersOf, email, eventsOf, identityAt, phone, resolve as resolveIn, visitor } from './people.ts';

let db: TestDatabase;
let ws: string;
let actor: Actor;
let agent: Actor;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  ({ id: ws, actor } = await db.workspace());
  agent = { workspaceId: ws, kind: 'MEMBER', id: newId() };
});

const run = <T>(work: (tx: Tx) => Promise<T>) => inWorkspace(db.app, ws, work);
const resolve = (addresses: Parameters<typeof resolveIn>[2]) => resolveIn(db.app, ws, addresses);
const claimed = async (claimantIdentityId: string, value: string, kind = 'email') =>
  (await run((tx) => recordClaim(tx, { workspaceId: ws, actor, claimantIdentityId, kind, value })))?.claimId ?? null;
const confirm = (claimId: string, expectedVersion?: number) => run((tx) => confirmClaim(tx, { workspaceId: ws, actor: agent, claimId, expectedVersion }));
const reject = (claimId: string, expectedVersion?: number) => run((tx) => rejectClaim(tx, { workspaceId: ws, actor: agent, claimId, expectedVersion }));
const sources = async (customerId: string) =>
  (await run((tx) => tx<{ id: string; claimed: boolean }[]>`select id, claimed from timeline_sources where workspace_id = ${ws} and customer_id = ${customerId}`));
const claimedSources = async (customerId: string) => (await sources(customerId)).filter((s) => s.claimed).map((s) => s.id);

describe('a claim', () => {
  test('of an impostor merges nothing, shows him nothing, and stands beside the owner\'s timeline', async () => {
    const ada = await resolve([email('ada@x.example', { displayName: 'Ada' })]);
    const impostor = await resolve([visitor('v1')]);
    const before = await customersOf(db, ws);
    await claimed(impostor.identityId, ' ADA@x.example ');
    expect(await customersOf(db, ws)).toEqual(before);
    expect(await claimedSources(ada.customerId)).toEqual([impostor.identityId]);
    expect(await claimedSources(impostor.customerId)).toEqual([]);
    expect((await sources(impostor.customerId)).map((s) => s.id)).not.toContain(ada.identityId);
    expect((await resolve([visitor('v1')])).customerId).toBe(impostor.customerId);
    expect(await eventsOf(db, ws)).toContain('claim.made');
  });

  test('made before its owner appears is found when he does, in any spelling of his number', async () => {
    const guest = await resolve([visitor('v1')]);
    await claimed(guest.identityId, 'ada@x.example');
    await claimed(guest.identityId, '+55 31 98888-8888', 'phone');
    const [ada, caller] = [await resolve([email('ada@x.example')]), await resolve([phone('+553188888888')])];
    expect(await claimedSources(ada.customerId)).toEqual([guest.identityId]);
    expect(await claimedSources(caller.customerId)).toEqual([guest.identityId]);
  });

  test.each([['Brazil', '+5531988888888', '+553188888888'], ['Mexico', '+5215512345678', '+525512345678'], ['Argentina', '+5491112345678', '+541112345678']])(
    'made while its owner is first seen in another spelling is found, whoever is first (%s)', async (_, long, short) => {
      /** Until `other` waits for a lock that this transaction holds, or is through. */
      const under = async (tx: Tx, other: Promise<unknown>): Promise<void> => {
        const [{ pid } = { pid: 0 }] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
        let through = false;
        void other.finally(() => (through = true)).catch(() => {});
        while (!through) {
          const [waits] = await db.owner`select 1 from pg_stat_activity where ${pid} = any(pg_blocking_pids(pid))`;
          if (waits) return;
        }
      };
      for (const [typed, seenAs, ownerFirst] of [[long, short, false], [short, long, false], [long, short, true], [short, long, true]] as const) {
        ({ id: ws, actor } = await db.workspace());
        const guest = await resolve([visitor('v1')]);
        const claim = (tx: Tx) => recordClaim(tx, { workspaceId: ws, actor, claimantIdentityId: guest.identityId, kind: 'phone', value: typed });
        const appear = (tx: Tx) => resolveIdentity(tx, { workspaceId: ws, actor, addresses: [phone(seenAs)], accountId: null, at: AT });
        let second: Promise<unknown> = Promise.resolve();
        await run(async (tx) => {
          await (ownerFirst ? appear(tx) : claim(tx));
          second = run(async (later) => void (await (ownerFirst ? claim(later) : appear(later))));
          await under(tx, second);
        });
        await second;
        const owner = await resolve([phone(seenAs)]);
        expect(await claimedSources(owner.customerId)).toEqual([guest.identityId]);
      }
    });

  test('of two of one owner\'s addresses shows the claimant once', async () => {
    const ada = await resolve([email('ada@x.example'), phone('+4915112345678')]);
    const guest = await resolve([visitor('v1')]);
    await claimed(guest.identityId, 'ada@x.example');
    await claimed(guest.identityId, '+49 151 12345678', 'phone');
    expect(await claimedSources(ada.customerId)).toEqual([guest.identityId]);
  });

  test('said again is one claim; at once, too', async () => {
    const guest = await resolve([visitor('v1')]);
    const ids = await Promise.all(['ada@x.example', 'Ada@X.example', ' ada@x.example'].map((value) => claimed(guest.identityId, value)));
    expect(new Set(ids).size).toBe(1);
    const numbers = [await claimed(guest.identityId, '+5531988888888', 'phone'), await claimed(guest.identityId, '+553188888888', 'phone')];
    expect(numbers[0]).toBe(numbers[1]);
    expect((await eventsOf(db, ws)).filter((kind) => kind === 'claim.made')).toHaveLength(2);
  });

  test('is made of nothing that cannot be claimed: no address, a placeholder, an id, his own', async () => {
    const ada = await resolve([email('ada@x.example')]);
    expect(await claimed(ada.identityId, 'not an address')).toBeNull();
    expect(await claimed(ada.identityId, '0000000', 'phone')).toBeNull();
    expect(await claimed(ada.identityId, '123', 'psid')).toBeNull();
    expect(await claimed(ada.identityId, 'ada@x.example')).toBeNull();
  });

  test('of a shared address says nothing', async () => {
    const shop = await resolve([phone('+4915112345678')]);
    const guest = await resolve([visitor('v1')]);
    await claimed(guest.identityId, '+4915112345678', 'phone');
    expect(await claimedSources(shop.customerId)).toEqual([guest.identityId]);
    await run((tx) => setIdentityShared(tx, agent, { identityId: shop.identityId, isShared: true }));
    expect(await claimedSources(shop.customerId)).toEqual([]);
  });
});

describe('a decision', () => {
  test('confirmed, the visitor is the customer: his id, his history, his name where hers is missing; rejected again, all is as before', async () => {
    const ada = await resolve([email('ada@x.example')]);
    const guest = await resolve([visitor('v1')]);
    await run((tx) => observe(tx, actor, { identityId: guest.identityId, key: 'name', value: 'Ada', source: 'CLAIM', observedAt: AT }));
    await run((tx) => tagCustomer(tx, agent, { customerId: guest.customerId, add: ['chatty'], remove: [] }));
    const claimId = (await claimed(guest.identityId, 'ada@x.example'))!;
    const before = await customersOf(db, ws);

    expect(await confirm(claimId)).toEqual({ claimId, customerId: ada.customerId });
    const between = await customersOf(db, ws);
    expect(between.get(ada.customerId)).toMatchObject({ name: 'Ada', tags: ['chatty'], addresses: ['EMAIL ada@x.example', 'VISITOR v1'] });
    expect(between.get(guest.customerId)).toMatchObject({ state: 'MERGED', addresses: [], tags: [] });
    expect(await run((tx) => currentCustomers(tx, ws, [guest.customerId]))).toEqual(new Map([[guest.customerId, ada.customerId]]));
    expect(await claimedSources(ada.customerId)).toEqual([]);
    expect((await sources(ada.customerId)).map((s) => s.id)).toContain(guest.identityId);
    expect((await resolve([visitor('v1')])).customerId).toBe(ada.customerId);

    expect(await reject(claimId)).toEqual({ claimId, customerId: guest.customerId });
    const after = await customersOf(db, ws);
    const withoutVersion = (all: Awaited<ReturnType<typeof customersOf>>) => [...all].map(([id, { version: _version, ...row }]) => [id, row]).sort();
    expect(withoutVersion(after)).toEqual(withoutVersion(before));
    expect(await claimedSources(ada.customerId)).toEqual([]);
    const intervals = await db.owner`select customer_id, from_at, to_at from identity_owners where workspace_id = ${ws} and identity_id = ${guest.identityId} order by from_at`;
    expect(intervals.map((i) => i.customerId)).toEqual([guest.customerId, ada.customerId, guest.customerId]);
    expect(intervals[0]!.toAt).toBe(intervals[1]!.fromAt);
    expect(intervals[1]!.toAt).toBe(intervals[2]!.fromAt);
    expect(intervals[2]!.toAt).toBeNull();
    const kinds = await eventsOf(db, ws);
    for (const kind of ['identity.moved', 'claim.confirmed', 'claim.rejected']) expect(kinds).toContain(kind);
    const entries = await db.owner`select data from timeline_entries where workspace_id = ${ws} and kind = 'CLAIM'`;
    expect(entries).toHaveLength(1);
    expect(entries[0]!.data.state).toBe('REJECTED');
  });

  test('confirmed and rejected again and again, within milliseconds, nothing is lost', async () => {
    const ada = await resolve([email('ada@x.example')]);
    const guest = await resolve([visitor('v1')]);
    const claimId = (await claimed(guest.identityId, 'ada@x.example'))!;
    for (let n = 0; n < 10; n++) {
      await confirm(claimId, 2 * n + 1);
      await reject(claimId, 2 * n + 2);
    }
    const all = await customersOf(db, ws);
    expect(all.get(ada.customerId)!.addresses).toEqual(['EMAIL ada@x.example']);
    expect(all.get(guest.customerId)).toMatchObject({ state: 'ACTIVE', addresses: ['VISITOR v1'] });
  });

  test('a visitor with more than this browser keeps his customer: only the claimant moves', async () => {
    await resolve([email('ada@x.example')]);
    const guest = await resolve([visitor('v1'), email('guest@y.example')]);
    await confirm((await claimed(guest.identityId, 'ada@x.example'))!);
    expect((await customersOf(db, ws)).get(guest.customerId)).toMatchObject({ state: 'ACTIVE', addresses: ['EMAIL guest@y.example'] });
  });

  test('taken back after the identity was moved on, it returns from where it is', async () => {
    const [ada, eve] = [await resolve([email('ada@x.example')]), await resolve([email('eve@x.example')])];
    const guest = await resolve([visitor('v1')]);
    const claimId = (await claimed(guest.identityId, 'ada@x.example'))!;
    await confirm(claimId);
    await run((tx) => moveIdentities(tx, { workspaceId: ws, actor: agent, identityIds: [guest.identityId], toCustomerId: eve.customerId, reason: 'MERGED', evidence: {} }));
    await reject(claimId);
    const all = await customersOf(db, ws);
    expect(all.get(guest.customerId)).toMatchObject({ state: 'ACTIVE', addresses: ['VISITOR v1'] });
    expect(all.get(eve.customerId)!.addresses).toEqual(['EMAIL eve@x.example']);
    expect(all.get(ada.customerId)!.addresses).toEqual(['EMAIL ada@x.example']);
  });

  test('on an address that nobody has gives it to the visitor; taken back, it is nobody\'s again, and can be given again', async () => {
    const guest = await resolve([visitor('v1')]);
    const claimId = (await claimed(guest.identityId, 'ada@x.example'))!;
    await confirm(claimId);
    expect((await resolve([email('ada@x.example')])).customerId).toBe(guest.customerId);
    expect(await identityAt(db, ws, 'EMAIL', 'ada@x.example')).toMatchObject({ trust: 'ATTESTED', linkedViaIdentityId: guest.identityId });
    await reject(claimId);
    expect((await customersOf(db, ws)).get(guest.customerId)!.addresses).toEqual(['VISITOR v1']);
    await confirm(claimId);
    expect((await resolve([email('ada@x.example')])).customerId).toBe(guest.customerId);
  });

  test('an address that was taken back unused keeps nobody: the visitor who is somebody else then goes there whole, and comes back so', async () => {
    const ada = await resolve([email('ada@x.example')]);
    const guest = await resolve([visitor('v1')]);
    const [unused, claimId] = [(await claimed(guest.identityId, 'nobody@x.example'))!, (await claimed(guest.identityId, 'ada@x.example'))!];
    await confirm(unused);
    await reject(unused);
    await confirm(claimId);
    expect((await customersOf(db, ws)).get(guest.customerId)!.state).toBe('MERGED');
    expect((await resolve([visitor('v1')])).customerId).toBe(ada.customerId);
    await reject(claimId);
    expect((await customersOf(db, ws)).get(guest.customerId)).toMatchObject({ state: 'ACTIVE', addresses: ['VISITOR v1'] });
    expect((await customersOf(db, ws)).get(ada.customerId)!.addresses).toEqual(['EMAIL ada@x.example']);
  });

  test('taken back when the address has a history of its own by now, it begins a customer with that history', async () => {
    const guest = await resolve([visitor('v1')]);
    const claimId = (await claimed(guest.identityId, 'ada@x.example'))!;
    await confirm(claimId);
    const mail = await resolve([email('ada@x.example')]);
    await run((tx) => putTimelineEntry(tx, ws, { identityId: mail.identityId, occurredAt: AT, kind: 'MESSAGE', refId: newId(), actor, data: {} }));
    await reject(claimId);
    const again = await resolve([email('ada@x.example')]);
    expect(again).toMatchObject({ identityId: mail.identityId, createdCustomer: false });
    expect(again.customerId).not.toBe(guest.customerId);
  });

  test('is refused with another version, in the state that it would lead to, and for another workspace\'s claim', async () => {
    const guest = await resolve([visitor('v1')]);
    const claimId = (await claimed(guest.identityId, 'ada@x.example'))!;
    await expect(confirm(claimId, 7)).rejects.toMatchObject({ code: 'CONFLICT' });
    await reject(claimId);
    await expect(reject(claimId)).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
    await confirm(claimId);
    await expect(confirm(claimId)).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
    const other = await db.workspace();
    await expect(inWorkspace(db.app, other.id, (tx) => rejectClaim(tx, { workspaceId: other.id, actor: other.actor, claimId }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(inWorkspace(db.app, other.id, (tx) => moveIdentities(tx, { workspaceId: other.id, actor, identityIds: [guest.identityId], toCustomerId: guest.customerId, reason: 'X', evidence: {} })))
      .rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('by several agents at once over each other\'s customers ends without a deadlock, each claim decided once', async () => {
    const people = await Promise.all([1, 2, 3, 4].map((n) => resolve([email(`p${n}@x.example`)])));
    const claims = await Promise.all(people.map(async (person, n) => (await claimed(person.identityId, `p${((n + 1) % 4) + 1}@x.example`))!));
    const outcomes = await Promise.allSettled([...claims, ...claims].map((claimId) => confirm(claimId)));
    const refused = outcomes.filter((o) => o.status === 'rejected');
    expect(refused).toHaveLength(4);
    for (const r of refused) expect(r.reason.code).toBe('INVALID_TRANSITION');
    const owners = await db.owner`select identity_id, count(*) filter (where to_at is null)::int as open from identity_owners where workspace_id = ${ws} group by 1`;
    expect(owners.every((o) => o.open === 1)).toBe(true);
  });
});

describe('the view of timeline sources', () => {
  test('shows another workspace nothing', async () => {
    const ada = await resolve([email('ada@x.example')]);
    const other = await db.workspace();
    const rows = await inWorkspace(db.app, other.id, (tx) => tx`select 1 from timeline_sources where customer_id = ${ada.customerId}`);
    expect(rows).toHaveLength(0);
  });

  test('reads both of its halves by an index, also within a query of the graph', async () => {
    const guest = await resolve([visitor('v1')]);
    // Enough rows that a plan by another way would cost more.
    await db.owner`
      with c as (
        insert into customers (workspace_id, id, self_identity_id, last_activity_at, created_at, updated_at)
        select ${ws}, gen_random_uuid(), gen_random_uuid(), ${AT}, ${AT}, ${AT} from generate_series(1, 4000) returning workspace_id, id, self_identity_id
      ), i as (
        insert into identities (workspace_id, id, customer_id, kind, value, value_raw, trust, first_seen_at, last_seen_at, created_at)
        select workspace_id, self_identity_id, id, 'EMAIL', self_identity_id || '@x.example', '', 'ATTESTED', ${AT}, ${AT}, ${AT} from c returning value
      )
      insert into claims (workspace_id, id, claimant_identity_id, kind, value, value_raw, created_at)
      select ${ws}, gen_random_uuid(), ${guest.identityId}, 'EMAIL', value, '', ${AT} from i`;
    await db.owner`analyze identities, customers, claims`;
    const plan = await run((tx) => tx<{ queryPlan: string }[]>`
      explain select x.* from (select c.id from customers c where c.workspace_id = ${ws}::uuid and c.id = ${guest.customerId}::uuid offset 0) c
      cross join lateral (select s.id from timeline_sources s where s.workspace_id = ${ws}::uuid and s.customer_id = c.id offset 0) x`);
    const text = plan.map((row) => Object.values(row)[0]).join('\n');
    expect(text).toMatch(/identities_by_customer[\s\S]*identities_by_customer/);
    expect(text).toMatch(/claims_by_address/);
    expect(text).not.toMatch(/Seq Scan/);
  });
});
