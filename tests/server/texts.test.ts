// Text messages by Bandwidth, and text and WhatsApp messages by one credential of Twilio, through the server's doors: in, answered, and reported on.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../src/platform/ids.ts';
import { fakeBandwidth, type FakeBandwidth } from '../../src/sandbox/bandwidth.ts';
import { fakeTwilio, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { quiet } from '../guarantees/world.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

const CUSTOMER = '+17345550171';
let server: TestServer;
let ws: TestWorkspace;
let bandwidth: FakeBandwidth;
let twilio: FakeTwilio;
let hooks: { bandwidth: string; twilio: string };
beforeAll(async () => {
  [server, bandwidth, twilio] = await Promise.all([startTestServer(), fakeBandwidth(), fakeTwilio()]);
  ws = await server.workspace();
  const { accountId, applicationId, url, username, password, callback } = bandwidth;
  bandwidth.numbers.add('+16145550133').add('+16145550134');
  const secrets = { username, password, callbackUsername: callback!.username, callbackPassword: callback!.password };
  const { endpointId } = await ws.connect({ channel: 'SMS', provider: 'bandwidth', name: 'Texts', address: '+16145550133', settings: { accountId, applicationId, apiBaseUrl: url }, secrets });
  await ws.connect({ channel: 'SMS', provider: 'bandwidth', name: 'Texts too', address: '+16145550134', settings: { accountId, applicationId, apiBaseUrl: url }, endpointId });
  const settings = { accountSid: twilio.accountSid, apiBaseUrl: twilio.url };
  const sms = await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'Texts by Twilio', address: '+442079460018', settings, secrets: { authToken: twilio.authToken } });
  await ws.connect({ channel: 'WHATSAPP', provider: 'twilio', name: 'WhatsApp', address: 'whatsapp:+442079460018', settings, endpointId: sms.endpointId });
  const at = (provider: string, id: string) => `${server.address}/hooks/${provider}/${publicId('end', id)}`;
  hooks = { bandwidth: at('bandwidth', endpointId), twilio: at('twilio', sms.endpointId) };
});
afterEach(() => {
  bandwidth.messages.length = 0;
  twilio.messages.length = 0;
});
afterAll(async () => {
  await server.stop();
  await Promise.all([bandwidth.close(), twilio.close()]);
});

interface Said {
  channel: string;
  text: string | null;
  direction: string;
  deliveryState: string | null;
  conversation: { id: string };
  account: { address: string } | null;
}
/** What is in the timeline of everybody, the oldest first. */
async function messages(): Promise<Said[]> {
  await quiet(server);
  const { conversations } = await server.ask('{ conversations { nodes { messages { nodes { channel text direction deliveryState conversation { id } account { address } } } } } }', null, ws.keys.AGENT);
  return conversations.nodes.flatMap((one: { messages: { nodes: Said[] } }) => one.messages.nodes);
}
async function answer(to: Said, text: string): Promise<void> {
  await server.ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { message } } }', { input: { conversationId: to.conversation.id, text } }, ws.keys.AGENT);
  await quiet(server);
}
const stateOf = async (text: string) => (await messages()).find((one) => one.text === text)!.deliveryState;

test('Bandwidth is asked for its credentials, and then comes in; nobody else does', async () => {
  const plain = await fetch(hooks.bandwidth, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '[]' });
  expect([plain.status, plain.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="callbacks", charset="UTF-8"']);
  const wrong = await fetch(hooks.bandwidth, { method: 'POST', headers: { authorization: `Basic ${btoa('callbacks:guessed')}` }, body: '[]' });
  expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([403, null]);
  expect((await bandwidth.receive(hooks.bandwidth, { from: CUSTOMER, to: ['+16145550133'], text: 'Do you ship to Ohio?' })).map(({ status }) => status)).toEqual([200]);
  expect(await messages()).toMatchObject([{ channel: 'SMS', text: 'Do you ship to Ohio?', direction: 'INBOUND', account: { address: '+16145550133' } }]);
});

test('an answer goes out by Bandwidth, and its report is of that answer; the same report again, and our own message coming back, change nothing', async () => {
  const asked = (await messages()).find(({ text }) => text === 'Do you ship to Ohio?')!;
  await answer(asked, 'We do');
  const [sent] = bandwidth.messages;
  expect(sent).toMatchObject({ from: '+16145550133', to: [CUSTOMER], text: 'We do' });
  expect(await stateOf('We do')).toBe('ACCEPTED');
  for (const type of ['message-delivered', 'message-delivered', 'message-sending']) await bandwidth.report(hooks.bandwidth, sent!.id, type);
  await bandwidth.post(hooks.bandwidth, [{ type: 'message-received', time: sent!.time, to: CUSTOMER, message: sent! }]);
  expect(await stateOf('We do')).toBe('DELIVERED');
  expect((await messages()).filter(({ text }) => text === 'We do')).toHaveLength(1);
});

test('a group message to two of our numbers comes once at each', async () => {
  await bandwidth.receive(hooks.bandwidth, { from: CUSTOMER, to: ['+16145550133', '+17345550172', '+16145550134'], text: 'Is Friday good?' });
  const copies = (await messages()).filter(({ text }) => text === 'Is Friday good?');
  expect(copies.map(({ account }) => account!.address).sort()).toEqual(['+16145550133', '+16145550134']);
});

test('a text and a WhatsApp message at one address of ours are told apart, and each is answered as it came', async () => {
  await twilio.text(hooks.twilio, { from: '+447700900417', to: '+442079460018', body: 'By text' });
  await twilio.text(hooks.twilio, { from: 'whatsapp:+447700900417', to: 'whatsapp:+442079460018', body: 'By WhatsApp' });
  const all = await messages();
  const [byText, byWhatsapp] = ['By text', 'By WhatsApp'].map((text) => all.find((one) => one.text === text)!);
  expect([byText, byWhatsapp]).toMatchObject([{ channel: 'SMS' }, { channel: 'WHATSAPP', account: { address: '+442079460018' } }]);
  await answer(byWhatsapp!, 'Hello there');
  const [sent] = twilio.messages;
  expect(sent).toMatchObject({ from: 'whatsapp:+442079460018', to: 'whatsapp:+447700900417', body: 'Hello there' });
  await twilio.settle(sent!.sid);
  expect(await stateOf('Hello there')).toBe('DELIVERED');
});
