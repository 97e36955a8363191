// The doors: signed deliveries of two providers, each a message of its own, acknowledged once they are stored; and how fast what was stored comes onto
// timelines. Half of them are Messenger's (HMAC-SHA256 over JSON), half are Twilio's SMS (HMAC-SHA1 over address and form).
import { createHmac } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { systemActor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import { nowMs } from '../../src/platform/clock.ts';
import { inWorkspace, openPool, type Sql } from '../../src/platform/db.ts';
import { publicId } from '../../src/platform/ids.ts';
import { row, type Bench, type Context, type Row } from '../bench.ts';
import { startOurs } from '../contenders/start.ts';
import { copyOf, WORKSPACE, type Data } from '../data.ts';
import { load, quantile } from '../load.ts';
import { spreadOf } from '../rounds.ts';

const PAGE = '104857612345678';
const NUMBER = '+493012345699';
const APP_SECRET = 'an-app-secret-of-the-benches';
const AUTH_TOKEN = 'an-auth-token-of-the-benches';
const PEOPLE_MAX = 1_000;
const CONNECTIONS = 32;
const POLL_MS = 20;
const PREPARED_PER_SECOND = 2_500;

export const webhooks: Bench = {
  names: ['webhook.rate', 'webhook.p50', 'webhook.p99', 'drain.rate'],
  async run(context) {
    const copy = await copyOf(context.cluster, await context.data(), 'webhooks');
    try {
      return await measured(context, copy.data);
    } finally {
      await copy.drop();
    }
  },
};

async function measured(context: Context, data: Data): Promise<Row[]> {
  const owner = openPool({ url: data.url, max: 2, applicationName: 'bench' });
  const app = openPool({ url: data.url, role: 'throughline_app', max: 1, applicationName: 'bench' });
  const paths = await connected(app);
  const ours = await startOurs(data);
  try {
    const make = deliveries(ours.said, paths, Math.min(PEOPLE_MAX, data.size.customers));
    let ready: Buffer[] = [];
    const next = () => ready.pop() ?? make();
    const turn = async (seconds: number): Promise<Turn> => {
      // Signed before it counts: that is the provider's work.
      ready = Array.from({ length: Math.ceil(PREPARED_PER_SECOND * seconds) }, make).reverse();
      const began = performance.now();
      const { good, bad, seconds: took, latenciesMs, fault } = await load({ address: ours.said, requests: next, connections: CONNECTIONS, seconds });
      if (bad > 0) throw new Error(`${bad} of ${good + bad} deliveries were refused: ${fault}`);
      const behind = await pending(owner);
      const quiet = performance.now();
      while ((await pending(owner)) > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const now = performance.now();
      return { perSecond: good / took, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99), behind, drained: behind / ((now - quiet) / 1_000), sustained: good / ((now - began) / 1_000) };
    };
    // Everybody is known before it counts, and statements are planned.
    await turn(context.seconds);
    const messages = await count(owner);
    const turns: Turn[] = [];
    for (let round = 0; round < context.rounds; round++) turns.push(await turn(context.seconds));
    await expectApplied(owner, messages, turns);
    const of = (read: (one: Turn) => number) => spreadOf(turns.map(read));
    return [
      row('webhook.rate', of(({ perSecond }) => perSecond), '1/s', '>= 1500'),
      row('webhook.p50', of(({ p50Ms }) => p50Ms), 'ms', '< 50'),
      row('webhook.p99', of(({ p99Ms }) => p99Ms), 'ms', '< 150'),
      row('drain.rate', of(({ drained }) => drained), '1/s', '>= 800'),
      row('webhook.behind', of(({ behind }) => behind), ''),
      row('webhook.sustained', of(({ sustained }) => sustained), '1/s'),
    ];
  } finally {
    await ours.stop();
    await Promise.all([owner.end({ timeout: 5 }), app.end({ timeout: 5 })]);
  }
}

interface Turn {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Deliveries that were acknowledged and not yet on a timeline when the last one was. */
  behind: number;
  /** Of those, a second, with nothing coming in. */
  drained: number;
  /** Acknowledged and on a timeline, from the first delivery to the last entry. */
  sustained: number;
}

/** The addresses of the two doors. */
async function connected(app: Sql): Promise<{ meta: string; twilio: string }> {
  return inWorkspace(app, WORKSPACE, async (tx) => {
    const actor = systemActor(WORKSPACE);
    const messenger = await connectChannel(tx, actor, {
      channel: 'MESSENGER', provider: 'meta', name: 'Page', address: PAGE, settings: { apiBaseUrl: 'http://127.0.0.1:9' },
      secrets: { appSecret: APP_SECRET, verifyToken: 'a-verify-token', accessToken: 'an-access-token' },
    });
    const sms = await connectChannel(tx, actor, {
      channel: 'SMS', provider: 'twilio', name: 'SMS of the doors', address: NUMBER, settings: { accountSid: `AC${'1'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' }, secrets: { authToken: AUTH_TOKEN },
    });
    return { meta: `/hooks/meta/${publicId('end', messenger.endpointId)}`, twilio: `/hooks/twilio/${publicId('end', sms.endpointId)}` };
  });
}

/** Each is another message, of one of so many people. */
function deliveries(address: string, paths: { meta: string; twilio: string }, people: number): () => Buffer {
  const { host } = new URL(address);
  let number = 0;
  const post = (path: string, headers: Record<string, string>, body: string) =>
    Buffer.from(`POST ${path} HTTP/1.1\r\n${Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) }).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
  const meta = (n: number) => {
    const time = nowMs();
    const body = JSON.stringify({ object: 'page', entry: [{ id: PAGE, time, messaging: [{ sender: { id: String(7_000_000_000_000_000 + (n % people)) }, recipient: { id: PAGE }, timestamp: time, message: { mid: `m_bench_${n}`, text: `Is there any news of my parcel? (${n})` } }] }] });
    return post(paths.meta, { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${createHmac('sha256', APP_SECRET).update(body).digest('hex')}` }, body);
  };
  const twilio = (n: number) => {
    const fields: Record<string, string> = {
      AccountSid: `AC${'1'.repeat(32)}`, ApiVersion: '2010-04-01', Body: `Where is my order? (${n})`, From: `+4915${String(100_000_000 + (n % people))}`, MessageSid: `SM${String(n).padStart(32, '0')}`, NumMedia: '0', NumSegments: '1', SmsStatus: 'received', To: NUMBER,
    };
    const signed = `${address}${paths.twilio}${Object.keys(fields).sort().map((name) => name + fields[name]!).join('')}`;
    return post(paths.twilio, { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': createHmac('sha1', AUTH_TOKEN).update(signed).digest('base64') }, new URLSearchParams(fields).toString());
  };
  return () => (number++ % 2 === 0 ? meta(number >> 1) : twilio(number >> 1));
}

async function pending(owner: Sql): Promise<number> {
  const [found] = await owner<{ n: number }[]>`select count(*)::int as n from inbound_events where state = 'PENDING'`;
  return found!.n;
}

async function count(owner: Sql): Promise<number> {
  const [found] = await owner<{ n: number }[]>`select count(*)::int as n from messages m join channel_accounts a on a.workspace_id = m.workspace_id and a.id = m.account_id where a.address in (${PAGE}, ${NUMBER})`;
  return found!.n;
}

/** @throws Error when anything that was acknowledged isn't a message: then the figures would say nothing. */
async function expectApplied(owner: Sql, before: number, turns: readonly Turn[]): Promise<void> {
  const [found] = await owner<{ n: number }[]>`select count(*)::int as n from inbound_events where state <> 'APPLIED'`;
  const added = (await count(owner)) - before;
  if (found!.n > 0 || added === 0) throw new Error(`${found!.n} events were not applied, ${added} messages came in ${turns.length} rounds.`);
}
