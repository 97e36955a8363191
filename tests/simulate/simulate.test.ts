// Sandbox providers and the simulated day, against a server, by HTTP; and both commands.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openControl } from '../../src/sandbox/control.ts';
import type { Offer } from '../../src/sandbox/offer.ts';
import { OFFERS, openOffers } from '../../src/sandbox/offers.ts';
import { reportOn } from '../../src/sandbox/reporting.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { apiAt, type Api } from '../../src/simulate/api.ts';
import { accountsOf, connectOffer } from '../../src/simulate/connect.ts';
import { simulateDay } from '../../src/simulate/day.ts';
import { story } from '../../src/simulate/story.ts';
import { connectWays, SIMULATED_CHANNELS } from '../../src/simulate/ways.ts';
import { throughline } from '../cli/run.ts';
import { ROOT, startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

vi.setConfig({ testTimeout: 90_000 });

let server: TestServer;
let ws: TestWorkspace;
let api: Api;
beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
  api = apiAt(server.address, ws.keys.ADMIN);
});
afterAll(() => server.stop());

const quiet = { progress: () => {}, signal: new AbortController().signal };
const messageCount = async (): Promise<number> => (await server.db.owner<{ n: number }[]>`select count(*)::int as n from messages where workspace_id = ${ws.id} and channel not in ('LIVE_CHAT', 'IN_APP')`)[0]!.n;

test('a simulated day brings every channel, and everything that was acknowledged stands on a timeline once; the same day again, also by providers at other addresses, adds nothing', async () => {
  const day = { seed: 11, customers: 10, ratePerSecond: 40, durationMs: 400 };
  const told: { accounts: number; messages: number; seed: number }[] = [];
  for (const run of [1, 2]) {
    const { ways, offers } = await connectWays(api, SIMULATED_CHANNELS);
    const reporting = reportOn(offers);
    const result = await simulateDay({ ...quiet, ...day, api, ways });
    await reporting.stop();
    await Promise.all(offers.map((offer) => offer.close()));
    expect(result, `run ${run}`).toMatchObject({ ok: true, faults: [], drops: {} });
    expect(reporting.faults).toEqual([]);
    expect(result.ways.map(({ acknowledged }) => acknowledged > 0)).toEqual(ways.map(() => true));
    expect(result.total.onTimeline).toBe(result.total.acknowledged + result.total.answered);
    told.push({ accounts: (await accountsOf(api)).length, messages: await messageCount(), seed: result.seed });
  }
  expect(told[1]).toEqual(told[0]);
});

test('the same seed tells the same story, another one another', () => {
  const ways = [{ channel: 'SMS' as const, can: new Set(['message', 'file'] as const) }, { channel: 'VOICE' as const, can: new Set(['call'] as const) }, { channel: 'MESSENGER' as const, can: new Set(['message', 'edit', 'reaction'] as const) }];
  const first = (seed: number): string => {
    const told = story({ seed, customers: 5, ways });
    return JSON.stringify(Array.from({ length: 200 }, () => told.next().value));
  };
  expect(first(4)).toBe(first(4));
  expect(first(5)).not.toBe(first(4));
});

test('providers are steered by HTTP: who writes by one is heard, is answered, and the answer is reported on', async () => {
  const offers = await openOffers(['twilio', 'x_account_activity']);
  const control = await openControl(offers, 0);
  const reporting = reportOn(offers);
  for (const offer of offers) await connectOffer(api, offer);
  const listed = (await (await fetch(control.url)).json()) as { providers: Offer[] };
  expect(listed.providers.map(({ provider, accounts }) => [provider, accounts.length])).toEqual([['twilio', 3], ['x_account_activity', 1]]);
  expect(await posted(control, 'twilio/tell', { channel: 'SMS', from: { name: 'Ada', address: '+4915112345678' }, act: { kind: 'message', text: 'Is it open today?' } })).toMatchObject({ status: 200 });
  expect(await posted(control, 'twilio/tell', { channel: 'SMS', from: { name: 'Ada', address: '+4915112345678' }, act: { kind: 'reaction', about: 'SM1', emoji: '👍' } })).toMatchObject({ error: expect.stringContaining('no reaction') });
  expect(await posted(control, 'nobody/tell', {})).toMatchObject({ error: expect.stringContaining('There is no provider "nobody"') });
  const conversation = await vi.waitUntil(async () => (await api.ask('{ screenPop(channel: SMS, address: "+4915112345678") { openConversation { id lastMessage { text } } } }')).screenPop?.openConversation as { id: string } | null, { timeout: 20_000 });
  expect(conversation).toMatchObject({ lastMessage: { text: 'Is it open today?' } });
  const { message } = (await api.ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message } } }', { input: { conversationId: conversation.id, text: 'Until six.' } })).sendMessage as { message: { id: string } };
  await vi.waitUntil(async () => (await api.ask('query ($id: ID!) { node(id: $id) { ... on Message { deliveryState } } }', { id: message.id })).node.deliveryState === 'DELIVERED', { timeout: 20_000 });
  expect(await (await fetch(`${control.url}/twilio/sent`)).json()).toMatchObject({ sent: [{ to: '+4915112345678', text: 'Until six.' }] });
  await reporting.stop();
  await Promise.all([control.close(), ...offers.map((offer) => offer.close())]);
});

test('beyond its rate a provider answers 429, and as often as it is told to 503; looking something up is free', async () => {
  const [twilio] = await openOffers(['twilio'], { climate: { perSecond: 2, failRate: 0, seed: 1 } });
  const [failing] = await openOffers(['bandwidth'], { climate: { perSecond: null, failRate: 1, seed: 1 } });
  const statuses: number[] = [];
  for (const method of ['GET', 'POST', 'POST', 'POST']) statuses.push((await fetch(`${twilio!.url}/2010-04-01/Accounts`, { method })).status);
  expect(statuses).toEqual([401, 401, 401, 429]);
  expect((await fetch(`${failing!.url}/api/v2/users/1/messages`, { method: 'POST' })).status).toBe(503);
  await Promise.all([twilio!.close(), failing!.close()]);
});

test('`throughline simulate` runs a day and says what became of it; a wrong call is told of', async () => {
  const ran = await throughline(['simulate', '--url', server.address, '--key', ws.keys.ADMIN, '--rate', '20', '--duration', '1', '--channels', 'live_chat,x,email', '--seed', '3']);
  expect(ran.stdout).toContain('Everything that was acknowledged stands on a timeline exactly once.');
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('Seed 3.') });
  expect(await throughline(['simulate', '--channels', 'pigeon'])).toMatchObject({ code: 2, stderr: expect.stringContaining('LIVE_CHAT') });
});

test('`throughline sandbox` starts all providers, connects them, and ends by a signal', async () => {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['bin/throughline.mjs', 'sandbox', '--port', '0', '--connect', server.address, '--key', ws.keys.ADMIN], { cwd: ROOT, env: { PATH, HOME }, stdio: ['ignore', 'pipe', 'inherit'] });
  let steered: string | undefined;
  for await (const line of createInterface(child.stdout)) if ((steered = /^Steered at (http:\S+?)\. /.exec(line)?.[1])) break;
  const { providers } = (await (await fetch(steered!)).json()) as { providers: Offer[] };
  expect(providers.map(({ provider }) => provider)).toEqual(Object.keys(OFFERS));
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

async function posted(control: Sandbox, path: string, body: object): Promise<unknown> {
  return (await fetch(`${control.url}/${path}`, { method: 'POST', body: JSON.stringify(body) })).json();
}
