import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inboundEvent, Unparsable, type InboundEvent, type RawRequest } from '../../../src/channels/channel.ts';
import { parseVoice } from '../../../src/channels/voice/parse.ts';
import { respondVoice } from '../../../src/channels/voice/respond.ts';
import { fixture, form, HOOK, posted, sharedFiles } from '../twilio/requests.ts';

const CALL = 'CA11112222333344445555666677778888';
const LEG = 'CA99998888777766665555444433332222';
const ADA = { kind: 'phone', namespace: '', value: '+15035550142', valueRaw: '+15035550142', trust: 'claimed', displayName: null };
const OURS = { ...ADA, value: '+14155550100', valueRaw: '+14155550100', trust: 'attested' };
const recordingUrl = (id: string) => `https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Recordings/${id}`;

const call = (dedupeKey: string, said: object, o: object = {}) => ({
  kind: 'call', direction: 'inbound', channel: 'voice', provider: 'twilio', account: '+14155550100', dedupeKey, occurredAt: null, senders: [ADA], recipients: [OURS],
  call: {
    providerCallId: CALL, parentCallId: null, sequence: null, from: '+15035550142', to: '+14155550100', disposition: null, endCause: null, talkMs: null, recording: null, transcript: null, ...said,
  },
  ...o,
});
const recording = (id: string, o: object) => ({ id, kind: 'call', state: 'completed', url: recordingUrl(id), durationMs: null, channels: null, startedAt: null, ...o });
const RE1 = 'RE00000000000000000000000000000001';
const RE2 = 'RE00000000000000000000000000000002';
const NOBODY = { account: null, senders: [], recipients: [] };

const RINGING = [call(`${CALL}:ringing`, { phase: 'ringing' }, { senders: [{ ...ADA, trust: 'attested', displayName: 'LOVELACE ADA' }] })];

/** Fixture -> its events. */
const CASES: Record<string, unknown[]> = {
  'incoming': RINGING,
  'incoming-at-fallback': RINGING,
  'incoming-withheld': [call('CA11112222333344445555666677778880:ringing', { providerCallId: 'CA11112222333344445555666677778880', phase: 'ringing', from: null }, { senders: [] })],
  'incoming-client': [call('CA11112222333344445555666677778881:ringing', { providerCallId: 'CA11112222333344445555666677778881', phase: 'ringing', from: 'client:ada' }, {
    senders: [{ ...ADA, kind: 'external_id', namespace: 'twilio_client:AC0123456789abcdef0123456789abcdef', value: 'ada', valueRaw: 'client:ada' }],
  })],
  'incoming-sip': [call('CA11112222333344445555666677778882:ringing', {
    providerCallId: 'CA11112222333344445555666677778882', phase: 'ringing', from: 'sip:ada@PBX.example.com:5060;transport=tls', to: 'sip:desk@acme.sip.twilio.com',
  }, {
    account: 'sip:desk@acme.sip.twilio.com',
    senders: [{ ...ADA, kind: 'sip_uri', value: 'sip:ada@pbx.example.com', valueRaw: 'sip:ada@PBX.example.com:5060;transport=tls' }],
    recipients: [{ ...OURS, kind: 'sip_uri', value: 'sip:desk@acme.sip.twilio.com', valueRaw: 'sip:desk@acme.sip.twilio.com' }],
  })],
  // Duration=2 beside it is minutes.
  'completed': [call(`${CALL}:0:completed`, { phase: 'ended', sequence: 0, disposition: 'answered', endCause: 'completed', talkMs: 71_000 }, { occurredAt: '2025-03-04T13:05:09.000Z' })],
  'leg-answered': [call(`${LEG}:2:in-progress`, { providerCallId: LEG, parentCallId: CALL, phase: 'answered', sequence: 2, to: '+14155550177' }, {
    ...NOBODY, direction: 'outbound', occurredAt: '2025-03-04T13:04:09.000Z',
  })],
  // The leg is over; the call, still in-progress, is not.
  'dial-completed-recorded': [
    call(`${LEG}:dialled:completed`, { providerCallId: LEG, parentCallId: CALL, phase: 'ended', disposition: 'answered', endCause: 'completed', talkMs: 42_000, from: null, to: null }),
    call(`${RE1}:dialled`, { phase: 'recording', recording: recording(RE1, { durationMs: 40_000 }) }),
  ],
  'dial-abandoned': [
    call(`${LEG}:dialled:canceled`, { providerCallId: LEG, parentCallId: CALL, phase: 'ended', disposition: 'canceled', endCause: 'canceled', from: null, to: null }),
    call(`${CALL}:completed`, { phase: 'ended', disposition: 'abandoned', endCause: 'completed' }),
  ],
  'recording-completed': [call(`${RE1}:completed`, {
    phase: 'recording', from: null, to: null, recording: recording(RE1, { durationMs: 40_000, channels: 2, startedAt: '2025-03-04T13:04:10.000Z' }),
  }, NOBODY)],
  'voicemail-recorded': [
    call(`${RE2}:recorded`, { phase: 'recording', recording: recording(RE2, { kind: 'voicemail', durationMs: 12_000 }) }),
    call(`${CALL}:completed`, { phase: 'ended', disposition: 'voicemail', endCause: 'completed' }),
  ],
  'voicemail-recording-absent': [call('RE00000000000000000000000000000003:absent', {
    phase: 'recording', from: null, to: null, recording: { ...recording('RE00000000000000000000000000000003', { kind: 'voicemail', state: 'absent' }), url: null },
  }, NOBODY)],
  'transcription': [call('TR00000000000000000000000000000001:completed', {
    phase: 'transcript', transcript: { id: 'TR00000000000000000000000000000001', recordingId: RE2, state: 'completed', text: 'Hello, this is Ada.' },
  })],
  'outbound-machine': [call('CA11112222333344445555666677778883:3:completed', {
    providerCallId: 'CA11112222333344445555666677778883', phase: 'ended', sequence: 3, from: '+14155550100', to: '+15035550142', disposition: 'voicemail', endCause: 'completed', talkMs: 9_000,
  }, { direction: 'outbound', occurredAt: '2025-03-04T13:04:09.000Z', senders: [OURS], recipients: [{ ...ADA, trust: 'attested' }] })],
  'outbound-declined': [call('CA11112222333344445555666677778884:2:busy', {
    providerCallId: 'CA11112222333344445555666677778884', phase: 'ended', sequence: 2, from: '+14155550100', to: '+15035550142', disposition: 'rejected', endCause: 'busy (SIP 603)',
  }, { direction: 'outbound', occurredAt: '2025-03-04T13:04:09.000Z', senders: [OURS], recipients: [{ ...ADA, trust: 'attested' }] })],
};

const parse = (fields: Record<string, string>, o: Partial<RawRequest> = {}): InboundEvent[] => parseVoice(posted(form(fields), o)).events;

describe('what Twilio sends', () => {
  test.for(Object.entries(CASES))('%s', ([name, events]) => {
    const parsed = parseVoice(fixture(`voice/twilio/${name}.form`));
    expect(parsed).toEqual({ events, files: [] });
    for (const event of parsed.events) inboundEvent.parse(event);
  });

  test('keys that were pressed are progress, the same ones again the same event', () => {
    const request = fixture('voice/twilio/keys-pressed.form');
    const [event] = parseVoice(request).events;
    expect(event).toMatchObject({ kind: 'call', call: { providerCallId: CALL, phase: 'progress' } });
    expect(parseVoice({ ...request, body: Buffer.concat([request.body, Buffer.from('&ErrorCode=11200&ErrorUrl=x')]) }).events[0]!.dedupeKey).toBe(event!.dedupeKey);
    expect(parseVoice({ ...request, body: Buffer.from(request.body.toString().replace('Digits=2', 'Digits=3')) }).events[0]!.dedupeKey).not.toBe(event!.dedupeKey);
  });

  test('what belongs to no single call is kept and is no call', () => {
    const [event] = parseVoice(fixture('voice/twilio/conference-joined.form')).events;
    expect(inboundEvent.parse(event)).toMatchObject({ kind: 'unknown', channel: 'voice', message: { parts: [{ type: 'unsupported', code: 'twilio_conference' }] } });
    const [live] = parse({ CallSid: CALL, TranscriptionSid: 'GT1', TranscriptionEvent: 'transcription-content', TranscriptionData: '{}', SequenceId: '2' });
    expect(live).toMatchObject({ kind: 'unknown', message: { parts: [{ code: 'twilio_live_transcription' }] } });
  });

  test('a withheld number is nobody, however a network writes it', () => {
    for (const From of ['anonymous', 'Anonymous', 'Restricted', 'unavailable', 'private', '+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253', 'sip:anonymous@anonymous.invalid', '']) {
      const [event] = parse({ CallSid: CALL, CallStatus: 'ringing', From, To: '+14155550100' });
      expect(event, From).toMatchObject({ senders: [], call: { from: null, to: '+14155550100' } });
    }
  });

  test('only a fully attested caller id is attested', () => {
    const trust = (StirVerstat: string) => parse({ CallSid: CALL, CallStatus: 'ringing', From: '+15035550142', To: '+1415', StirVerstat })[0]!.senders[0]!.trust;
    expect(['TN-Validation-Passed-A', 'TN-Validation-Passed-B', 'TN-Validation-Failed-A', ''].map(trust)).toEqual(['attested', 'claimed', 'claimed', 'claimed']);
  });

  test.for([
    ['inbound', 'completed', 'answered'], ['inbound', 'busy', 'busy'], ['inbound', 'no-answer', 'missed'], ['inbound', 'failed', 'failed'], ['inbound', 'canceled', 'abandoned'],
    ['outbound-api', 'completed', 'answered'], ['outbound-api', 'busy', 'busy'], ['outbound-api', 'no-answer', 'no_answer'], ['outbound-api', 'failed', 'failed'], ['outbound-api', 'canceled', 'canceled'],
  ])('an %s call that ended as %s was %s', ([Direction, CallStatus, disposition]) => {
    const [event] = parse({ CallSid: CALL, Direction: Direction!, CallStatus: CallStatus!, From: '+15035550142', To: '+14155550100' });
    expect(event!.call).toMatchObject({ phase: 'ended', disposition, endCause: CallStatus });
  });

  test.for([['queued', 'progress'], ['initiated', 'progress'], ['ringing', 'ringing'], ['in-progress', 'answered'], ['answered', 'answered']])('%s is %s', ([CallStatus, phase]) => {
    expect(parse({ CallSid: CALL, CallStatus: CallStatus!, SequenceNumber: '1' })[0]!.call).toMatchObject({ phase, disposition: null, sequence: 1 });
  });

  test('an ended call with a recording says both', () => {
    const events = parse({ CallSid: CALL, CallStatus: 'completed', CallDuration: '5', RecordingUrl: `${recordingUrl(RE1)}.wav`, RecordingDuration: '4' });
    expect(events.map(({ call: { phase, recording: recorded } = {} as never }) => [phase, recorded?.id, recorded?.kind])).toEqual([['ended', undefined, undefined], ['recording', RE1, 'call']]);
  });

  test('a failed transcription has no text, and a time without a zone is UTC', () => {
    expect(parse({ CallSid: CALL, TranscriptionSid: 'TR1', TranscriptionStatus: 'failed', RecordingSid: RE1 })[0]!.call!.transcript).toEqual({ id: 'TR1', recordingId: RE1, state: 'failed', text: null });
    for (const Timestamp of ['Tue, 04 Mar 2025 13:04:09 +0000', 'Tue, 04 Mar 2025 13:04:09 Etc/UTC', 'Tue, 04 Mar 2025 13:04:09']) {
      expect(parse({ CallSid: CALL, CallStatus: 'completed', Timestamp, SequenceNumber: '1' })[0]!.occurredAt, Timestamp).toBe('2025-03-04T13:04:09.000Z');
    }
    expect(parse({ CallSid: CALL, CallStatus: 'completed', Timestamp: 'soon', SequenceNumber: '1' })[0]!.occurredAt).toBeNull();
  });

  test('the address that was called names the account where the payload does not', () => {
    const url = `${HOOK}?account=%2B14155550100`;
    expect(parse({ CallSid: CALL, RecordingSid: RE1, RecordingStatus: 'completed' }, { url })[0]!.account).toBe('+14155550100');
    expect(parse({ CallSid: LEG, ParentCallSid: CALL, Direction: 'outbound-dial', CallStatus: 'ringing', From: '+1', To: '+2', SequenceNumber: '0' }, { url })[0]!.account).toBe('+14155550100');
  });

  test('what names no call, or a status nobody documented, is unparsable with the reason', () => {
    expect(() => parseVoice(posted(''))).toThrow(/CallSid/);
    expect(() => parse({ CallStatus: 'ringing' })).toThrow(/CallSid/);
    expect(() => parse({ CallSid: CALL, CallStatus: 'dreaming' })).toThrow(/dreaming/);
    expect(() => parse({ CallSid: CALL, CallStatus: 'constructor' })).toThrow(Unparsable);
    expect(() => parse({ CallSid: CALL, RecordingSid: RE1, RecordingStatus: '__proto__' })).toThrow(Unparsable);
    expect(() => parse({ MessageSid: 'SM1', Body: 'x', From: '+15035550142' })).toThrow(Unparsable);
  });

  test('any bytes give events of the contract\'s form, or are unparsable, and always an answer', () => {
    const fields = [
      'CallSid', 'ParentCallSid', 'CallStatus', 'From', 'To', 'Caller', 'Direction', 'DialCallStatus', 'DialCallSid', 'DialCallDuration', 'RecordingSid', 'RecordingUrl', 'RecordingStatus',
      'RecordingDuration', 'RecordingChannels', 'RecordingStartTime', 'TranscriptionSid', 'TranscriptionText', 'TranscriptionStatus', 'TranscriptionEvent', 'SequenceNumber', 'CallDuration', 'Timestamp',
      'AnsweredBy', 'SipResponseCode', 'StirVerstat', 'CallerName', 'ConferenceSid', 'StatusCallbackEvent', 'Digits',
    ];
    const values = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('ringing', 'completed', 'in-progress', 'no-answer', 'canceled', CALL, RE1, '+15035550142', '7', '99999999999', '__proto__', 'inbound', 'outbound-api'),
    );
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...fields), values, { noNullPrototype: true }), fc.constantFrom(HOOK, `${HOOK}?forward=+15035550199&voicemail=hi`), (given, url) => {
      const request = posted(form(given), { url });
      try {
        for (const event of parseVoice(request).events) inboundEvent.parse(event);
      } catch (error) {
        expect(error).toBeInstanceOf(Unparsable);
      }
      expect(respondVoice(request)).toMatchObject({ status: 200, body: expect.stringMatching(/^<\?xml[^>]*\?><Response/) });
    }), { numRuns: 300 });
  });
});

describe('recorded payloads', () => {
  const captures = sharedFiles('voice/twilio/captures') ?? [];
  const wrapped = sharedFiles('voice/twilio/mailroom-ivr') ?? [];
  const byName = (name: string) => parseVoice(posted(captures.find((file) => file.name.includes(name))!.body, { headers: {} })).events;

  test.skipIf(captures.length === 0)('each capture is the call that it is of', () => {
    for (const { name, body } of captures) for (const event of parseVoice(posted(body, { headers: {} })).events) expect(inboundEvent.safeParse(event).error, name).toBeUndefined();
    expect(byName('status-completed-inbound')).toMatchObject([{ occurredAt: '2018-11-02T10:52:29.000Z', direction: 'inbound', call: { phase: 'ended', sequence: 0, talkMs: 9_000 } }]);
    expect(byName('answeredby-human')).toMatchObject([{ direction: 'outbound', call: { phase: 'ended', disposition: 'answered', talkMs: 49_000 } }]);
    expect(byName('status-initiated')).toMatchObject([{ direction: 'outbound', call: { phase: 'progress' } }]);
    expect(byName('recordverb-voicemail')).toMatchObject([{ call: { phase: 'recording', recording: { kind: 'voicemail', state: 'completed', durationMs: 3_000, channels: 1, startedAt: '2021-07-29T06:59:25.000Z' } } }]);
    // The leg ended, the call goes on.
    const dial = byName('dial-action');
    expect(dial.map(({ call: said }) => [said!.phase, said!.parentCallId !== null])).toEqual([['ended', true], ['recording', false]]);
  });

  test.skipIf(wrapped.length === 0)('each recorded exchange gives events or the reason why not', () => {
    let read = 0;
    for (const { name, body } of wrapped) {
      const { path, body: sent } = JSON.parse(body.toString('utf8')) as { path: string; body: string };
      try {
        for (const event of parseVoice(posted(sent, { url: `https://desk.example${path}` })).events) expect(inboundEvent.safeParse(event).error, name).toBeUndefined();
        expect(sent, name).toContain('CallSid=');
        read++;
      } catch (error) {
        expect(error, name).toBeInstanceOf(Unparsable);
        expect(sent, name).not.toContain('CallSid=');
      }
    }
    expect(read).toBeGreaterThan(3);
  });
});
