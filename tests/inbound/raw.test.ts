// What an operator can look at of a delivery that could not be read.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointById, type Endpoint } from '../../src/channels/accounts.ts';
import { receiveDelivery } from '../../src/inbound/receive.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { publicId } from '../../src/platform/ids.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { chats, type Chats, type Shop } from '../visitors/chat.ts';

let db: TestDatabase;
let all: Chats;
let shop: Shop;
let endpoint: Endpoint;
let dir: string;
beforeAll(async () => {
  db = await testDatabase();
  all = await chats(db);
  shop = await all.shop();
  dir = await mkdtemp(join(tmpdir(), 'throughline-blobs-'));
  const [account] = await db.owner`select endpoint_id from channel_accounts where id = ${shop.accountId}`;
  endpoint = (await endpointById(db.app, account!.endpointId))!;
});
afterAll(async () => {
  await all.close();
  await db.close();
  await rm(dir, { recursive: true });
});

const HEAD = 'POST https://acme.example/hooks?account=1\ncontent-type: text/plain\n\n';
const deliver = async (body: Buffer, more: { url?: string; headers?: Record<string, string> } = {}) => {
  const request = { method: 'POST', url: more.url ?? 'https://acme.example/hooks?account=1', headers: { 'content-type': 'text/plain', ...more.headers }, body };
  const { events, deliveryId } = await receiveDelivery({ app: db.app, blobs: folderBlobs(dir) }, endpoint, { source: 'WEBHOOK', request });
  return { event: publicId('inb', events[0]!.id), deliveryId };
};
const QUERY = 'query($id: ID!) { node(id: $id) { ... on InboundEvent { state delivery { bodyBytes raw } } } }';
const raw = async (event: string): Promise<string | null> => (await all.run(shop.admin, QUERY, { id: event })).node.delivery.raw;

describe('the raw of a delivery', () => {
  it('is what came: the request\'s head, and the body as text', async () => {
    const { event } = await deliver(Buffer.from('{"not": "a chat", "ä": "🙂"'));
    expect((await all.run(shop.admin, QUERY, { id: event })).node).toEqual({ state: 'UNPARSED', delivery: { bodyBytes: 30, raw: `${HEAD}{"not": "a chat", "ä": "🙂"` } });
  });

  it('holds bytes that are no text, escaped', async () => {
    expect(await raw((await deliver(Buffer.from([0x61, 0xff, 0x00, 0x62]))).event)).toBe(`${HEAD}a\\377\\000b`);
  });

  it('is cut at 64 KiB and never within a character, also when the body lies in the blob store', async () => {
    for (const [bytes, shift] of [[70_000, 0], [70_000, 1], [70_000, 2], [400_000, 0], [400_000, 3]] as const) {
      const body = Buffer.from('x'.repeat(shift) + '🙂'.repeat(bytes / 4));
      const text = (await raw((await deliver(body)).event))!;
      expect(body.toString().startsWith(text.slice(HEAD.length))).toBe(true);
      const length = Buffer.byteLength(text);
      expect(length).toBeLessThanOrEqual(65_536);
      expect(length).toBeGreaterThan(65_532);
    }
    expect((await raw((await deliver(Buffer.alloc(300_000, 0xff))).event))!.length).toBe(65_536);
  });

  it('shows no secret that stood in the request\'s head', async () => {
    const names = ['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'x-webhook-secret', 'x-gitlab-token', 'x-password'];
    const { event, deliveryId } = await deliver(Buffer.from('no chat'), {
      url: 'https://user:canary@acme.example/hooks?account=1&token=canary&api%5Fkey=canary&forward=%2B1',
      headers: { 'x-envelope-to': 'support@acme.example', ...Object.fromEntries(names.map((name) => [name, 'canary'])) },
    });
    expect(await raw(event)).toBe('POST https://acme.example/hooks?account=1&token=removed&api%5Fkey=removed&forward=%2B1\ncontent-type: text/plain\nx-envelope-to: support@acme.example\n\nno chat');
    const [row] = await db.owner`select request::text from deliveries where id = ${deliveryId}`;
    expect(row!.request).not.toContain('canary');
  });

  it('is null when it is no longer kept', async () => {
    const { event, deliveryId } = await deliver(Buffer.from('forgotten'));
    await db.owner`update deliveries set body = null where id = ${deliveryId}`;
    expect(await raw(event)).toBeNull();
  });

  it('is for who may change channels only', async () => {
    const { event } = await deliver(Buffer.from('for whom?'));
    const { key } = await inWorkspace(db.app, shop.id, (tx) => createApiKey(tx, shop.actor, { name: 'agent', role: 'AGENT' }));
    expect(await all.refusal(key, QUERY, { id: event })).toBe('FORBIDDEN');
    expect((await all.run(key, 'query($id: ID!) { node(id: $id) { ... on InboundEvent { delivery { bodyBytes } } } }', { id: event })).node.delivery.bodyBytes).toBe(9);
  });
});
