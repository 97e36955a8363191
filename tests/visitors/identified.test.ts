// Who a visitor is: what he types of himself, and what his company’s backend signs.
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { nowMs } from '../../src/platform/clock.ts';
import { COMPANY_SECRET } from './chat.ts';
import { IDENTIFY, company, customerOf, history, identify, openShop, send, start, world } from './world.ts';

openShop();

describe('what a visitor types of himself', () => {
  test('is a claim: he becomes nobody and sees nothing of the address’s owner', async () => {
    const { upsertCustomer } = await world.chat.run(world.shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
      { input: { identity: { kind: 'EMAIL', value: 'ada@example.com' }, name: 'Ada Lovelace' } });
    const impostor = await start({ name: 'Ada', email: 'Ada@Example.com', fields: { order: '48821' } });
    expect(await customerOf(impostor.visitorId)).not.toBe(upsertCustomer.customer.id);
    await send(impostor.token, 'c1', 'It is me');
    expect((await history(impostor.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual([null, 'It is me']);
    expect(await world.db.owner`select kind, value, state from claims where workspace_id = ${world.shop.id}`).toEqual([{ kind: 'EMAIL', value: 'ada@example.com', state: 'PENDING' }]);
  });

  test('that is no address makes no claim and no fault', async () => {
    const { token } = await start({ email: 'not an address', phone: 'call me', name: ' ' });
    await send(token, 'c1', 'Hello');
    expect(await world.db.owner`select 1 from claims where workspace_id = ${world.shop.id}`).toEqual([]);
  });
});

describe('a visitor whom the company’s backend identifies', () => {
  test('is its customer, with what he wrote before, and the same on every device', async () => {
    const phone = await start();
    await send(phone.token, 'c1', 'Before');
    const anonymous = await customerOf(phone.visitorId);
    const known = await identify(phone.token, await company());
    await send(known.token, 'c2', 'After');
    expect((await history(known.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['Before', 'After']);
    const customerId = await customerOf(known.visitorId);
    expect(await customerOf(phone.visitorId)).toBe(customerId);
    expect((await world.db.owner`select state from customers where id = ${anonymous}`)[0]!.state).toBe(anonymous === customerId ? 'ACTIVE' : 'MERGED');
    const identities = await world.db.owner`select kind, value, trust from identities where customer_id = ${customerId} and kind in ('EMAIL', 'EXTERNAL_ID') order by kind`;
    expect(identities).toEqual([{ kind: 'EMAIL', value: 'ada@example.com', trust: 'VERIFIED' }, { kind: 'EXTERNAL_ID', value: '4711', trust: 'VERIFIED' }]);

    // Another device, straight from the publishable key: his own side from the moment that he was known, nothing from before.
    const laptop = await identify(world.shop.publishable, await company());
    expect(laptop.visitorId).toBe(known.visitorId);
    expect((await history(laptop.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['After']);
  });

  test('who was known to the company before is that customer', async () => {
    const email = await world.chat.run(world.shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
      { input: { identity: { kind: 'EXTERNAL_ID', namespace: world.shop.account, value: '4711' }, name: 'Ada Lovelace' } });
    const visitor = await start();
    await send(visitor.token, 'c1', 'Before');
    const known = await identify(visitor.token, await company());
    const expected = email.upsertCustomer.customer.id.slice(4);
    expect((await customerOf(known.visitorId)).replaceAll('-', '')).toBe(expected);
    expect((await customerOf(visitor.visitorId)).replaceAll('-', '')).toBe(expected);
  });

  test('does not get what another wrote on the same device, nor gives it to him', async () => {
    const device = await start();
    await send(device.token, 'c1', 'Anonymous');
    const ada = await identify(device.token, await company());
    await send(ada.token, 'c2', 'Ada’s secret');
    const ben = await identify(ada.token, await company({ sub: '4712', name: 'Ben', email: 'ben@example.com' }), 'i2');
    await send(ben.token, 'c3', 'Ben here');
    expect((await history(ben.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['Ben here']);
    expect(await customerOf(ben.visitorId)).not.toBe(await customerOf(ada.visitorId));
    expect((await history(ada.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['Anonymous', 'Ada’s secret']);
  });

  test('does not take another’s visitor along, whose claim an agent confirmed', async () => {
    const CONFIRM = `mutation ($input: ConfirmClaimInput!) { confirmClaim(input: $input) { claim { state } userErrors { code message field } } }`;
    for (const isKnown of [true, false]) {
      const email = isKnown ? 'owner@example.com' : 'nobody@example.com';
      if (isKnown) {
        await world.chat.run(world.shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
          { input: { identity: { kind: 'EMAIL', value: email }, name: 'Ada Lovelace' } });
      }
      const device = await start({ email });
      await send(device.token, 'c1', 'Ada’s secret');
      const [claim] = await world.db.owner`select id from claims where workspace_id = ${world.shop.id} and value = ${email}`;
      await world.chat.run(world.shop.admin, CONFIRM, { input: { claimId: `clm_${(claim!.id as string).replaceAll('-', '')}` } });
      const ada = await customerOf(device.visitorId);
      const bob = await identify(device.token, await company({ sub: `47${isKnown}`, name: 'Bob', email: 'bob@example.com' }), `i ${isKnown}`.replace(' ', ''));
      expect(await customerOf(device.visitorId)).toBe(ada);
      expect(await customerOf(bob.visitorId)).not.toBe(ada);
      expect(await history(bob.token)).toEqual([]);
      expect(await world.db.owner`select state from claims where id = ${claim!.id}`).toEqual([{ state: 'CONFIRMED' }]);
    }
  });

  test('does not take another’s visitor along, whom the team gave an address', async () => {
    const device = await start();
    await send(device.token, 'c1', 'Ada’s secret');
    const ada = await customerOf(device.visitorId);
    await world.chat.run(world.shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
      { input: { customerId: `cus_${ada.replaceAll('-', '')}`, identities: [{ kind: 'PHONE', value: '+12025550142' }] } });
    const bob = await identify(device.token, await company());
    expect(await customerOf(device.visitorId)).toBe(ada);
    expect(await history(bob.token)).toEqual([]);
  });

  test('takes the locks of all people before his events are written, so that two in one browser cannot wait for each other', async () => {
    const [device, other] = [await start(), await start()];
    await send(device.token, 'c1', 'Before');
    await send(other.token, 'c1', 'Before');
    // Customers are locked before the first key of an event is inserted: while another holds the browser's customer, nothing is written.
    const sql = world.db.owner;
    const anonymous = await customerOf(device.visitorId);
    let waiting: Promise<unknown> | undefined;
    await sql.begin(async (tx) => {
      await tx`select 1 from customers where id = ${anonymous} for no key update`;
      waiting = identify(device.token, await company());
      const held = () => sql`
        select l.relation::regclass::text as relation from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where a.datname = current_database() and a.wait_event_type = 'Lock' and l.mode = 'RowExclusiveLock'`;
      await expect.poll(async () => (await held()).length, { timeout: 5_000, interval: 20 }).toBeGreaterThan(0);
      const relations = (await held()).map((row) => row.relation as string);
      expect(relations.filter((name) => /inbound_keys|event_outbox|identity_owners/.test(name))).toEqual([]);
    });
    await waiting;
    expect(await customerOf(device.visitorId)).not.toBe(await customerOf(other.visitorId));
  });

  test.each([[false], [undefined], [null]])('whose address the company has not checked (%s) has only claimed it', async (verified) => {
    await identify(world.shop.publishable, await company({ email_verified: verified }));
    expect(await world.db.owner`select 1 from identities where workspace_id = ${world.shop.id} and kind = 'EMAIL'`).toEqual([]);
    expect(await world.db.owner`select state from claims where workspace_id = ${world.shop.id}`).toEqual([{ state: 'PENDING' }]);
  });

  test('by a token that is anything but right is refused, and nothing is kept', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const none = (claims: object) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
    const other = await world.chat.shop({ secrets: { identification: { algorithm: 'HS256', key: COMPANY_SECRET } } });
    const bad = {
      'another secret': company({}, 'x'.repeat(40)),
      'another algorithm': company({}, COMPANY_SECRET, 'HS512'),
      'a key pair of the attacker': new SignJWT({ sub: '4711', aud: world.shop.account, exp: nowMs() / 1000 + 600 }).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey),
      'no algorithm': none({ sub: '4711', aud: world.shop.account, exp: 9_999_999_999 }),
      'another account': company({ aud: other.account }),
      'no audience': company({ aud: undefined }),
      'no end': company({ exp: undefined }),
      'an end in a week': company({ exp: Math.floor(nowMs() / 1000) + 7 * 86_400 }),
      'an end that has passed': company({ exp: Math.floor(nowMs() / 1000) - 1 }),
      'no subject': company({ sub: undefined }),
      'an empty subject': company({ sub: '' }),
      'a subject that is a number': company({ sub: 4711 as never }),
      'a name that is an object': company({ name: { first: 'Ada' } }),
      'our own visitor token': start().then((s) => s.token),
      nothing: '',
    };
    for (const [name, token] of Object.entries(bad)) {
      expect(`${name}: ${await world.chat.refusal(world.shop.publishable, IDENTIFY, { input: { clientId: 'i1', token: await token } })}`).toBe(`${name}: INVALID_INPUT`);
    }
    expect(await world.db.owner`select 1 from identities where workspace_id = ${world.shop.id} and kind = 'EXTERNAL_ID'`).toEqual([]);
    await identify(world.shop.publishable, await company());
  });

  test.each(['false', 'true', 1, 0, [], {}])('of whom it is not said by true or false whether his address is proven (%j) is refused, with the reason', async (verified) => {
    await expect(identify(world.shop.publishable, await company({ email_verified: verified }))).rejects.toThrow(/INVALID_INPUT.*email_verified is neither true nor false/);
    expect(await world.db.owner`select 1 from identities where workspace_id = ${world.shop.id} and kind in ('EMAIL', 'EXTERNAL_ID')`).toEqual([]);
  });

  test('by an account without a key is refused', async () => {
    const plain = await world.chat.shop();
    expect(await world.chat.refusal(plain.publishable, IDENTIFY, { input: { clientId: 'i1', token: await company({ aud: plain.account }) } })).toBe('INVALID_INPUT');
  });
});
