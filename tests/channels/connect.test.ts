// connectChannel by HTTP, as a console calls it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ws: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
});
afterAll(() => server.stop());

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
