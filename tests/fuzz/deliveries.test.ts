// What providers deliver, spoiled: mails, text messages and calls of the fixtures, their bytes changed, signed rightly. Each is taken or refused; none is a
// fault of ours, and nothing is left over. SEED and DELIVERIES set the run. VERIFY=1 also holds the event loop to 100 ms.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../src/platform/ids.ts';
import { until } from '../guarantees/world.ts';
import type { TestDatabase } from '../harness/database.ts';
import { proven } from '../harness/proven.ts';
import { seeded, seedOfRun } from '../harness/seeded.ts';
import { ROOT, testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { spawned } from '../harness/spawned.ts';
import { ownMails } from '../journey/mails.ts';
import { payloadsUnder, signature } from '../journey/payloads.ts';
import { ANSWER_MS_MAX, faultOf, figure } from './oracle.ts';

const SEED = seedOfRun();
const DELIVERIES = Number(process.env.DELIVERIES ?? 150);
const AT_ONCE = 4;
/** A spoiled mail is no larger; what large ones cost is measured elsewhere. */
const BYTES_MAX = 200_000;
const SHARED = join(ROOT, '../shared/fixtures');
const MAIL_SECRET = 'the-secret-of-the-mail-door';
const AUTH_TOKEN = '2'.repeat(32);
const ACCOUNT_SID = `AC${'1'.repeat(32)}`;

let db: TestDatabase;
let dataDir: string;
let server: Started;
let close: () => Promise<void>;
let ws: TestWorkspace;
const hooks: Record<'mail' | 'twilio', string> = { mail: '', twilio: '' };
beforeAll(async () => {
  ({ db, dataDir, server, close } = await spawned({ RATE_LIMIT_DELIVERIES_PER_MINUTE: '999999999999' }));
  ws = await testWorkspace(db);
  const mail = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: MAIL_SECRET } });
  const settings = { accountSid: ACCOUNT_SID, apiBaseUrl: 'http://127.0.0.1:9' };
  const sms = await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+14155550100', settings, secrets: { authToken: AUTH_TOKEN } });
  await ws.connect({ channel: 'VOICE', provider: 'twilio', name: 'Voice', address: '+14155550100', settings, endpointId: sms.endpointId });
  hooks.mail = `${server.address}/hooks/mime/${publicId('end', mail.endpointId)}`;
  hooks.twilio = `${server.address}/hooks/twilio/${publicId('end', sms.endpointId)}`;
}, 90_000);
afterAll(() => close());

interface Sample {
  door: 'mail' | 'twilio';
  body: Buffer;
}
function samples(): Sample[] {
  const mailsIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eml')).sort().map((name) => readFileSync(join(folder, name)));
  const roots = [join(ROOT, 'tests/fixtures'), ...(existsSync(SHARED) ? [SHARED] : [])];
  if (roots.length === 1) console.log(`The recorded payloads are not at ${SHARED}; the project's own are spoiled.`);
  const mails = [...mailsIn(ownMails(dataDir)), ...(roots[1] ? ['mime', 'helpdesk', 'dsn'].flatMap((folder) => mailsIn(join(SHARED, 'email', folder))) : [])];
  const forms = roots.flatMap((root) => [...payloadsUnder(root, 'sms/twilio', 'SMS'), ...payloadsUnder(root, 'voice/twilio', 'VOICE')]);
  return [
    ...mails.filter(({ length }) => length < BYTES_MAX).map((body): Sample => ({ door: 'mail', body })),
    ...forms.map(({ body }): Sample => ({ door: 'twilio', body: Buffer.from(body.replace(/\bAC[0-9a-fA-FXx]{32}\b/g, ACCOUNT_SID)) })),
  ];
}

const PIECES = ['\0', '\r', '\n', '\r\n\r\n', '\xff\xfe', '\xc3\x28', '\xed\xa0\x80', '%00', '%ED%A0%80', '%', '&', '=', '--', '=?utf-8?B?////?=', '=?x-nobody?Q?=ZZ?=', '<', '>', '"', '\\', '(', ':', ';', 'Content-Type: multipart/mixed; boundary=""\r\n',
  'Content-Transfer-Encoding: base64\r\n', 'charset=utf-7', 'Date: Fri, 99 Foo 99999 99:99:99 +9999\r\n', 'Message-ID: <>\r\n', 'From: \r\n', '-1', '9'.repeat(40), '1e999', 'a'.repeat(5_000), ' '.repeat(3_000), '\n'.repeat(2_000), '[]', 'NumMedia=99', 'Body', '\u202e', '🙂'].map((piece) => Buffer.from(piece, 'latin1'));

function spoiled(body: Buffer, other: Buffer, random: () => number): Buffer {
  const int = (n: number) => Math.floor(random() * n);
  for (let times = 1 + int(4); times > 0; times--) {
    const at = int(body.length + 1);
    const end = Math.min(body.length, at + int(40));
    const ways: (() => Buffer)[] = [
      () => Buffer.concat([body.subarray(0, at), body.subarray(end)]),
      () => Buffer.concat([body.subarray(0, at), PIECES[int(PIECES.length)]!, body.subarray(at)]),
      () => Buffer.concat([body.subarray(0, at), PIECES[int(PIECES.length)]!, body.subarray(end)]),
      () => Buffer.concat([body.subarray(0, end), body.subarray(at)]),
      () => body.subarray(0, at),
      () => Buffer.concat([body.subarray(0, at), other.subarray(int(other.length))]),
      () => {
        const copy = Buffer.from(body);
        if (at < copy.length) copy[at] = copy[at]! ^ (1 << int(8));
        return copy;
      },
    ];
    body = ways[int(ways.length)]!();
  }
  return body.subarray(0, BYTES_MAX);
}

async function deliver({ door, body }: Sample): Promise<{ status: number; text: string }> {
  // A form is text: what Twilio signs is the form as it is read.
  const headers: Record<string, string> = door === 'mail'
    ? { authorization: `Bearer ${MAIL_SECRET}`, 'content-type': 'message/rfc822' }
    : { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature(AUTH_TOKEN, hooks.twilio, body.toString('latin1')) };
  const response = await fetch(hooks[door], { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  return { status: response.status, text: await response.text() };
}

test(`${DELIVERIES} spoiled deliveries: no 5xx, no hang, nothing of our inside; all is applied or listed, and the server goes on`, { timeout: Math.max(60_000, DELIVERIES * 200) }, async () => {
  const random = seeded(SEED);
  const all = samples();
  expect(all.length).toBeGreaterThan(30);
  const pick = () => all[Math.floor(random() * all.length)]!;
  await figure(server.address, 'nodejs_eventloop_lag_max_seconds');
  const faults: string[] = [];
  const counts: Record<string, number> = {};
  let left = DELIVERIES;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const { door, body } = pick();
      const sample: Sample = { door, body: spoiled(body, pick().body, random) };
      const answer = await deliver(sample).catch((error: unknown) => ({ status: 599, text: String(error) }));
      const fault = faultOf(answer.status, answer.text, sample.body.toString('latin1'));
      if (fault) faults.push(`${fault}\n  ${door} ${sample.body.toString('base64').slice(0, 3_000)}`);
      counts[`${door} ${answer.status}`] = (counts[`${door} ${answer.status}`] ?? 0) + 1;
    }
  }));
  expect(faults.slice(0, 3), `seed ${SEED}`).toEqual([]);
  await until('everything to be applied', async () => ((await db.owner`select 1 from inbound_events where state = 'PENDING' limit 1`).length === 0 ? true : undefined), ANSWER_MS_MAX + DELIVERIES * 50);
  // Given up on is what met a fault of ours, again and again.
  const dead = await db.owner<{ error: string }[]>`select error from inbound_events where state = 'DEAD' limit 5`;
  expect(dead.map(({ error }) => error), `seed ${SEED}: ${server.output().slice(-2_000)}`).toEqual([]);
  const lagMs = 1_000 * (await figure(server.address, 'nodejs_eventloop_lag_max_seconds'));
  expect(await figure(server.address, 'throughline_faults_total'), server.output().slice(-2_000)).toBe(0);
  expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
  expect((await server.query('{ customers { nodes { id } } }', null, ws.keys.ADMIN)).status).toBe(200);
  const states = await db.owner<{ state: string; n: number }[]>`select state, count(*)::int as n from inbound_events group by state order by state`;
  console.log(`${DELIVERIES} deliveries, seed ${SEED}: ${JSON.stringify(counts)}; ${states.map(({ state, n }) => `${n} ${state}`).join(', ')}; the event loop waited ${Math.round(lagMs)} ms at most.`);
  expect(Object.entries(counts).filter(([key]) => / 2\d\d$/.test(key)).reduce((sum, [, n]) => sum + n, 0)).toBeGreaterThan(DELIVERIES / 4);
  if (process.env.VERIFY) expect(lagMs).toBeLessThan(100);
  proven({ deliveries: Object.values(counts).reduce((sum, n) => sum + n, 0), loopMsMax: Math.round(lagMs) });
});
