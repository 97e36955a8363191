// G10 at the doors that are no GraphQL: whoever stands there with nothing, or with what is another workspace's, learns nothing of A and changes nothing.
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mintToken, replyAddress } from '../../src/channels/email/reply-address.ts';
import { fileUrl } from '../../src/messages/file-url.ts';
import { newId, publicId, uuidOf } from '../../src/platform/ids.ts';
import { keyedHash } from '../../src/platform/secrets.ts';
import { ROOT, startTestServer, type TestServer } from '../harness/server.ts';
import { withoutRowSecurity } from './walls.ts';
import { leaked, makeWorld, quiet, stateOf, type World } from './world.ts';

let server: TestServer;
let a: World;
let b: World;
let endpoints: { id: string; provider: string; workspaceId: string }[];
beforeAll(async () => {
  server = await startTestServer({ config: { smtpPort: 0 } });
  [a, b] = [await makeWorld(server, 'Quokkaville'), await makeWorld(server, 'Zirconbury')];
  await quiet(server);
  endpoints = await server.db.owner`select id, provider, workspace_id from channel_endpoints order by id`;
}, 60_000);
afterAll(async () => {
  for (const { twilio } of [a, b]) await twilio.close();
  await server.stop();
});

/** Everybody who may stand there: nobody, B's people, keys that are none. */
const callers = (): (string | null)[] => [null, ...Object.values(b.keys), b.member.token, b.visitor.token, b.publishable, `tl_${'0'.repeat(32)}_x`, b.mailSecret, ''];
const bearer = (credential: string | null): Record<string, string> => (credential === null ? {} : { authorization: `Bearer ${credential}` });
async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(path.startsWith('/') ? server.address + path : path, { redirect: 'manual', ...init });
  return { status: response.status, text: `${JSON.stringify([...response.headers])}${await response.text()}` };
}
/** Nothing of A in it, and no fault of ours. */
function clean({ status, text }: { status: number; text: string }, asked: unknown): void {
  const about = `${JSON.stringify(asked)} -> ${status} ${text.slice(0, 300)}`;
  expect(status, about).toBeLessThan(500);
  expect(leaked(a, text, asked), about).toEqual([]);
}
async function unchanged(of: World, visit: () => Promise<void>): Promise<void> {
  const before = await stateOf(server.db, of.id);
  await visit();
  await quiet(server);
  expect(await stateOf(server.db, of.id)).toEqual(before);
}

/** Around what is done: with both walls between workspaces, and with one. */
const WALLS: [name: string, wall: (work: () => Promise<void>) => Promise<void>][] = [
  ['as it is', (work) => work()],
  ['by the predicates alone, all row-level security off', (work) => withoutRowSecurity(server.db, a.id, work)],
];

test('these are all doors that the server has', () => {
  const folder = join(ROOT, 'src/server');
  const found = readdirSync(folder).filter((name) => name.endsWith('.ts')).flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/(?:\b(?:server|scope)\.(?:get|post|put|patch|delete|all|options|head)\(|\burl: )'(\/[^']*)'/g)].map(([, url]) => url!));
  // Beside them, SMTP (below).
  expect([...new Set(found)].sort()).toEqual(['/', '/files/:token', '/graphql', '/graphql/ide/*', '/healthz', '/hooks/:provider/:endpoint', '/live', '/metrics', '/readyz', '/uploads']);
});

test('what anybody may read is of no workspace', async () => {
  for (const path of ['/', '/healthz', '/readyz', '/metrics', '/live', '/live/app.js', '/graphql', '/graphql/ide/index.html', `/graphql/ide/../../${a.ids.cus}`, '/graphql/ide/%2e%2e/%2e%2e/package.json', `/${a.id}`]) {
    for (const credential of callers()) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const answer = await ask(path, { method, headers: { ...bearer(credential), accept: 'text/html,*/*' } });
        clean(answer, [path, method]);
        expect(leaked(b, answer.text, [path, credential]), path).toEqual([]);
      }
    }
  }
});

const signedByMeta = (body: string, secret: string) => ({ 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` });
const letter = (to: string) => `From: Eve <eve@customers.example>\r\nTo: ${to}\r\nSubject: Hello\r\nMessage-ID: <doors.${to}>\r\n\r\nHello`;

describe.each(WALLS)('%s', (_name, wall) => {
  test("A's hooks take nothing from who is not A's provider: whatever B has signed, whoever sends it, by whichever provider's name", { timeout: 90_000 }, () => wall(async () => {
    const providers = [...new Set(endpoints.map(({ provider }) => provider)), 'nobody', '..'];
    const ofA = endpoints.filter(({ workspaceId }) => workspaceId === a.id);
    expect(ofA.length).toBeGreaterThanOrEqual(4);
    await unchanged(a, () => unchanged(b, async () => {
      for (const { id, provider } of ofA) {
        for (const named of providers) {
          const path = `/hooks/${named}/${publicId('end', id)}`;
          const bodies: [string, Record<string, string>][] = callers().map((credential) => [letter('support@acme.example'), { 'content-type': 'message/rfc822', ...bearer(credential) }]);
          const page = JSON.stringify({ object: 'page', entry: [{ id: '100000001', time: 1, messaging: [] }] });
          for (const secret of b.secrets) bodies.push([page, signedByMeta(page, secret)], [letter('x@acme.example'), { authorization: `Basic ${Buffer.from(`mail:${secret}`).toString('base64')}` }]);
          for (const [body, headers] of bodies) {
            const answer = await ask(path, { method: 'POST', body, headers });
            clean(answer, [path, headers]);
            expect(answer.status, path).toBeGreaterThanOrEqual(400);
            // By another provider's name it is as an endpoint that nobody has.
            if (named !== provider && named !== '..') expect([answer.status, answer.text.includes('No channel is connected')], path).toEqual([404, true]);
          }
          const twilio = await b.twilio.post(server.address + path, { MessageSid: `SM${'0'.repeat(32)}`, AccountSid: a.twilio.accountSid, From: b.phone, To: '+493012345671', Body: 'Hello' });
          expect(twilio.status, path).toBeGreaterThanOrEqual(400);
          for (const token of b.secrets) clean(await ask(`${path}?hub.mode=subscribe&hub.challenge=7&hub.verify_token=${encodeURIComponent(token)}`), [path]);
        }
      }
    }));
  }));

  test("what B's providers bring stays B's, though it names A's addresses, numbers and pages", () => wall(async () => {
    const [account] = await server.db.owner<{ endpointId: string }[]>`select endpoint_id from channel_accounts where workspace_id = ${b.id} and channel = 'MESSENGER'`;
    const rows = await server.db.owner<{ channel: string; address: string }[]>`select channel, address from channel_accounts where workspace_id = ${a.id}`;
    const [mailbox, number, page] = ['EMAIL', 'SMS', 'MESSENGER'].map((channel) => rows.find((row) => row.channel === channel)!.address) as [string, string, string];
    await unchanged(a, async () => {
      for (const headers of [{}, { 'x-envelope-to': mailbox }] as Record<string, string>[]) {
        clean(await ask(b.hooks.mail, { method: 'POST', body: letter(mailbox), headers: { 'content-type': 'message/rfc822', authorization: `Bearer ${b.mailSecret}`, ...headers } }), mailbox);
      }
      for (const from of [a.phone, b.phone]) {
        const { status, body } = await b.twilio.text(b.hooks.sms, { from, to: number, body: 'Hello' });
        clean({ status, text: body }, [from, number]);
      }
      const written = JSON.stringify({ object: 'page', entry: [{ id: page, time: Date.now(), messaging: [{ sender: { id: '771' }, recipient: { id: page }, timestamp: Date.now(), message: { mid: `m_${a.mark}`, text: 'Hello' } }] }] });
      clean(await ask(`/hooks/meta/${publicId('end', account!.endpointId)}`, { method: 'POST', body: written, headers: signedByMeta(written, b.secrets.find((secret) => secret.startsWith('app-secret'))!) }), written);
    });
  }));

  test("A's files are nobody's under another workspace's name, and uploads are who sent them's alone", () => wall(async () => {
    const parts = await server.db.owner<{ id: string }[]>`select id from message_parts where workspace_id = ${a.id} and media_state = 'STORED'`;
    expect(parts.length).toBeGreaterThan(0);
    for (const { id } of parts) {
      for (const viewer of ['API', 'VISITOR'] as const) {
        const answer = await ask(new URL(fileUrl(viewer, b.id, id), server.address).pathname);
        clean(answer, id);
        expect(answer.status).toBe(404);
      }
    }
    const content = `File of ${a.mark}`;
    await unchanged(a, async () => {
      for (const credential of callers()) {
        const answer = await ask('/uploads?filename=x.txt', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain', ...bearer(credential) } });
        clean(answer, credential);
        // A visitor's own are his to send, nobody else's (tests/visitors/in-app.test.ts).
        const may = credential !== null && [b.keys.ADMIN, b.keys.AGENT, b.member.token, b.visitor.token].includes(credential);
        expect(answer.status, String(credential)).toBe(may ? 201 : credential !== null && [b.keys.INTEGRATOR, b.keys.REPORTING, b.publishable].includes(credential) ? 403 : 401);
      }
    });
    const uploaded = await ask('/uploads?filename=x.txt', { method: 'POST', body: content, headers: { 'content-type': 'text/plain', authorization: `Bearer ${a.keys.AGENT}` } });
    const file = /"file":"([^"]+)"/.exec(uploaded.text)![1]!;
    const send = (w: World, text: string) => server.query('mutation ($i: SendMessageInput!) { sendMessage(input: $i) { message { id } userErrors { code field } } }', { i: { conversationId: w.ids.cnv, channel: 'SMS', text: 'Hi', files: [text] } }, w.member.token);
    await unchanged(a, async () => {
      for (const text of [file, `${file}x`, file.slice(1), uuidOf('cus', a.ids.cus!)!, '']) {
        const answer = await send(b, text);
        clean(answer, text);
        expect((answer.data as any)?.sendMessage.message ?? null, answer.text).toBeNull();
        expect(answer.text).toMatch(/"code":"(?!INTERNAL)[A-Z_]+"/);
      }
    });
  }));
  test("by SMTP a mail is who it is addressed to's, whatever it says of A, and A's mailbox takes it from anybody and tells nobody anything", () => wall(async () => {
    const [mailboxOfA, mailboxOfB] = [a, b].map(({ mark }) => `support.${mark.toLowerCase()}@acme.example`) as [string, string];
    const [message] = await server.db.owner<{ id: string; providerMessageId: string }[]>`select id, provider_message_id from messages where workspace_id = ${a.id} and channel = 'EMAIL' and direction = 'INBOUND' and provider_message_id is not null limit 1`;
    const mailer = createTransport({ host: '127.0.0.1', port: server.server.smtpPort!, secure: false, ignoreTLS: true });
    const mail = async (to: string, headers: string, text: string) => mailer.sendMail({ envelope: { from: a.email, to: [to] }, raw: `${headers}\r\nMessage-ID: <${newId()}@customers.example>\r\n\r\n${text}` }).then(({ response }) => response, (error: Error) => error.message);
    try {
      await unchanged(a, async () => {
        // B's mailbox: what names A's mailbox, A's threads and A's reply addresses is B's all the same.
        const answers = `In-Reply-To: <${message!.providerMessageId}>\r\nReferences: <${message!.providerMessageId}>`;
        const said = [
          await mail(mailboxOfB, `From: ${a.email}\r\nTo: ${mailboxOfA}\r\nDelivered-To: ${mailboxOfA}\r\nSubject: Hello\r\n${answers}`, 'For whom?'),
          await mail(replyAddress(mailboxOfB, mintToken(keyedHash, a.id, message!.id))!, `From: ${a.email}\r\nTo: ${mailboxOfB}\r\nSubject: Hello`, 'By a token of A.'),
          await mail(`nobody.${mailboxOfA}`, `From: ${b.email}\r\nTo: ${mailboxOfA}\r\nSubject: Hello`, 'To nobody.'),
        ];
        clean({ status: 200, text: JSON.stringify(said) }, [a.email, mailboxOfA, mailboxOfB]);
        expect(said[0]).toMatch(/^250 /);
        expect(said[2]).toMatch(/ 550 /);
      });
      await unchanged(b, async () => clean({ status: 200, text: await mail(mailboxOfA, `From: ${b.email}\r\nTo: ${mailboxOfB}\r\nSubject: Hello`, 'To A.') }, [mailboxOfA]));
    } finally {
      mailer.close();
    }
  }));
});
