import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel, disconnectChannel, endpointById, setAccountState, type Endpoint } from '../../src/channels/accounts.ts';
import { startDrain, stepLane, TRIES_MAX, type DrainContext } from '../../src/inbound/drain.ts';
import { receiveDelivery, type DoorContext } from '../../src/inbound/receive.ts';
import { replayInboundEvent } from '../../src/inbound/replay.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { nowMs, setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let actor: Actor;
let door: DoorContext;
let context: DrainContext;
let mailbox: Endpoint;
let accountId: string;
let dir: string;

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  dir = await mkdtemp(join(tmpdir(), 'throughline-blobs-'));
  door = { app: db.app, blobs: folderBlobs(dir) };
  context = { app: db.app, system: db.system, wake: () => {}, report: () => {} };
  const connected = await inWorkspace(db.app, actor.workspaceId, (tx) =>
    connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Support', address: 'support@acme.example', settings: {}, secrets: { inbound: 'a-secret-for-the-door' } }));
  accountId = connected.accountId;
  mailbox = (await endpointById(db.app, connected.endpointId))!;
});
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true });
});

const mail = (from: string, text: string, o: { id?: string; to?: string; pad?: number } = {}): Buffer => Buffer.from([
  `From: ${from}`, `To: ${o.to ?? 'support@acme.example'}`, 'Subject: Hello', `Message-ID: <${o.id ?? `${Math.random()}@mail.example`}>`, 'Date: Thu, 05 Mar 2026 10:00:00 +0100', '', text + 'x'.repeat(o.pad ?? 0),
].join('\r\n'));
const deliver = (body: Buffer) => receiveDelivery(door, mailbox, { source: 'HTTP', request: { method: 'POST', url: 'http://localhost/hooks', headers: {}, body } });
const drained = async () => {
  const drain = startDrain(context);
  await drain.idle();
  await drain.stop();
};
const state = (id: string) => inWorkspace(db.app, actor.workspaceId, async (tx) => (await tx`select state, attempts, error from inbound_events where workspace_id = ${actor.workspaceId} and id = ${id}`)[0]!);

describe('what a door stored', () => {
  it('is applied, and posting everything again changes nothing', async () => {
    const bodies = ['ada', 'ben', 'cleo'].map((name) => mail(`${name}@example.com`, `I am ${name}`, { id: `${name}@mail.example` }));
    const first = await Promise.all(bodies.map(deliver));
    await drained();
    for (const { events } of first) expect(await state(events[0]!.id)).toMatchObject({ state: 'APPLIED' });
    const again = await Promise.all(bodies.map(deliver));
    await drained();
    for (const { events } of again) expect(await state(events[0]!.id)).toMatchObject({ state: 'DUPLICATE' });
    const [count] = await inWorkspace(db.app, actor.workspaceId, (tx) => tx`select count(*)::int as n from messages where workspace_id = ${actor.workspaceId}`);
    expect(count!.n).toBe(3);
  });

  it('that cannot be read is kept with its reason; a large body lies in the blob store, byte for byte', async () => {
    const body = Buffer.concat([mail('big@example.com', 'big', { pad: 300_000 })]);
    const delivered = await deliver(body);
    const [row] = await inWorkspace(db.app, actor.workspaceId, (tx) => tx`select body, body_sha256 from deliveries where workspace_id = ${actor.workspaceId} and id = ${delivered.deliveryId}`);
    expect(row!.body).toBeNull();
    expect((await door.blobs.get(actor.workspaceId, row!.bodySha256))!.equals(body)).toBe(true);
  });

  it('of an account that is not active waits for it: nothing is lost, and a replay applies it', async () => {
    await inWorkspace(db.app, actor.workspaceId, (tx) => setAccountState(tx, actor, { accountId, state: 'DISABLED' }));
    const { events } = await deliver(mail('patient@example.com', 'hello?'));
    expect(events[0]).toMatchObject({ state: 'UNKNOWN_ACCOUNT', error: expect.stringContaining('disabled') });
    await expect(inWorkspace(db.app, actor.workspaceId, (tx) => replayInboundEvent(tx, actor.workspaceId, door.blobs, events[0]!.id))).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
    await inWorkspace(db.app, actor.workspaceId, (tx) => setAccountState(tx, actor, { accountId, state: 'ACTIVE' }));
    await inWorkspace(db.app, actor.workspaceId, (tx) => replayInboundEvent(tx, actor.workspaceId, door.blobs, events[0]!.id));
    await drained();
    expect(await state(events[0]!.id)).toMatchObject({ state: 'APPLIED', error: null });
  });

  it('and fails again and again is dead after its last try, and held up only its own lane', async () => {
    const poison = await deliver(mail('poison@example.com', 'first'));
    const behind = await deliver(mail('poison@example.com', 'second'));
    const other = await deliver(mail('healthy@example.com', 'meanwhile'));
    // What a parser can give and no action can take: the event names a kind of address that is none.
    await db.owner`update inbound_events set event = jsonb_set(event, '{message}', 'null') where id = ${poison.events[0]!.id}`;
    let at = nowMs();
    const restore = setClock(() => at);
    try {
      for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
        await drained();
        expect(await state(other.events[0]!.id)).toMatchObject({ state: 'APPLIED' });
        expect(await state(poison.events[0]!.id)).toMatchObject({ attempts: attempt, state: attempt < TRIES_MAX ? 'PENDING' : 'DEAD' });
        if (attempt < TRIES_MAX) expect(await state(behind.events[0]!.id)).toMatchObject({ state: 'PENDING' });
        at += 60_000;
      }
      await drained();
      expect(await state(behind.events[0]!.id)).toMatchObject({ state: 'APPLIED' });
    } finally {
      restore();
    }
  });

  it('of many people at once is applied together, each person\'s in order; one that fails is tried alone and costs the others nothing', async () => {
    const people = Array.from({ length: 40 }, (_, i) => `many${i}@example.com`);
    const all: { from: string; n: number; id: string }[] = [];
    for (const n of [0, 1, 2]) all.push(...(await Promise.all(people.map(async (from) => ({ from, n, id: (await deliver(mail(from, `line ${n}`))).events[0]!.id })))));
    const poison = all.find(({ from, n }) => from === people[7] && n === 1)!;
    await db.owner`update inbound_events set event = jsonb_set(event, '{message}', 'null') where id = ${poison.id}`;
    let statements = 0;
    const counting = { ...context, app: new Proxy(db.app, { get: (of, name) => (name === 'begin' ? (...args: unknown[]) => (statements++, (of.begin as (...a: unknown[]) => unknown)(...args)) : Reflect.get(of, name)) }) };
    const drain = startDrain(counting);
    await drain.idle();
    await drain.stop();
    expect(await state(poison.id)).toMatchObject({ state: 'PENDING', attempts: 1 });
    const held = all.filter(({ from, n }) => from === people[7] && n > 1).map(({ id }) => id);
    for (const { id } of all.filter((one) => one.id !== poison.id && !held.includes(one.id))) expect(await state(id)).toMatchObject({ state: 'APPLIED' });
    const rows = await db.owner<{ value: string; texts: string[] }[]>`
      select i.value, array_agg(m.text order by m.created_at, m.id) as texts from messages m join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id where i.value like 'many%' group by 1`;
    for (const { value, texts } of rows) if (value !== people[7]) expect(texts, value).toEqual([...texts].sort());
    // Of 120 messages: a lane's end is asked for by a transaction of its own.
    expect(statements).toBeLessThan(100);
  });

  it('by a server whose clock was an hour fast is applied by those whose is right, a retry too, and holds up no lane', async () => {
    const restore = setClock(() => Date.now() + 3_600_000);
    let fast, failed: Awaited<ReturnType<typeof deliver>>;
    try {
      fast = await deliver(mail('early@example.com', 'from the future'));
      failed = await deliver(mail('failed@example.com', 'once more'));
      await db.owner`update inbound_events set event = jsonb_set(event, '{was}', event -> 'message') || '{"message": null}' where id = ${failed.events[0]!.id}`;
      await stepLane(context, actor.workspaceId, failed.events[0]!.lane);
    } finally {
      restore();
    }
    await db.owner`update inbound_events set event = jsonb_set(event, '{message}', event -> 'was') where id = ${failed.events[0]!.id}`;
    expect(await state(failed.events[0]!.id)).toMatchObject({ state: 'PENDING', attempts: 1 });
    await drained();
    expect(await state(fast.events[0]!.id)).toMatchObject({ state: 'APPLIED', attempts: 0 });
    expect(await state(failed.events[0]!.id)).toMatchObject({ state: 'APPLIED' });
  });

  it('is applied in the order in which it came, lane by lane, with two drains at once', async () => {
    for (let i = 0; i < 12; i++) await deliver(mail(`lane${i % 2}@example.com`, `line ${i}`));
    const drains = [startDrain(context), startDrain(context)];
    await Promise.all(drains.map((drain) => drain.idle()));
    await Promise.all(drains.map((drain) => drain.stop()));
    for (const lane of [0, 1]) {
      const rows = await db.owner`
        select e.delivery_id::text as delivery, m.text from inbound_events e join messages m on m.id = e.message_id join identities i on i.id = m.identity_id
        where i.value = ${`lane${lane}@example.com`} order by m.created_at, m.id`;
      expect(rows.map((row) => row.text)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `line ${n * 2 + lane}`));
    }
  });

  it('of another workspace is out of reach', async () => {
    const stranger = await db.workspace();
    const { events } = await deliver(mail('mine@example.com', 'mine'));
    await expect(inWorkspace(db.app, stranger.id, (tx) => replayInboundEvent(tx, stranger.id, door.blobs, events[0]!.id))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await stepLane(context, stranger.id, events[0]!.lane)).toEqual({ step: 'EMPTY' });
    await inWorkspace(db.app, actor.workspaceId, (tx) => disconnectChannel(tx, actor, { accountId }));
    expect(await endpointById(db.app, mailbox.id)).toBeNull();
  });
});
