// Messenger and Instagram under one endpoint, by one credential.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MetaSecrets } from '../../../src/channels/meta/signature.ts';
import { providerNamed } from '../../../src/channels/registry.ts';
import { openMetaMessaging, type MetaMessagingSandbox } from '../../../src/sandbox/meta-messaging.ts';
import { fixture, json } from '../requests.ts';
import { openReceiver, type Receiver } from './receiver.ts';

const [PAGE, SHOP, ADA, BO] = ['104200000000777', '17840000000000555', '7300000000000001', '880000000000123'];
const SECRETS: MetaSecrets = { appSecret: 'sandbox-app-secret', verifyToken: 'our-own-words', accessToken: 'page-token' };
const meta = providerNamed('meta');

describe('each delivery is read by its own channel', () => {
  test.each([
    ['messenger/meta/text.json', 'messenger', 'message'], ['instagram/meta/text.json', 'instagram', 'message'], ['messenger/meta/receipts.json', 'messenger', 'receipt'],
    // Of which neither understands anything.
    ['messenger/meta/feed.json', 'messenger', 'unknown'], ['instagram/meta/comments.json', 'instagram', 'unknown'], ['messenger/meta/other-object.json', 'messenger', 'unknown'],
  ])('%s', async (name, channel, kind) => {
    const { events } = await meta.parse(fixture(name));
    expect(events[0]).toMatchObject({ channel, kind });
    expect(events).toEqual((await providerNamed('meta', channel as 'messenger').parse(fixture(name))).events);
  });
});

describe('deliveries of the sandbox', () => {
  let sandbox: MetaMessagingSandbox;
  let door: Receiver;
  beforeAll(async () => {
    door = await openReceiver(meta, [{ ...SECRETS, appSecret: 'the-newer-secret' }, SECRETS]);
    sandbox = await openMetaMessaging({ appSecret: SECRETS.appSecret, pages: [{ id: PAGE, name: 'Tea', accessToken: 'page-token', instagram: { id: SHOP, username: 'tea' } }] });
  });
  afterAll(async () => {
    await sandbox.close();
    await door.close();
  });
  beforeEach(() => {
    door.events.length = 0;
  });

  test('an address is taken after its handshake, and only with the verify token', async () => {
    expect(await sandbox.connect(door.url, 'somebody-else')).toMatchObject({ status: 403 });
    expect(await sandbox.writes(PAGE, ADA, { text: 'to nowhere' })).toMatchObject({ delivered: null });
    const answer = await sandbox.connect(door.url, SECRETS.verifyToken);
    expect(answer).toMatchObject({ status: 200, contentType: 'text/plain; charset=utf-8' });
    expect(answer.body).toMatch(/^\d+$/);
  });

  test('every kind is signed, answered with 200, and read as what it is', async () => {
    for (const [account, customer] of [[PAGE, ADA], [SHOP, BO]] as const) {
      const { mid, delivered } = await sandbox.writes(account, customer, { text: 'Grün, bitte 🍵' });
      expect(delivered!.answer.status).toBe(200);
      await sandbox.writes(account, customer, { attachments: [{ type: 'image', payload: { url: 'https://cdn.example/1.jpg' } }] }, { standby: true });
      await sandbox.tells(account, customer, { message_edit: { mid, text: 'Grün', num_edit: 1 } });
      await sandbox.tells(account, customer, { reaction: { mid, action: 'react', emoji: '🍵' } });
      await sandbox.tells(account, customer, { postback: { mid: `${mid}-p`, title: 'Menu', payload: 'MENU' } });
      await sandbox.tells(account, customer, { referral: { ref: 'r', source: 'SHORTLINK', type: 'OPEN_THREAD' } });
      await sandbox.tells(account, customer, { message: { mid, is_deleted: true } });
      await sandbox.changes(account, 'comments', { id: '1', text: 'Nice' });
    }
    const kinds = ['message', 'message', 'message_edit', 'reaction', 'postback', 'referral', 'message_delete', 'unknown'];
    expect(door.events.map(({ channel, kind }) => [channel, kind])).toEqual([...kinds.map((kind) => ['messenger', kind]), ...kinds.map((kind) => ['instagram', kind])]);
    expect(door.events[0]!.message!.parts).toMatchObject([{ type: 'text', text: 'Grün, bitte 🍵' }]);
    expect(sandbox.webhooks.every(({ answer }) => answer.status === 200)).toBe(true);
  });
});

describe('who Meta is', () => {
  // Recomputed of the scheme, and one that another project publishes for the older header.
  const post = (body: string, headers: Record<string, string>) => meta.verify(json('', { body: Buffer.from(body), headers }), { secrets: [{ ...SECRETS, appSecret: 'other' }, { ...SECRETS, appSecret: 'FAKE_SECRET' }] });

  test('the older header counts where the newer is missing', async () => {
    expect(await post('rawBody', { 'x-hub-signature': 'sha1=0d814d436b45c33ef664a317ff4b8dc2d3d8fe2a' })).toEqual({ ok: true });
    expect(await post('rawBody ', { 'x-hub-signature': 'sha1=0d814d436b45c33ef664a317ff4b8dc2d3d8fe2a' })).toMatchObject({ ok: false, status: 403 });
    expect(await post('rawBody', { 'x-hub-signature': 'sha1=0d814d436b45c33ef664a317ff4b8dc2d3d8fe2a', 'x-hub-signature-256': 'sha256=0' })).toMatchObject({ ok: false, status: 403 });
    expect(await post('rawBody', {})).toMatchObject({ ok: false, status: 400 });
  });

  test('a delivery that was changed on the way is refused', async () => {
    const sandbox = await openMetaMessaging({ appSecret: SECRETS.appSecret, pages: [{ id: PAGE, name: 'Tea', accessToken: 't' }] });
    const door = await openReceiver(meta, [SECRETS]);
    await sandbox.connect(door.url, SECRETS.verifyToken);
    await sandbox.writes(PAGE, ADA, { text: 'Pay 10' });
    await sandbox.close();
    await door.close();
    const request = door.requests.at(-1)!;
    expect(await meta.verify(request, { secrets: [SECRETS] })).toEqual({ ok: true });
    const changed = { ...request, body: Buffer.from(request.body.toString().replace('Pay 10', 'Pay 99')) };
    expect(await meta.verify(changed, { secrets: [SECRETS] })).toMatchObject({ ok: false, status: 403 });
    expect(await meta.verify(request, { secrets: [{ ...SECRETS, appSecret: 'another' }] })).toMatchObject({ ok: false, status: 403 });
  });
});
