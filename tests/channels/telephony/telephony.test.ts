// Any telephone system's door: what it takes and refuses, and a call told by it from the ring to the transcript.
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { inboundEvent, Unparsable, type RawRequest } from '../../../src/channels/channel.ts';
import { parseTelephony } from '../../../src/channels/telephony/event.ts';
import { telephony } from '../../../src/channels/telephony/provider.ts';
import { verifySigned } from '../../../src/channels/telephony/signature.ts';
import { setClock } from '../../../src/platform/clock.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../../harness/server.ts';
import { json } from '../requests.ts';

const KEY = 'a signing key of the desk phones, long enough';
const CALL = { id: 'c1', direction: 'inbound', from: '+1 202 555 0142', to: '+493012345678' };
const tell = (type: string, more: object = {}) => ({ id: `${type}-1`, type, at: '2026-03-05T15:00:00.250+01:00', call: CALL, ...more });
const parsed = (body: unknown) => parseTelephony(json(body)).events;

describe('what it takes', () => {
  test('a ring: who calls whom, by which of our numbers, when', () => {
    const [event] = parsed(tell('ringing', { call: { ...CALL, callerName: 'ADA L', attested: true } }));
    inboundEvent.parse(event);
    expect(event).toMatchObject({
      kind: 'call', direction: 'inbound', channel: 'voice', account: '+493012345678', dedupeKey: 'ringing-1', occurredAt: '2026-03-05T14:00:00.250Z',
      senders: [{ kind: 'phone', value: '+12025550142', valueRaw: '+1 202 555 0142', trust: 'attested', displayName: 'ADA L' }],
      call: { providerCallId: 'c1', parentCallId: null, phase: 'ringing', from: '+1 202 555 0142', to: '+493012345678' },
    });
  });

  test.each([
    ['nobody vouches for the number', { call: CALL }, { senders: [{ trust: 'claimed' }] }],
    ['a withheld number is nobody', { call: { ...CALL, from: 'anonymous' } }, { senders: [], call: { from: null } }],
    ['an outbound call is of the one who is called', { call: { ...CALL, direction: 'outbound', from: '+493012345678', to: '+12025550142' } }, { direction: 'outbound', account: '+493012345678', recipients: [{ value: '+12025550142', trust: 'attested' }] }],
    ['a SIP address', { call: { ...CALL, from: 'sip:ada@pbx.example' } }, { senders: [{ kind: 'sip_uri' }] }],
    ['a leg', { leg: { id: 'l1', party: '204' } }, { call: { providerCallId: 'l1', parentCallId: 'c1', to: '204' } }],
  ])('%s', (_what, more, expected) => expect(parsed(tell('ringing', more))[0]).toMatchObject(expected));

  test.each([
    ['ended', { disposition: 'missed', cause: 'NO_USER_RESPONSE', talkMs: 0, holdMs: 10 }, { phase: 'ended', disposition: 'missed', endCause: 'NO_USER_RESPONSE', talkMs: 0, holdMs: 10 }],
    ['held', {}, { phase: 'progress', step: { kind: 'held', party: null } }],
    ['queued', { queue: 'Parcels' }, { phase: 'progress', step: { kind: 'queued', party: 'Parcels' } }],
    ['transferred', { to: '204' }, { phase: 'progress', step: { kind: 'transferred', party: '204' } }],
    ['recording', { recording: { id: 'r1', kind: 'voicemail', durationMs: 5_000 } }, { phase: 'recording', recording: { id: 'r1', kind: 'voicemail', state: 'completed', durationMs: 5_000, channels: null, url: null, startedAt: null } }],
    ['transcript', { transcript: { id: 't1', recordingId: 'r1', text: 'Hello' } }, { phase: 'transcript', transcript: { id: 't1', recordingId: 'r1', state: 'completed', text: 'Hello' } }],
  ])('%s', (type, more, call) => expect(parsed(tell(type, more))[0]!.call).toMatchObject(call));

  test('a list, in one request', () => expect(parsed([tell('ringing'), tell('answered')]).map(({ call }) => call!.phase)).toEqual(['ringing', 'answered']));

  test.each([
    ['not JSON', '{', /not JSON/], ['nothing', [], /1 to 100/], ['another type', tell('exploded'), /type/], ['a moment without a zone', tell('ringing', { at: '2026-03-05T14:00:00' }), /^at: Expected a moment with its zone/],
    ['a moment before the year 0', tell('ringing', { at: '0000-01-01T00:00:00+14:00' }), /^at: Expected a moment from 2000/],
    ['a field that it does not know', tell('ringing', { colour: 'red' }), /colour/], ['a wrong one in a list', [tell('ringing'), tell('ended', { disposition: 'gone' })], /^1\.disposition/],
  ])('%s is refused with what was expected', (_what, body, message) => {
    const request: RawRequest = json(body);
    expect(() => parseTelephony(request)).toThrow(Unparsable);
    expect(() => parseTelephony(request)).toThrow(message);
  });
});

describe('whose it is', () => {
  const NOW = 1_772_719_200;
  let restore: () => void = () => {};
  afterEach(() => restore());
  const signed = (body: string, key = KEY, seconds = NOW): RawRequest => json(body, { headers: { 'x-throughline-signature': `t=${seconds},v1=${createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex')}` } });
  const verified = (request: RawRequest, keys = [KEY]) => {
    restore = setClock(() => NOW * 1_000);
    const answer = verifySigned(request, keys);
    return answer.ok ? 'ok' : answer.status;
  };

  test('signed by the key, or by the one before while it is changed', () => {
    expect(verified(signed('{}'))).toBe('ok');
    expect(verified(signed('{}', 'the one before, 32 characters or so'), [KEY, 'the one before, 32 characters or so'])).toBe('ok');
  });
  test.each([
    ['another key', signed('{}', 'somebody else’s key'), 403], ['other bytes', { ...signed('{}'), body: Buffer.from('{ }') }, 403], ['no signature', json('{}', { headers: {} }), 400],
    ['another form', json('{}', { headers: { 'x-throughline-signature': 'sha256=00' } }), 400], ['six minutes old', signed('{}', KEY, NOW - 360), 403], ['of the future', signed('{}', KEY, NOW + 360), 403],
  ])('%s: %i', (_what, request, status) => expect(verified(request)).toBe(status));
});

describe('by the public door', () => {
  let server: TestServer;
  let ws: TestWorkspace;
  let url: string;
  beforeAll(async () => {
    server = await startTestServer();
    ws = await server.workspace();
    const { connectChannel } = await server.ask('mutation ($i: ConnectChannelInput!) { connectChannel(input: $i) { channelAccount { webhookUrl setupSteps } userErrors { message } } }',
      { i: { channel: 'VOICE', provider: 'telephony', name: 'Desk phones', address: '+493012345678', secrets: { signingKey: KEY } } }, ws.keys.ADMIN);
    expect(connectChannel.channelAccount.setupSteps).toEqual(telephony.setup!({ url: connectChannel.channelAccount.webhookUrl }));
    url = new URL(connectChannel.channelAccount.webhookUrl, server.address).href;
  }, 60_000);
  afterAll(() => server.stop());

  const post = async (body: unknown): Promise<number> => {
    const [text, seconds] = [JSON.stringify(body), Math.floor(Date.now() / 1_000)];
    return (await fetch(url, { method: 'POST', headers: { 'x-throughline-signature': `t=${seconds},v1=${createHmac('sha256', KEY).update(`${seconds}.${text}`).digest('hex')}` }, body: text })).status;
  };

  test('a call from the ring to the transcript is one thing, out of order and twice', async () => {
    const at = (s: number) => new Date(Date.UTC(2026, 2, 5, 14, 0, s)).toISOString();
    const story = [
      tell('ringing', { at: at(0) }), tell('queued', { at: at(1), queue: 'Parcels' }), tell('dequeued', { at: at(11), queue: 'Parcels' }), tell('answered', { at: at(12), leg: { id: 'l1', party: '204' } }),
      { ...tell('answered', { at: at(12) }), id: 'answered-2' }, tell('held', { at: at(20) }), tell('resumed', { at: at(25) }), tell('transferred', { at: at(30), to: '207' }),
      tell('ended', { at: at(72), disposition: 'answered', cause: 'NORMAL_CLEARING' }), tell('transcript', { at: at(90), transcript: { id: 't1', text: 'My parcel' } }),
    ];
    for (const event of [story[8], story[3], story[0], story[5], story[1], story[9], story[4], story[2], story[7], story[6], story[6], story[0]]) expect(await post(event)).toBe(202);
    await vi.waitFor(async () => {
      const { conversations } = await server.ask(`{ conversations(first: 5) { nodes { calls(first: 5) { nodes { state disposition ringMs talkMs holdMs queueMs endCause
        steps { kind party } legs { party } transcripts { text } } } } } }`, {}, ws.keys.ADMIN);
      expect(conversations.nodes).toEqual([{ calls: { nodes: [{
        state: 'ENDED', disposition: 'ANSWERED', ringMs: 12_000, talkMs: 60_000, holdMs: 5_000, queueMs: 10_000, endCause: 'NORMAL_CLEARING',
        steps: [{ kind: 'QUEUED', party: 'Parcels' }, { kind: 'DEQUEUED', party: 'Parcels' }, { kind: 'HELD', party: null }, { kind: 'RESUMED', party: null }, { kind: 'TRANSFERRED', party: '207' }],
        legs: expect.arrayContaining([{ party: '204' }]), transcripts: [{ text: 'My parcel' }],
      }] } }]);
    }, { timeout: 10_000, interval: 50 });
  });
});
