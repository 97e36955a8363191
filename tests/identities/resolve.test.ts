import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inWorkspace, openPool, type Tx } from '../../src/platform/db.ts';
import { resolveIdentity } from '../../src/identities/resolve.ts';
import { setIdentityShared } from '../../src/identities/shared-addresses.ts';
import type { Actor } from '../../src/access/viewer.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { AT, customersOf, email, eventsOf, identityAt, phone, resolve as resolveIn, seen, visitor } from './people.ts';

let db: TestDatabase;
let ws: string;
let actor: Actor;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => ({ id: ws, actor } = await db.workspace()));
const resolve = (addresses: Parameters<typeof resolveIn>[2], more?: Parameters<typeof resolveIn>[3]) => resolveIn(db.app, ws, addresses, more);

describe('a sender', () => {
  test('gets a customer, a self identity, an owner interval, events and a name; the second time he is found', async () => {
    const first = await resolve([email('Ada@X.example', { displayName: 'Ada Lovelace' })]);
    expect(first.createdCustomer).toBe(true);
    const again = await resolve([email('ada@x.EXAMPLE')]);
    expect(again).toEqual({ ...first, createdCustomer: false });
    expect(await customersOf(db, ws)).toEqual(new Map([[first.customerId, { name: 'Ada Lovelace', state: 'ACTIVE', tags: [], version: 1, addresses: ['EMAIL ada@x.example'] }]]));
    expect(await identityAt(db, ws, 'EMAIL', 'ada@x.example')).toMatchObject({ valueRaw: 'Ada@X.example', trust: 'ATTESTED', displayName: 'Ada Lovelace', isShared: false, firstSeenAt: AT });
    expect(await eventsOf(db, ws)).toEqual(['customer.created', 'identity.added']);
    const owners = await db.owner`select customer_id, from_at, to_at from identity_owners where workspace_id = ${ws}`;
    expect(owners).toHaveLength(2);
    expect(owners.every((o) => o.customerId === first.customerId && o.fromAt === AT && o.toAt === null)).toBe(true);
  });

  test('who is known costs one statement and no lock', async () => {
    const { identityId } = await resolve([email('ada@x.example')]);
    const statements: string[] = [];
    const counted = await inWorkspace(db.app, ws, async (tx) => {
      const counting = new Proxy(tx, {
        apply: (target, self, args) => {
          if (Array.isArray(args[0]) && 'raw' in args[0]) statements.push(args[0].join('?'));
          return Reflect.apply(target as never, self, args);
        },
      }) as Tx;
      const resolved = await resolveIdentity(counting, { workspaceId: ws, actor, addresses: [email('ada@x.example')], accountId: null, at: AT });
      const [{ locks }] = (await tx`select count(*)::int as locks from pg_locks where pid = pg_backend_pid() and (locktype = 'advisory' or mode ~ 'Exclusive') and locktype <> 'virtualxid'`) as never as [{ locks: number }];
      return { resolved, locks };
    });
    expect(statements).toHaveLength(1);
    expect(counted).toEqual({ resolved: expect.objectContaining({ identityId }), locks: 0 });
  });

  test('is found in the workspace only', async () => {
    const other = await db.workspace();
    const here = await resolve([email('ada@x.example')]);
    const there = await resolveIn(db.app, other.id, [email('ada@x.example')]);
    expect(there.createdCustomer).toBe(true);
    expect(there.customerId).not.toBe(here.customerId);
  });

  test('without an address that says who he is, is a new customer each time', async () => {
    const [a, b] = [await resolve([phone('anonymous')]), await resolve([phone('+266696687')], { displayName: 'Unknown caller' })];
    const none = await resolve([]);
    expect(new Set([a.customerId, b.customerId, none.customerId]).size).toBe(3);
    const self = await db.owner`select i.kind from identities i where i.workspace_id = ${ws} and i.id = ${a.identityId}`;
    expect(self[0]!.kind).toBe('SELF');
  });

  test('a placeholder beside an address does not anchor', async () => {
    await resolve([phone('anonymous'), seen('wa_bsuid', 'US.1', { namespace: 'p' })]);
    expect([...(await customersOf(db, ws)).values()][0]!.addresses).toEqual(['WA_BSUID US.1']);
  });

  test('a noreply mailbox is one customer, shared from the first', async () => {
    await resolve([email('noreply@shop.example')]);
    expect((await identityAt(db, ws, 'EMAIL', 'noreply@shop.example')).isShared).toBe(true);
    expect((await resolve([email('noreply@shop.example')])).createdCustomer).toBe(false);
  });

  test('hostile text is stored as what can be stored', async () => {
    const { customerId } = await resolve([seen('external_id', 'a\0b\ud800', { namespace: 's\0', displayName: ' \u202eEvil\0\n name ' })]);
    expect((await customersOf(db, ws)).get(customerId)).toMatchObject({ name: 'Evil name', addresses: ['EXTERNAL_ID ab\ufffd'] });
  });
});

describe('names', () => {
  test('a newer name replaces an older one; an older message does not', async () => {
    const { customerId } = await resolve([email('ada@x.example', { displayName: 'Ada' })]);
    await resolve([email('ada@x.example', { displayName: 'Ada Lovelace' })], { at: '2026-03-03T09:00:00.000Z' });
    await resolve([email('ada@x.example', { displayName: 'A. Byron' })], { at: '2020-01-01T00:00:00.000Z' });
    expect((await customersOf(db, ws)).get(customerId)!.name).toBe('Ada Lovelace');
  });
  test('the name of a forged sender is not shown over an attested one', async () => {
    const { customerId } = await resolve([email('ada@x.example', { displayName: 'Ada' })]);
    await resolve([email('ada@x.example', { displayName: 'Your bank', trust: 'claimed' })], { at: '2026-03-03T09:00:00.000Z' });
    expect((await customersOf(db, ws)).get(customerId)!.name).toBe('Ada');
  });
  test('an address is not a name', async () => {
    const { customerId } = await resolve([email('ada@x.example', { displayName: 'ADA@x.example' })]);
    expect((await customersOf(db, ws)).get(customerId)!.name).toBeNull();
  });
});

describe('linking', () => {
  const bsuid = (value: string) => seen('wa_bsuid', value, { namespace: 'portfolio' });

  test('what one source attests together is one customer, whichever comes first', async () => {
    const both = await resolve([phone('+4915112345678'), bsuid('DE.1')]);
    expect((await resolve([bsuid('DE.1')])).customerId).toBe(both.customerId);
    const later = await resolve([phone('+4915112345678'), bsuid('DE.2')]);
    expect(later.customerId).toBe(both.customerId);
    const anchorNew = await resolve([bsuid('DE.3'), phone('+4915112345678')]);
    expect(anchorNew).toMatchObject({ customerId: both.customerId, createdCustomer: false });
    expect((await customersOf(db, ws)).get(both.customerId)!.addresses).toEqual(['PHONE +4915112345678', 'WA_BSUID DE.1', 'WA_BSUID DE.2', 'WA_BSUID DE.3']);
    const entries = await db.owner`select kind, ref_id from timeline_entries where workspace_id = ${ws}`;
    expect(entries).toHaveLength(2);
    expect(await identityAt(db, ws, 'WA_BSUID', 'DE.3')).toMatchObject({ linkedViaIdentityId: both.identityId, evidence: { reason: 'ATTESTED_TOGETHER' } });
  });

  test('what is only claimed links nothing, on either side', async () => {
    const ada = await resolve([email('ada@x.example')]);
    const a = await resolve([visitor('v1'), email('ada@x.example', { trust: 'claimed' })]);
    const b = await resolve([email('mallory@x.example', { trust: 'claimed' }), email('ada@x.example')]);
    expect(new Set([ada.customerId, a.customerId, b.customerId]).size).toBe(3);
    expect((await customersOf(db, ws)).get(ada.customerId)!.addresses).toEqual(['EMAIL ada@x.example']);
  });

  test('another customer\'s address stays his, and is noted', async () => {
    const a = await resolve([phone('+4915112345678')]);
    const b = await resolve([bsuid('DE.1')]);
    const both = await resolve([bsuid('DE.1'), phone('+4915112345678')]);
    expect(both.customerId).toBe(b.customerId);
    expect((await resolve([phone('+4915112345678')])).customerId).toBe(a.customerId);
    expect((await identityAt(db, ws, 'PHONE', '+4915112345678')).evidence.contested).toEqual([b.customerId]);
    expect((await identityAt(db, ws, 'WA_BSUID', 'DE.1')).evidence.contested).toEqual([a.customerId]);
  });

  test('a shared address routes, but links nothing', async () => {
    const a = await resolve([phone('+4915112345678')]);
    await inWorkspace(db.app, ws, (tx) => setIdentityShared(tx, actor, { identityId: a.identityId, isShared: true }));
    expect((await resolve([phone('+4915112345678'), bsuid('DE.1')])).customerId).toBe(a.customerId);
    expect((await resolve([bsuid('DE.2'), phone('+4915112345678')])).createdCustomer).toBe(true);
    expect((await customersOf(db, ws)).get(a.customerId)!.addresses).toEqual(['PHONE +4915112345678']);
    expect((await resolve([visitor('v'), email('info@shop.example')])).createdCustomer).toBe(true);
    expect((await resolve([email('info@shop.example')])).createdCustomer).toBe(true);
  });

  test('an address that is seen with many customers is quarantined by itself, with one event', async () => {
    const tablet = await resolve([phone('+4915112345678')]);
    for (let n = 1; n <= 6; n++) {
      await resolve([bsuid(`DE.${n}`)]);
      await resolve([bsuid(`DE.${n}`), phone('+4915112345678')]);
      expect((await identityAt(db, ws, 'PHONE', '+4915112345678')).isShared).toBe(n >= 5);
    }
    expect((await eventsOf(db, ws)).filter((kind) => kind === 'identity.updated')).toHaveLength(1);
    expect((await resolve([phone('+4915112345678')])).customerId).toBe(tablet.customerId);
    await inWorkspace(db.app, ws, (tx) => setIdentityShared(tx, actor, { identityId: tablet.identityId, isShared: false }));
    await resolve([bsuid('DE.1'), phone('+4915112345678')]);
    expect((await identityAt(db, ws, 'PHONE', '+4915112345678')).isShared).toBe(false);
  });

  test('two spellings of one telephone are one customer; a landline is another', async () => {
    const a = await resolve([phone('+5531988888888')]);
    const b = await resolve([phone('+553188888888')]);
    expect(b).toMatchObject({ customerId: a.customerId, createdCustomer: false });
    expect(b.identityId).not.toBe(a.identityId);
    expect(await identityAt(db, ws, 'PHONE', '+553188888888')).toMatchObject({ linkedViaIdentityId: a.identityId, evidence: { reason: 'SAME_NUMBER' } });
    expect((await resolve([phone('+553133334444')])).createdCustomer).toBe(true);
  });

  test('a second id of one system is another person, even beside a known address', async () => {
    const crm = (value: string) => seen('external_id', value, { namespace: 'crm' });
    const a = await resolve([crm('1'), email('family@x.example')]);
    const b = await resolve([crm('2'), email('family@x.example')]);
    expect(b).toMatchObject({ createdCustomer: true });
    expect((await customersOf(db, ws)).get(a.customerId)!.addresses).toEqual(['EMAIL family@x.example', 'EXTERNAL_ID 1']);
    expect((await customersOf(db, ws)).get(b.customerId)!.addresses).toEqual(['EXTERNAL_ID 2']);
  });

  test('trust rises when it is proven better, and never falls', async () => {
    await resolve([email('ada@x.example', { trust: 'claimed' })]);
    const trust = async () => (await identityAt(db, ws, 'EMAIL', 'ada@x.example')).trust;
    expect(await trust()).toBe('CLAIMED');
    await resolve([email('ada@x.example', { trust: 'verified' })]);
    await resolve([email('ada@x.example')]);
    expect(await trust()).toBe('VERIFIED');
    expect((await identityAt(db, ws, 'EMAIL', 'ada@x.example')).verifiedByKind).toBe('SYSTEM');
  });
});

test('32 clients at once over few people make one customer each, and none fails', async () => {
  const people = 6;
  const pool = openPool({ url: db.url, role: 'throughline_app', max: 32, applicationName: 'race' });
  try {
    // Every person writes by his phone, by another spelling of it, by e-mail, and by deliveries that attest two, in every order.
    const forms = (n: number) => {
      const [mobile, short, mail, bsuid] = [phone(`+5531988888${100 + n}`), phone(`+553188888${100 + n}`), email(`p${n}@x.example`), seen('wa_bsuid', `BR.${n}`, { namespace: 'p' })];
      return [[mobile, bsuid], [bsuid, mobile], [short, bsuid], [mobile, mail], [mail, mobile], [short, mail], [bsuid, mail]];
    };
    const work = Array.from({ length: people }, (_, n) => [...forms(n), ...forms(n)]).flat();
    // A fixed shuffle: neighbours are different people.
    const shuffled = work.map((addresses, index) => ({ addresses, at: (index * 7919) % work.length })).sort((a, b) => a.at - b.at);
    const queue = shuffled[Symbol.iterator]();
    await Promise.all(Array.from({ length: 32 }, async () => {
      for (const { addresses } of { [Symbol.iterator]: () => queue }) await resolveIn(pool, ws, addresses);
    }));
    const addressed = await db.owner<{ person: string; customers: number }[]>`
      select right(regexp_replace(value, '@.*', ''), 1) as person, count(distinct customer_id)::int as customers
      from identities where workspace_id = ${ws} and kind in ('PHONE', 'EMAIL', 'WA_BSUID') group by 1 order by 1`;
    expect(addressed.map((row) => row.person)).toEqual(['0', '1', '2', '3', '4', '5']);
    const doubles = await db.owner`select value from identities where workspace_id = ${ws} group by kind, namespace, value having count(*) > 1`;
    expect(doubles).toHaveLength(0);
    // Who was first heard of by two unlinked addresses at once stays two until somebody merges them; by ONE address, nobody is two.
    const owned = await db.owner`select count(distinct customer_id)::int as n from identities where workspace_id = ${ws} and kind = 'PHONE'`;
    expect(owned[0]!.n).toBe(people);
  } finally {
    await pool.end({ timeout: 2 });
  }
});

test('32 clients at once that write by one address each make one customer each', async () => {
  const pool = openPool({ url: db.url, role: 'throughline_app', max: 32, applicationName: 'race' });
  try {
    const results = await Promise.all(Array.from({ length: 96 }, (_, n) => resolveIn(pool, ws, [email(`p${n % 5}@x.example`)])));
    expect(new Set(results.map((r) => r.customerId)).size).toBe(5);
    expect(results.filter((r) => r.createdCustomer)).toHaveLength(5);
    expect((await customersOf(db, ws)).size).toBe(5);
  } finally {
    await pool.end({ timeout: 2 });
  }
});
