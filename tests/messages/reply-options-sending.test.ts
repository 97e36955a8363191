// `sendMessage` takes exactly what `replyOptions` allows, in the same words: worlds made at random, every channel tried.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import type { ChannelName, InboundEvent } from '../../src/channels/channel.ts';
import { observe } from '../../src/customers/actions.ts';
import { openLog } from '../../src/events/log.ts';
import { applyEvent } from '../../src/inbound/apply.ts';
import { replyOptions, type ReplyOption, type RouteFacts } from '../../src/messages/reply-options.ts';
import { sendMessage } from '../../src/messages/send.ts';
import { after, now } from '../../src/platform/clock.ts';
import { inWorkspace, type Tx } from '../../src/platform/db.ts';
import { Refusal } from '../../src/platform/errors.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { createMember } from '../../src/workspaces/actions.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const RUNS = Number(process.env.RUNS ?? 40);
const PAGE = '1029384756';
const HANDLE = '17841400000000001';
type Written = Exclude<ChannelName, 'voice' | 'whatsapp' | 'x' | 'in_app'>;
const CHANNELS: readonly Written[] = ['live_chat', 'email', 'sms', 'messenger', 'instagram'];

let db: TestDatabase;
let actor: Actor;
let mira: Actor;
const accounts = new Map<Written, string>();
const within = <T>(work: (tx: Tx) => Promise<T>) => inWorkspace(db.app, actor.workspaceId, work);

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  await openLog(db.system);
  ({ actor } = await db.workspace());
  const meta = { appSecret: 'app-secret', verifyToken: 'verify-token', accessToken: 'access-token' };
  await within(async (tx) => {
    mira = { ...actor, kind: 'MEMBER', id: (await createMember(tx, actor, { name: 'Mira', email: 'mira@acme.example' })).memberId };
    const connect = async (channel: Written, o: object) => accounts.set(channel, (await connectChannel(tx, actor, { channel: channel.toUpperCase() as 'SMS', name: channel, provider: '', ...o })).accountId);
    await connect('live_chat', { provider: 'throughline', settings: {}, secrets: {} });
    await connect('email', { provider: 'mime', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: 'a secret of the mail door' } });
    await connect('sms', { provider: 'twilio', address: '+4930123456', settings: { accountSid: `AC${'0'.repeat(32)}` }, secrets: { authToken: '0'.repeat(32) } });
    await connect('messenger', { provider: 'meta', address: PAGE, settings: {}, secrets: meta });
    await connect('instagram', { provider: 'meta', address: HANDLE, settings: {}, secrets: meta });
  });
});
afterAll(() => db.close());

/** How one channel stands in a world: which address he has, when he wrote, what became of the account and of his consent. */
interface Way {
  writtenHoursAgo: number | null;
  state: 'ACTIVE' | 'DISABLED';
  fault: boolean;
  consent: 'given' | 'withdrawn' | null;
}
const way = fc.record<Way>({
  writtenHoursAgo: fc.option(fc.integer({ min: 0, max: 200 }), { freq: 3 }), state: fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'DISABLED'), fault: fc.constantFrom(false, false, false, true),
  consent: fc.constantFrom(null, null, 'given', 'withdrawn'),
});
const ways = fc.record(Object.fromEntries(CHANNELS.map((channel) => [channel, way])) as Record<Written, typeof way>);

const addressOf = (channel: Written, n: string): InboundEvent['senders'][number] => {
  const one = (kind: 'visitor' | 'email' | 'phone' | 'psid' | 'igsid', namespace: string, value: string) => ({ kind, namespace, value, valueRaw: value, trust: 'attested' as const, displayName: null });
  switch (channel) {
    case 'live_chat': return one('visitor', publicId('cha', accounts.get('live_chat')!), `visitor-${n}`);
    case 'email': return one('email', '', `${n}@customers.example`);
    case 'sms': return one('phone', '', `+49151${n}`);
    case 'messenger': return one('psid', PAGE, `77${n}`);
    case 'instagram': return one('igsid', HANDLE, `88${n}`);
  }
};

let numbers = 10_000_000;
/** A customer who wrote as the ways say, all of it one person's; the conversation is the last that he wrote in. */
async function make(tx: Tx, world: Record<Written, Way>): Promise<string> {
  const n = String(++numbers);
  const every = CHANNELS.filter((channel) => world[channel].writtenHoursAgo !== null);
  const written = (every.length > 0 ? every : (['email'] as const)).map((channel) => ({ channel, at: after(-(world[channel].writtenHoursAgo ?? 0) * 3_600_000) }));
  const known: InboundEvent['senders'] = [];
  let conversationId = '';
  for (const { channel, at } of written.sort((a, b) => (a.at < b.at ? -1 : 1))) {
    const id = newId();
    const own = addressOf(channel, n);
    const applied = await applyEvent(tx, {
      workspaceId: actor.workspaceId, accountId: accounts.get(channel)!, channel: channel.toUpperCase() as 'SMS', receivedAt: at, historical: false,
      event: {
        kind: 'message', direction: 'inbound', channel, provider: 'test', account: null, dedupeKey: id, occurredAt: at, senders: [own, ...known], recipients: [],
        message: { providerMessageId: id, threadKey: `${n} ${channel}`, replyTo: null, subject: null, autoGenerated: null, parts: [{ type: 'text', text: 'hi', visibleText: 'hi', quotedText: null, html: null }] },
      },
    });
    known.push(own);
    conversationId = applied.conversationId!;
    const { consent } = world[channel];
    if (consent) await observe(tx, actor, { identityId: applied.identityId!, key: `custom.${channel}_messages_consent`, value: consent, source: 'CHANNEL', observedAt: now() });
  }
  for (const channel of CHANNELS) {
    const { state, fault } = world[channel];
    await tx`update channel_accounts set state = ${state}, fault_at = ${fault ? now() : null}, fault = ${fault ? 'The token ended.' : null} where id = ${accounts.get(channel)!}`;
  }
  return conversationId;
}

async function shown(tx: Tx, conversationId: string): Promise<ReplyOption[]> {
  const [row] = await tx<{ facts: RouteFacts[] }[]>`select facts from reply_routes where workspace_id = ${actor.workspaceId} and conversation_id = ${conversationId} limit 1`;
  return replyOptions(row!.facts, now());
}

/** What became of a message, which is undone: null when it was taken. */
async function tried(tx: Tx, o: Parameters<typeof sendMessage>[2], as: Actor = mira): Promise<Refusal | null> {
  const undone = new Error('undone');
  try {
    await tx.savepoint(async (inner) => {
      await sendMessage(inner, as, o);
      throw undone;
    });
  } catch (error) {
    if (error === undone) return null;
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('A savepoint that neither failed nor was undone.');
}

test('whatever the accounts, windows and consents: what is allowed is sent, and what isn\'t is refused with the same sentence', async () => {
  const seen = new Map<string, number>();
  await fc.assert(fc.asyncProperty(ways, async (world) => {
    const undone = new Error('undone');
    await within(async (tx) => {
      const conversationId = await make(tx, world);
      const options = await shown(tx, conversationId);
      expect(options.map(({ channel }) => channel)).toEqual(CHANNELS.map((channel) => channel.toUpperCase()).sort());
      for (const { channel, form, refusal, explanation, capabilities } of options) {
        seen.set(form ?? refusal!, (seen.get(form ?? refusal!) ?? 0) + 1);
        const result = await tried(tx, { conversationId, channel, text: 'An answer' });
        if (form === 'FREE' || form === 'HUMAN_AGENT') expect(result, `${channel} ${form}`).toBeNull();
        else expect(result, channel).toMatchObject({ message: expect.stringContaining(explanation), details: { refusal } });
        // A program is no person.
        if (form === 'HUMAN_AGENT') expect(await tried(tx, { conversationId, channel, text: 'An answer' }, actor)).toMatchObject({ code: 'NOT_SENDABLE' });
        if (form === 'FREE' && capabilities.textMax !== null) {
          expect(await tried(tx, { conversationId, channel, text: 'x'.repeat(capabilities.textMax) })).toBeNull();
          expect(await tried(tx, { conversationId, channel, text: 'x'.repeat(capabilities.textMax + 1) })).toMatchObject({ code: 'INVALID_INPUT' });
        }
      }
      throw undone;
    }).catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  }), { numRuns: RUNS, ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) });
  // The worlds hold every kind of answer that these channels can have.
  for (const kind of ['FREE', 'HUMAN_AGENT', 'NO_ADDRESS', 'ACCOUNT_DISABLED', 'ACCOUNT_UNHEALTHY', 'OPTED_OUT', 'WINDOW_CLOSED']) expect([...seen.keys()]).toContain(kind);
}, 60_000 + RUNS * 500);
