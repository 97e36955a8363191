// G3: providers deliver late, twice and out of order. Where they say when a thing happened, any order and any number of the same deliveries ends in the
// same messages, states and timeline.
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectChannel, endpointById, type Endpoint } from '../../src/channels/accounts.ts';
import { upsertCustomer } from '../../src/customers/upsert.ts';
import { startDrain } from '../../src/inbound/drain.ts';
import { receiveDelivery } from '../../src/inbound/receive.ts';
import { deliverMessage } from '../../src/messages/deliver.ts';
import { startConversation } from '../../src/messages/send.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { outgoing } from '../../src/platform/http.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { noBlobs } from '../harness/blobs.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { proven } from '../harness/proven.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { fakeTwilio, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { ending } from './ending.ts';

const SEED = seedOfRun();
const RUNS = Number(process.env.RUNS ?? 12);
const [OURS, ADA, MAILBOX] = ['+14155550100', '+15035550142', 'support@acme.example'];

let db: TestDatabase;
let dir: string;
let twilio: FakeTwilio;
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), 'throughline-blobs-'));
  twilio = await fakeTwilio();
});
afterAll(async () => {
  await twilio.close();
  await db.close();
  await rm(dir, { recursive: true, force: true });
});

/** The moment of a minute of that afternoon, as mail and as Twilio write it. */
const moment = (minute: number) => new Date(Date.UTC(2026, 2, 5, 14, minute, 0));
const rfc2822 = (minute: number) => moment(minute).toUTCString().replace('GMT', '+0000');

type Delivery = { door: 'mail' | 'twilio'; body: string };

const mail = (minute: number, text: string, o: { answers?: string } = {}): Delivery => ({
  door: 'mail',
  body: [
    `Received: from mx.example by mx.acme.example; ${rfc2822(minute)}`, 'From: Ada <ada@customers.example>', `To: ${MAILBOX}`, 'Subject: The order', `Message-ID: <${text}@customers.example>`,
    ...(o.answers ? [`In-Reply-To: <${o.answers}@customers.example>`] : []), `Date: ${rfc2822(minute - 1)}`, '', text,
  ].join('\r\n'),
});
const form = (fields: Record<string, string>): Delivery => ({ door: 'twilio', body: new URLSearchParams({ AccountSid: twilio.accountSid, ApiVersion: '2010-04-01', ...fields }).toString() });
const sid = (prefix: string, of: string) => prefix + createHash('md5').update(of).digest('hex');

const CALL = { CallSid: sid('CA', 'call'), From: ADA, To: OURS, Caller: ADA, Called: OURS, Direction: 'inbound', CallbackSource: 'call-progress-events' };
const LEG = { ...CALL, CallSid: sid('CA', 'leg'), ParentCallSid: CALL.CallSid, To: '+14155550177', Direction: 'outbound-dial' };
const RECORDING = { RecordingSid: sid('RE', 'recording'), RecordingUrl: 'https://api.twilio.com/recording' };

/** An afternoon: five mails, a call, and what Twilio says of a text message that we sent. */
const afternoon = (sent: string): Delivery[] => [
  mail(0, 'one'), mail(4, 'two'), mail(4, 'three', { answers: 'one' }), mail(20, 'four', { answers: 'two' }), mail(21, 'five'),
  form({ ...CALL, CallStatus: 'ringing', SequenceNumber: '0', Timestamp: rfc2822(10) }),
  form({ ...CALL, CallStatus: 'in-progress', SequenceNumber: '1', Timestamp: rfc2822(11) }),
  form({ ...CALL, CallStatus: 'completed', CallDuration: '180', SequenceNumber: '2', Timestamp: rfc2822(14) }),
  form({ ...LEG, CallStatus: 'in-progress', SequenceNumber: '2', Timestamp: rfc2822(12) }),
  form({ ...LEG, CallStatus: 'completed', CallDuration: '120', SequenceNumber: '3', Timestamp: rfc2822(14) }),
  form({ AccountSid: twilio.accountSid, CallSid: CALL.CallSid, RecordingStatus: 'in-progress', RecordingSource: 'DialVerb', RecordingStartTime: rfc2822(12), ...RECORDING }),
  form({ AccountSid: twilio.accountSid, CallSid: CALL.CallSid, RecordingStatus: 'completed', RecordingDuration: '100', RecordingSource: 'DialVerb', RecordingStartTime: rfc2822(12), ...RECORDING }),
  ...['queued', 'sent', 'delivered'].map((status) => form({ MessageSid: sent, SmsSid: sent, MessageStatus: status, SmsStatus: status, From: OURS, To: ADA })),
];

/** A new workspace that knows Ada and has written to her; `order` are places in the afternoon, in order of delivery. */
async function live(order: readonly number[] | null): Promise<unknown> {
  const { id: workspaceId, actor } = await db.workspace();
  const restore = setClock(() => moment(-60).getTime());
  const { endpoints, messageId } = await inWorkspace(db.app, workspaceId, async (tx) => {
    const settings = { accountSid: twilio.accountSid, apiBaseUrl: twilio.url };
    const sms = await connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'SMS', address: OURS, settings, secrets: { authToken: twilio.authToken } });
    await connectChannel(tx, actor, { channel: 'VOICE', provider: 'twilio', name: 'Voice', address: OURS, settings, endpointId: sms.endpointId });
    const email = await connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Mail', address: MAILBOX, settings: { host: 'localhost', from: MAILBOX }, secrets: { inbound: 'a-secret-for-the-door' } });
    const { customerId } = await upsertCustomer(tx, actor, { identity: { kind: 'EMAIL', value: 'ada@customers.example' }, identities: [{ kind: 'PHONE', value: ADA }] });
    const begun = await startConversation(tx, actor, { customerId, channel: 'SMS', accountId: null, identityId: null, text: 'Your parcel is on its way.' });
    return { endpoints: { twilio: sms.endpointId, mail: email.endpointId }, messageId: begun.messageId };
  });
  await deliverMessage({ app: db.app, blobs: noBlobs, http: outgoing({ allowPrivate: true }), publicUrl: 'http://127.0.0.1:1' }, { workspaceId, messageId });
  restore();
  const doors: Record<Delivery['door'], Endpoint> = { mail: (await endpointById(db.app, endpoints.mail))!, twilio: (await endpointById(db.app, endpoints.twilio))! };
  const deliveries = afternoon(twilio.messages.at(-1)!.sid);

  const drain = startDrain({ app: db.app, system: db.system, wake: () => {}, report: () => {} });
  for (const index of order ?? deliveries.keys()) {
    const { door, body } = deliveries[index]!;
    const headers: Record<string, string> = door === 'mail' ? { 'content-type': 'message/rfc822' } : { 'content-type': 'application/x-www-form-urlencoded' };
    await receiveDelivery({ app: db.app, blobs: folderBlobs(dir) }, doors[door], { source: 'WEBHOOK', request: { method: 'POST', url: 'http://localhost/hooks', headers, body: Buffer.from(body) } });
    drain.wake();
  }
  await drain.idle();
  await drain.stop();
  return ending(db, workspaceId, { [twilio.messages.at(-1)!.sid]: 'ours' });
}

test(`any order and repetition of a conversation's deliveries ends the same (SEED=${SEED}, ${RUNS} runs)`, { timeout: 120_000 }, async () => {
  const inOrder = await live(null);
  const places = [...afternoon('').keys()];
  const orders = fc.tuple(fc.shuffledSubarray(places, { minLength: places.length }), fc.array(fc.tuple(fc.constantFrom(...places), fc.nat(places.length)), { maxLength: 8 })).map(([order, again]) => {
    const all = [...order];
    for (const [place, at] of again) all.splice(at, 0, place);
    return all;
  });
  const done = { runs: 0, deliveries: 0 };
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      expect(await live(order)).toEqual(inOrder);
      done.runs++;
      done.deliveries += order.length;
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
  proven(done);
});
