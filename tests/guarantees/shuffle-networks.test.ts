// G3, of the networks: one customer on Messenger, Instagram, WhatsApp and X. Messages, edits, what is taken back, reactions and their removal, echoes,
// reports by id and by watermark: in any order, any number of times, interleaved as they come, they end in the same messages, states and timeline.
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectChannel, endpointById, type Endpoint } from '../../src/channels/accounts.ts';
import { upsertCustomer } from '../../src/customers/upsert.ts';
import { startDrain } from '../../src/inbound/drain.ts';
import { receiveDelivery } from '../../src/inbound/receive.ts';
import { deliverMessage } from '../../src/messages/deliver.ts';
import { sendMessage } from '../../src/messages/send.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { outgoing } from '../../src/platform/http.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { openMetaMessaging, type MetaMessagingSandbox } from '../../src/sandbox/meta-messaging.ts';
import { openWhatsappCloud, type WhatsappCloudSandbox } from '../../src/sandbox/whatsapp-cloud.ts';
import { openXSandbox, type XSandbox } from '../../src/sandbox/x.ts';
import { noBlobs } from '../harness/blobs.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { proven } from '../harness/proven.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { ending } from './ending.ts';
import { ADA, afternoon, at, first, NAMES, WABA, xId, type Delivery, type Network, type Said } from './networks.ts';

const SEED = seedOfRun();
const RUNS = Number(process.env.RUNS ?? 8);
const SECRETS = { appSecret: 'the-app-secret', verifyToken: 'our-own-words', accessToken: 'page-token' };
const NETWORKS = ['MESSENGER', 'INSTAGRAM', 'WHATSAPP', 'X'] as const;

let db: TestDatabase;
let dir: string;
let meta: MetaMessagingSandbox;
let cloud: WhatsappCloudSandbox;
let x: XSandbox;
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  [db, dir] = await Promise.all([testDatabase(), mkdtemp(join(tmpdir(), 'throughline-blobs-'))]);
  meta = await openMetaMessaging({ appSecret: SECRETS.appSecret, pages: [{ id: NAMES.page, name: 'Tea', accessToken: SECRETS.accessToken, instagram: { id: NAMES.shop, username: 'tea' } }] });
  cloud = await openWhatsappCloud({ appSecret: SECRETS.appSecret, accessToken: SECRETS.accessToken, businessAccountId: WABA, numbers: [{ id: NAMES.number, displayNumber: '+31 20 555 0142', verifiedName: 'Bikes' }] });
  x = await openXSandbox({ account: { id: NAMES.x, name: 'Shop', username: 'shop' } });
});
afterAll(async () => {
  await Promise.all([meta.close(), cloud.close(), x.close(), db.close()]);
  await rm(dir, { recursive: true, force: true });
});

interface Order {
  /** Places among her first messages. */
  first: readonly number[];
  /** Places in the afternoon. */
  then: readonly number[];
}

/** A new workspace that Ada wrote to on every network and was answered, by what is delivered in that order; null: as it happened. */
async function live(order: Order | null): Promise<unknown> {
  const restore = setClock(() => at(0));
  try {
    const { id: workspaceId, actor } = await db.workspace();
    const doors = await connected(workspaceId, actor);
    const said: Said = {
      MESSENGER: { first: (await meta.writes(NAMES.page, ADA.psid, { text: 'Hello on Messenger' })).mid, ours: '' }, INSTAGRAM: { first: (await meta.writes(NAMES.shop, ADA.igsid, { text: 'Hello on Instagram' })).mid, ours: '' },
      WHATSAPP: { first: (await cloud.writes(NAMES.number, { phone: ADA.phone, name: 'Ada' }, { type: 'text', text: { body: 'Hello on WhatsApp' } })).id, ours: '' }, X: { first: xId(-17, 0), ours: '' },
    };
    const drain = startDrain({ app: db.app, system: db.system, wake: () => {}, report: () => {} });
    const deliver = async ({ network, body }: Delivery) => {
      await receiveDelivery({ app: db.app, blobs: folderBlobs(dir) }, doors[network], { source: 'WEBHOOK', request: { method: 'POST', url: 'http://localhost/hooks', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) } });
      drain.wake();
    };
    const firsts = first(said);
    for (const index of order?.first ?? firsts.keys()) {
      await deliver(firsts[index]!);
      if (order === null) await drain.idle();
    }
    await drain.idle();
    await answer(workspaceId, actor);
    said.MESSENGER.ours = meta.sent.findLast(({ account }) => account === NAMES.page)!.mid;
    said.INSTAGRAM.ours = meta.sent.findLast(({ account }) => account === NAMES.shop)!.mid;
    said.WHATSAPP.ours = cloud.sent.at(-1)!.id;
    said.X.ours = x.messages.at(-1)!.id;
    setClock(() => at(60));
    const deliveries = afternoon(said);
    for (const index of order?.then ?? deliveries.keys()) await deliver(deliveries[index]!);
    await drain.idle();
    await drain.stop();
    const names = Object.fromEntries(NETWORKS.flatMap((network) => [[said[network].first, `${network} first`], [said[network].ours, `${network} ours`]]));
    return await ending(db, workspaceId, names);
  } finally {
    restore();
  }
}

type Actor = Parameters<typeof connectChannel>[1];

async function connected(workspaceId: string, actor: Actor): Promise<Record<Network, Endpoint>> {
  const ids = await inWorkspace(db.app, workspaceId, async (tx) => {
    const page = await connectChannel(tx, actor, { channel: 'MESSENGER', provider: 'meta', name: 'Page', address: NAMES.page, settings: { apiBaseUrl: meta.url }, secrets: SECRETS });
    await connectChannel(tx, actor, { channel: 'INSTAGRAM', provider: 'meta', name: 'Shop', address: NAMES.shop, settings: { apiBaseUrl: meta.url }, endpointId: page.endpointId });
    const number = await connectChannel(tx, actor, { channel: 'WHATSAPP', provider: 'meta_cloud', name: 'WhatsApp', address: NAMES.number, settings: { apiBaseUrl: cloud.url }, secrets: SECRETS });
    const account = await connectChannel(tx, actor, {
      channel: 'X', provider: 'x_account_activity', name: 'X', address: NAMES.x, settings: { apiBaseUrl: x.url },
      secrets: { consumerKey: x.app.consumerKey, consumerSecret: x.app.consumerSecret, accessToken: x.account.accessToken, accessTokenSecret: x.account.accessTokenSecret },
    });
    await upsertCustomer(tx, actor, {
      identity: { kind: 'PHONE', value: `+${ADA.phone}` },
      identities: [{ kind: 'PSID', namespace: NAMES.page, value: ADA.psid }, { kind: 'IGSID', namespace: NAMES.shop, value: ADA.igsid }, { kind: 'X_USER_ID', value: ADA.x }],
    });
    return { meta: page.endpointId, cloud: number.endpointId, x: account.endpointId };
  });
  const [page, number, account] = await Promise.all([ids.meta, ids.cloud, ids.x].map(async (id) => (await endpointById(db.app, id))!));
  return { MESSENGER: page!, INSTAGRAM: page!, WHATSAPP: number!, X: account! };
}

/** By every network, in the one conversation that there is. */
async function answer(workspaceId: string, actor: Actor): Promise<void> {
  const [conversation, ...others] = await db.owner<{ id: string }[]>`select id from conversations where workspace_id = ${workspaceId}`;
  expect(others).toEqual([]);
  for (const [second, channel] of NETWORKS.entries()) {
    setClock(() => at(0) + second * 1_000);
    const { messageId } = await inWorkspace(db.app, workspaceId, (tx) => sendMessage(tx, actor, { conversationId: conversation!.id, channel, text: `Answer on ${channel}` }));
    await deliverMessage({ app: db.app, blobs: noBlobs, http: outgoing({ allowPrivate: true }), publicUrl: 'http://127.0.0.1:1' }, { workspaceId, messageId });
  }
}

test(`any order and repetition of what four networks deliver ends the same (SEED=${SEED}, ${RUNS} runs)`, { timeout: 240_000 }, async () => {
  const inOrder = await live(null);
  expect(inOrder).toMatchObject({ events: [], conversations: [{}] });
  const nothing = { first: '', ours: '' };
  const places = afternoon({ MESSENGER: nothing, INSTAGRAM: nothing, WHATSAPP: nothing, X: nothing }).length;
  const any = (count: number) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count });
  const orders = fc.tuple(any(NETWORKS.length), any(places), fc.array(fc.tuple(fc.nat(places - 1), fc.nat(places)), { maxLength: 10 })).map(([first, order, again]) => {
    const then = [...order];
    for (const [place, where] of again) then.splice(where, 0, place);
    return { first, then };
  });
  const done = { runs: 0, deliveries: 0 };
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      expect(await live(order)).toEqual(inOrder);
      done.runs++;
      done.deliveries += order.first.length + order.then.length;
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
  proven(done);
});
