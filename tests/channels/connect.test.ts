// connectChannel by HTTP, as a console calls it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inWorkspace } from '../../src/platform/db.ts';
import { setAccountFault } from '../../src/channels/accounts.ts';
import { uuidOf } from '../../src/platform/ids.ts';
import { fakeTwilio, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ws: TestWorkspace;
let twilio: FakeTwilio;
beforeAll(async () => {
  [server, twilio] = await Promise.all([startTestServer(), fakeTwilio()]);
  ws = await server.workspace();
  twilio.numbers.add(NUMBER);
});
afterAll(() => Promise.all([server.stop(), twilio.close()]));

const NUMBER = '+4930100200300';

const connect = async (input: Record<string, unknown>) =>
  (await server.query('mutation ($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { id } userErrors { code field message } } }', { input }, ws.keys.ADMIN)).data.connectChannel;

test('a form is told of every wrong field in one answer, each with its path', async () => {
  const { channelAccount, userErrors } = await connect({ channel: 'SMS', provider: 'twilio', name: '', address: 'nobody at all', settings: { accountSid: 'x', colour: 1 }, secrets: {} });
  expect(channelAccount).toBeNull();
  expect(userErrors.map(({ field }: { field: string[] }) => field.join('.')).sort()).toEqual(['address', 'name', 'secrets.authToken', 'settings.accountSid', 'settings.colour']);
  for (const { code, message } of userErrors) expect([code, message.length > 10]).toEqual(['INVALID_INPUT', true]);
});

test('a server without an SMTP receiver refuses a mailbox without a way in or out', async () => {
  const mailbox = { channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example' };
  expect((await connect(mailbox)).userErrors).toMatchObject([{ field: ['secrets', 'inbound'], message: expect.stringContaining('SMTP_PORT') }]);
  expect((await connect({ ...mailbox, secrets: { inbound: 'the-secret-of-the-door' } })).userErrors).toEqual([]);
});

describe('a credential', () => {
  const sms = (more: Record<string, unknown> = {}) => ({
    channel: 'SMS', provider: 'twilio', name: 'SMS', address: NUMBER, settings: { accountSid: twilio.accountSid, apiBaseUrl: twilio.url }, secrets: { authToken: twilio.authToken }, ...more,
  });
  const accounts = async () => (await server.ask('{ channelAccounts(first: 50) { nodes { address channel fault setupSteps webhookUrl } } }', null, ws.keys.ADMIN)).channelAccounts.nodes.filter(({ channel }: { channel: string }) => channel === 'SMS');
  const recheck = async (accountId: string) =>
    (await server.query('mutation ($i: CheckChannelAccountInput!) { checkChannelAccount(input: $i) { channelAccount { fault } userErrors { code message } } }', { i: { accountId } }, ws.keys.ADMIN)).data.checkChannelAccount;

  test('that the provider refuses connects nothing; nor does one of another number, nor a provider that is not reached', async () => {
    expect((await connect(sms({ secrets: { authToken: 'f'.repeat(32) } }))).userErrors).toMatchObject([{ code: 'INVALID_INPUT', field: ['secrets'], message: expect.stringContaining('check: false') }]);
    expect((await connect(sms({ address: '+4930999999' }))).userErrors).toMatchObject([{ code: 'INVALID_INPUT', message: expect.stringContaining('+4930999999') }]);
    expect((await connect(sms({ settings: { accountSid: twilio.accountSid, apiBaseUrl: 'http://127.0.0.1:9' } }))).userErrors).toMatchObject([{ code: 'PROVIDER_UNREACHABLE' }]);
    expect(await accounts()).toEqual([]);
  });

  test('that is good connects, with the steps that are left to do and the address to paste; asked again later, it is told of what ended meanwhile', async () => {
    const { channelAccount, userErrors } = await connect(sms());
    expect(userErrors).toEqual([]);
    const [account] = await accounts();
    expect(account.fault).toBeNull();
    expect(account.setupSteps.join('\n')).toContain(account.webhookUrl);
    twilio.numbers.clear();
    twilio.numbers.add('+4930777777');
    expect(await recheck(channelAccount.id)).toMatchObject({ channelAccount: { fault: expect.stringContaining(NUMBER) }, userErrors: [] });
    twilio.numbers.add(NUMBER);
    expect(await recheck(channelAccount.id)).toEqual({ channelAccount: { fault: null }, userErrors: [] });
    await inWorkspace(server.db.app, ws.id, (tx) => setAccountFault(tx, ws.actor, uuidOf('cha', channelAccount.id)!, 'The token ended.'));
    twilio.trouble({ status: 503 });
    expect(await recheck(channelAccount.id)).toMatchObject({ channelAccount: null, userErrors: [{ code: 'PROVIDER_UNREACHABLE' }] });
    expect((await accounts())[0].fault).toBe('The token ended.');
  });

  test('is not asked for with `check: false`, and one of a provider that cannot be asked is never asked for', async () => {
    const before = twilio.requestCount;
    expect((await connect(sms({ address: '+4930888888', check: false }))).userErrors).toEqual([]);
    expect(twilio.requestCount).toBe(before);
    expect(await recheck(ws.chat.accountId.replaceAll('-', '').replace(/^/, 'cha_'))).toMatchObject({ userErrors: [{ code: 'INVALID_TRANSITION' }] });
  });
});
