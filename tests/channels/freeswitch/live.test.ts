// A FreeSWITCH of the house, live: calls stand on the timeline while they happen, by its event socket; its records complete them; and the line to it is held by one
// process, found again when it is lost, and told of when it is refused.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { folderBlobs } from '../../../src/platform/blobs.ts';
import { outgoing } from '../../../src/platform/http.ts';
import { startLines } from '../../../src/inbound/lines.ts';
import { fakeFreeswitch, type FakeFreeswitch } from '../../../src/sandbox/freeswitch.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../../harness/server.ts';

const OURS = '+493012345678';
const ADA = '+12025550142';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.stop());

let freeswitch: FakeFreeswitch;
let workspace: TestWorkspace;
beforeEach(async () => {
  freeswitch = await fakeFreeswitch({ password: 'of the socket'.replaceAll(' ', '-') });
  workspace = await server.workspace();
});
afterEach(() => freeswitch.close());

const CONNECT = `mutation ($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { id webhookUrl fault } userErrors { code field message } } }`;
const input = (more: { eventSocketPassword?: string; check?: boolean } = {}) => ({
  channel: 'VOICE', provider: 'freeswitch', name: 'The house', address: OURS, settings: { eventSocket: { host: '127.0.0.1', port: freeswitch.port } }, check: more.check ?? true,
  secrets: { username: 'pbx', password: 'a long password', eventSocketPassword: more.eventSocketPassword ?? freeswitch.password },
});
/** Connects the account; `records`: also to be told by the records of calls. */
async function connected({ records = true } = {}): Promise<string> {
  const { connectChannel: { channelAccount } } = await server.ask(CONNECT, { input: input() }, workspace.keys.ADMIN);
  if (records) freeswitch.records = { url: new URL(channelAccount.webhookUrl as string, server.address).href, username: 'pbx', password: 'a long password' };
  await expect.poll(() => freeswitch.listeners, { timeout: 10_000 }).toBe(1);
  return channelAccount.id as string;
}
interface Shown {
  state: string;
  disposition: string | null;
  answeredAt: string | null;
  endedAt: string | null;
  talkMs: number | null;
  holdMs: number | null;
  legs: { party: string | null; answeredAt: string | null; endedAt: string | null }[];
  recordings: { state: string; durationMs: number | null }[];
}
const calls = async (): Promise<Shown[]> => (await server.ask(
  `{ customers(first: 2) { nodes { timeline(first: 5) { nodes { subject { ... on Call { state disposition answeredAt endedAt talkMs holdMs legs { party answeredAt endedAt } recordings { state durationMs } } } } } } } }`,
  null, workspace.keys.ADMIN)).customers.nodes.flatMap((one: any) => one.timeline.nodes.flatMap((entry: any) => (entry.subject?.legs ? [entry.subject] : [])));
const call = async (): Promise<Shown | undefined> => (await calls())[0];
const untilCall = (expected: Partial<Shown>) => expect.poll(call, { timeout: 10_000 }).toMatchObject(expected);

describe('a call', () => {
  test('is announced when it rings, and stands on the timeline as it goes on', async () => {
    await connected();
    const socket = server.socket(workspace.keys.AGENT);
    await socket.open;
    const heard = socket.subscribe('subscription { incomingCall { call { fromValue } } }');
    await expect.poll(async () => (await server.query('{ viewer { __typename } }', null, workspace.keys.AGENT)).status).toBe(200);
    const ringing = freeswitch.ring({ from: ADA, to: OURS, name: 'Ada Lovelace' });
    expect((await heard.next()).incomingCall.call).toEqual({ fromValue: ADA });
    await untilCall({ state: 'RINGING', answeredAt: null });
    const phone = ringing.put('204');
    phone.answer();
    await untilCall({ state: 'IN_PROGRESS' });
    ringing.recordTo('/var/recordings/one.wav');
    phone.hold();
    phone.resume();
    await untilCall({ recordings: [{ state: 'IN_PROGRESS', durationMs: null }] });
    await ringing.hangUp();
    await untilCall({ state: 'ENDED', disposition: 'ANSWERED', recordings: [{ state: 'COMPLETED', durationMs: expect.any(Number) as number }] });
    const after = (await calls())[0]!;
    expect(after.holdMs).not.toBeNull();
    expect(after.legs.filter(({ answeredAt, endedAt }) => answeredAt && endedAt)).toHaveLength(2);
    expect(await calls()).toHaveLength(1);
    await socket.close();
  });

  type Ringing = ReturnType<FakeFreeswitch['ring']>;
  test.each([
    ['was taken', (ring: Ringing) => ring.put('204').answer(), 2, 'ANSWERED', 'ANSWERED'],
    ['was taken by nobody', (ring: Ringing) => void ring.put('204'), 2, 'ABANDONED', 'ABANDONED'],
    ['was left to the machine, which took a message', (ring: Ringing) => ring.machine(7), 1, 'VOICEMAIL', 'VOICEMAIL'],
    // By events alone it isn't known that it was a machine that answered.
    ['was left to the machine', (ring: Ringing) => ring.machine(null), 1, null, 'ABANDONED'],
  ])('%s: known by events alone, and the records after it add what only they know', async (_what, goes, legs, live, disposition) => {
    await connected({ records: false });
    const ringing = freeswitch.ring({ from: ADA, to: OURS });
    goes(ringing);
    await ringing.hangUp();
    await untilCall({ state: 'ENDED', disposition: live });
    const { channelAccounts } = await server.ask('{ channelAccounts { nodes { webhookUrl provider } } }', null, workspace.keys.ADMIN);
    const { webhookUrl } = channelAccounts.nodes.find((one: { provider: string }) => one.provider === 'freeswitch') as { webhookUrl: string };
    freeswitch.records = { url: new URL(webhookUrl, server.address).href, username: 'pbx', password: 'a long password' };
    expect((await ringing.hangUp()).map(({ status }) => status)).toEqual(Array<number>(legs).fill(200));
    await untilCall({ disposition });
    expect(await calls()).toHaveLength(1);
  });
});

describe('the line', () => {
  test('is tried when the account is connected: a wrong password is told at once', async () => {
    const { data } = await server.query(CONNECT, { input: input({ eventSocketPassword: 'wrong' }) }, workspace.keys.ADMIN);
    expect(data.connectChannel.userErrors).toMatchObject([{ code: 'INVALID_INPUT', field: ['secrets'], message: expect.stringContaining('refuses the password') }]);
  });

  test('is found again when it was lost', async () => {
    await connected();
    freeswitch.drop();
    await expect.poll(() => freeswitch.listeners).toBe(0);
    await expect.poll(() => freeswitch.listeners, { timeout: 10_000 }).toBe(1);
    freeswitch.ring({ from: ADA, to: OURS });
    await untilCall({ state: 'RINGING' });
  });

  test('that is refused is a fault of the account, until it is mended', async () => {
    const { connectChannel: { channelAccount } } = await server.ask(CONNECT, { input: input({ eventSocketPassword: 'wrong', check: false }) }, workspace.keys.ADMIN);
    const fault = async () => (await server.ask('query ($id: ID!) { node(id: $id) { ... on ChannelAccount { fault } } }', { id: channelAccount.id }, workspace.keys.ADMIN)).node.fault as string | null;
    await expect.poll(fault, { timeout: 10_000 }).toMatch(/refuses the password/);
    await server.ask('mutation ($input: RotateChannelSecretsInput!) { rotateChannelSecrets(input: $input) { userErrors { message } } }', { input: { accountId: channelAccount.id, secrets: input().secrets } }, workspace.keys.ADMIN);
    await expect.poll(() => freeswitch.listeners, { timeout: 10_000 }).toBe(1);
    await expect.poll(fault).toBeNull();
  });

  test('ends with its account', async () => {
    const accountId = await connected();
    await server.ask('mutation ($input: DisconnectChannelInput!) { disconnectChannel(input: $input) { userErrors { message } } }', { input: { accountId } }, workspace.keys.ADMIN);
    await expect.poll(() => freeswitch.listeners, { timeout: 10_000 }).toBe(0);
  });

  test('is held by one process of several; when that ends, by another', async () => {
    await connected();
    const { app, url, system } = server.db;
    const second = startLines({ app, system, url, blobs: folderBlobs(server.dataDir), http: outgoing({ allowPrivate: true }), arrived: () => {}, report: () => {} });
    // Time enough to look twice.
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(freeswitch.listeners).toBe(1);
    // The session that holds the lines of the first is ended, as with its process: one of the two holds it then.
    await server.db.owner`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'throughline lines' and datname = current_database() and pid = any(select pid from pg_locks where locktype = 'advisory')`;
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(freeswitch.listeners).toBe(1);
    await second.stop();
    await expect.poll(() => freeswitch.listeners, { timeout: 10_000 }).toBe(1);
    freeswitch.ring({ from: ADA, to: OURS });
    await untilCall({ state: 'RINGING' });
  }, 30_000);
});
