// What is kept of a call when its events are applied: how far its network attested the caller in any of them, and times of any length.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import type { RawRequest } from '../../src/channels/channel.ts';
import { parseVoice } from '../../src/channels/voice/parse.ts';
import { applyEvent } from '../../src/inbound/apply.ts';
import { now } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { newSid } from '../../src/sandbox/twilio.ts';

let db: TestDatabase;
let actor: Actor;
let accountId: string;
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  ({ accountId } = await inWorkspace(db.app, actor.workspaceId, (tx) => connectChannel(tx, actor, {
    channel: 'VOICE', provider: 'twilio', name: 'Phone', address: '+14155550100', settings: { accountSid: `AC${'0'.repeat(32)}` }, secrets: { authToken: '1'.repeat(32) },
  })));
});
afterAll(() => db.close());

interface Kept {
  senderTrust: string | null;
  ringMs: number | null;
}
/** Twilio's webhooks of one call, in this order; gives what is kept of it. */
async function callAfter(...webhooks: Record<string, string>[]): Promise<Kept> {
  const sid = newSid('CA');
  for (const fields of webhooks) {
    const body = new URLSearchParams({ CallSid: sid, From: '+15035550142', To: '+14155550100', Direction: 'inbound', ...fields }).toString();
    const request: RawRequest = { method: 'POST', url: 'http://localhost/hooks', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(body) };
    for (const event of parseVoice(request).events) {
      await inWorkspace(db.app, actor.workspaceId, (tx) => applyEvent(tx, { workspaceId: actor.workspaceId, accountId, channel: 'VOICE', event, receivedAt: now(), historical: false }));
    }
  }
  return (await db.owner<Kept[]>`select sender_trust, ring_ms from calls where provider_call_id = ${sid}`)[0]!;
}
const trustAfter = async (...webhooks: Record<string, string>[]): Promise<string | null> => (await callAfter(...webhooks)).senderTrust;
const FULL = { StirVerstat: 'TN-Validation-Passed-A' };
const rings = { CallStatus: 'ringing' };
const ended = { CallStatus: 'completed', CallDuration: '5', SequenceNumber: '2', CallbackSource: 'call-progress-events' };

describe('the caller of an inbound call', () => {
  it('is attested when the network attested the number fully, and only then', async () => {
    expect(await trustAfter({ ...rings, ...FULL })).toBe('ATTESTED');
    expect(await trustAfter(rings)).toBe('CLAIMED');
    expect(await trustAfter({ ...rings, StirVerstat: 'TN-Validation-Passed-B' })).toBe('CLAIMED');
    expect(await trustAfter({ ...rings, From: 'anonymous' })).toBe('CLAIMED');
  });

  it('is as attested as the most that any event of the call says, in any order', async () => {
    expect(await trustAfter({ ...rings, ...FULL }, ended)).toBe('ATTESTED');
    expect(await trustAfter(ended, { ...rings, ...FULL })).toBe('ATTESTED');
  });

  it('is nobody of whom trust could be said when we call', async () => {
    expect(await trustAfter({ ...rings, Direction: 'outbound-api', From: '+14155550100', To: '+15035550142' })).toBeNull();
  });
});

describe('the times of a call', () => {
  it('are kept as they are told, however long', async () => {
    const kept = await callAfter(
      { ...rings, Timestamp: 'Sat, 05 Mar 1996 10:00:00 +0000', SequenceNumber: '0', CallbackSource: 'call-progress-events' },
      { ...ended, Timestamp: 'Thu, 05 Mar 2026 10:00:00 +0000' },
    );
    expect(kept.ringMs).toBe(Date.parse('2026-03-05T10:00:00Z') - Date.parse('1996-03-05T10:00:00Z'));
  });
});
