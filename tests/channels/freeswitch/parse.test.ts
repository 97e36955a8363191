// FreeSWITCH's records of calls: what each says, whatever way it is posted, and what any bytes give.
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { inboundEvent, Unparsable, type InboundEvent, type RawRequest } from '../../../src/channels/channel.ts';
import { CALL_EVENTS } from '../../../src/channels/freeswitch/event.ts';
import { parseFreeswitch } from '../../../src/channels/freeswitch/parse.ts';
import { freeswitch } from '../../../src/channels/freeswitch/provider.ts';
import { fixture, json } from '../requests.ts';
import { unstorable } from '../storable.ts';

const parsed = (request: RawRequest): InboundEvent[] => {
  const { events } = parseFreeswitch(request);
  for (const event of events) inboundEvent.parse(event);
  return events;
};
const at = (s: number) => Date.UTC(2026, 2, 5, 14, 0, s);
const micros = (s: number) => String(at(s) * 1_000);
/** A leg from outside that nobody took; `more`: what else it says. */
const record = (variables: Record<string, string> = {}, more: { direction?: string; apps?: [string, string][]; profile?: Record<string, unknown> } = {}) => json({
  channel_data: { direction: more.direction ?? 'inbound' },
  variables: { uuid: 'leg-1', start_uepoch: micros(0), answer_uepoch: '0', bridge_uepoch: '0', end_uepoch: micros(30), hangup_cause: 'ORIGINATOR_CANCEL', ...variables },
  app_log: { applications: (more.apps ?? []).map(([app_name, app_data]) => ({ app_name, app_data })) },
  callflow: [{ caller_profile: { caller_id_name: '+12025550142', caller_id_number: '+12025550142', destination_number: '+493012345678', context: 'public', uuid: 'leg-1', ...more.profile } }],
});
const ended = (request: RawRequest) => parsed(request).find(({ call }) => call!.phase === 'ended')!;

test('a call that was taken: it rang, was joined, ended, and was recorded', () => {
  const events = parsed(fixture('voice/freeswitch/answered.json'));
  expect(events.map(({ occurredAt, call }) => [call!.phase, occurredAt])).toEqual([
    ['ringing', '2026-03-05T14:00:00.250Z'], ['answered', '2026-03-05T14:00:10.500Z'], ['ended', '2026-03-05T14:01:10.500Z'], ['recording', '2026-03-05T14:01:10.500Z'],
  ]);
  expect(events[0]).toMatchObject({
    direction: 'inbound', account: '+493012345678', senders: [{ kind: 'phone', value: '+12025550142', trust: 'claimed', displayName: 'Ada Lovelace' }], call: { providerCallId: '7d3a1c52-0f6e-4f0b-9a77-2b1f5f3c0001', parentCallId: null },
  });
  expect(events[2]!.call).toMatchObject({ disposition: 'answered', endCause: 'NORMAL_CLEARING', talkMs: 60_000, holdMs: 5_200 });
  expect(events[3]!.call!.recording).toMatchObject({ id: '/var/recordings/7d3a1c52.wav', kind: 'call', state: 'completed', durationMs: 60_000 });
});

test.each([
  ['the caller gave up', {}, {}, 'abandoned'], ['nobody took it', { hangup_cause: 'NO_ANSWER' }, {}, 'missed'], ['busy', { hangup_cause: 'USER_BUSY' }, {}, 'busy'], ['turned down', { hangup_cause: 'CALL_REJECTED' }, {}, 'rejected'],
  ['no such number', { hangup_cause: 'UNALLOCATED_NUMBER' }, {}, 'failed'],
  ['he waited in a queue, which answers by itself', { answer_uepoch: micros(1), hangup_cause: 'NORMAL_CLEARING' }, { apps: [['answer', ''], ['callcenter', 'support']] }, 'abandoned'],
  ['he reached the machine and said nothing', { answer_uepoch: micros(1), hangup_cause: 'NORMAL_CLEARING' }, { apps: [['voicemail', 'default example 204']] }, 'abandoned'],
  ['he left a message', { answer_uepoch: micros(1), hangup_cause: 'NORMAL_CLEARING', voicemail_message_len: '12', voicemail_file_path: '/vm/1.wav' }, { apps: [['voicemail', 'default example 204']] }, 'voicemail'],
  ['a menu that he was served by', { answer_uepoch: micros(1), hangup_cause: 'NORMAL_CLEARING' }, { apps: [['ivr', 'opening_hours']] }, 'answered'],
  ['a call of ours that nobody took', { hangup_cause: 'NO_ANSWER' }, { profile: { context: 'default', caller_id_number: '204' } }, 'no_answer'],
] as [string, Record<string, string>, Parameters<typeof record>[1], string][])('%s', (_what, variables, more, disposition) => expect(ended(record(variables, more)).call!.disposition).toBe(disposition));

test('a message that was left is voicemail, as long as it is', () => {
  const left = record({ answer_uepoch: micros(1), voicemail_message_len: '12', voicemail_file_path: '/vm/1.wav' }, { apps: [['voicemail', 'default example 204']] });
  expect(parsed(left).at(-1)!.call!.recording).toMatchObject({ id: '/vm/1.wav', kind: 'voicemail', durationMs: 12_000 });
});

test('a leg to one of our phones is part of the call that made it, and speaks for neither number', () => {
  for (const request of [
    record({ uuid: 'leg-2', originating_leg_uuid: 'leg-1', bridge_uepoch: micros(5) }, { direction: 'outbound', profile: { destination_number: '204' } }),
    record({ uuid: 'leg-2', bridge_uepoch: micros(5) }, { direction: 'outbound', profile: { destination_number: '204', originator: { originator_caller_profiles: [{ uuid: 'leg-1' }] } } }),
  ]) {
    for (const event of parsed(request)) expect(event).toMatchObject({ senders: [], recipients: [], account: null, call: { providerCallId: 'leg-2', parentCallId: 'leg-1', to: '204' } });
    expect(ended(request).call!.disposition).toBe('answered');
  }
});

test('a call that a phone of the house makes is outbound, by the number that it shows', () => {
  const [event] = parsed(record({ outbound_caller_id_number: '+493012345678' }, { profile: { context: 'default', caller_id_number: '204', destination_number: '+12025550142' } }));
  expect(event).toMatchObject({ direction: 'outbound', account: '+493012345678', recipients: [{ kind: 'phone', value: '+12025550142', trust: 'attested' }] });
});

test('a wait in a queue and the phones that it was handed on to are steps', () => {
  const request = record({ cc_queue: 'support', cc_queue_joined_epoch: String(at(1) / 1_000), cc_queue_answered_epoch: String(at(9) / 1_000), transfer_history: `${at(20) / 1_000}:0a-1:bl_xfer:207/default/XML`, bridge_uepoch: micros(9) });
  expect(parsed(request).flatMap(({ occurredAt, call }) => (call!.step ? [[call!.step.kind, call!.step.party, occurredAt]] : []))).toEqual([
    ['queued', 'support', '2026-03-05T14:00:01.000Z'], ['dequeued', 'support', '2026-03-05T14:00:09.000Z'], ['transferred', '207', '2026-03-05T14:00:20.000Z'],
  ]);
});

test('a withheld number is nobody', () => expect(parsed(record({}, { profile: { caller_id_number: 'anonymous', caller_id_name: 'Anonymous' } }))[0]).toMatchObject({ senders: [], call: { from: null } }));

test('the dialplan can say which way it went and by which number', () => {
  expect(parsed(record({ throughline_direction: 'outbound', throughline_account: '+493099999999' }))[0]).toMatchObject({ direction: 'outbound', account: '+493099999999' });
});

test('as JSON, as a form, as a form in base64: the same', () => {
  const text = readFileSync(new URL('../../fixtures/voice/freeswitch/answered.json', import.meta.url), 'utf8');
  const expected = parsed(json(text));
  expect(parsed(json('', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(`cdr=${encodeURIComponent(text)}`) }))).toEqual(expected);
  expect(parsed(json('', { headers: { 'content-type': 'application/x-www-form-base64-encoded' }, body: Buffer.from(`cdr=${Buffer.from(text).toString('base64')}`) }))).toEqual(expected);
});

test('an event of the socket says the same as the record, while it happens', () => {
  const [ringing, ...more] = parsed(fixture('voice/freeswitch/ringing.json'));
  expect(more).toEqual([]);
  expect(ringing).toMatchObject({
    direction: 'inbound', account: '+493012345678', occurredAt: '2026-03-05T14:00:00.250Z', dedupeKey: '7d3a1c52-0f6e-4f0b-9a77-2b1f5f3c0002:ringing',
    senders: [{ kind: 'phone', value: '+12025550142', trust: 'claimed', displayName: 'Ada Lovelace' }], call: { phase: 'ringing', parentCallId: null },
  });
  const [held] = parsed(fixture('voice/freeswitch/held.json'));
  expect(held).toMatchObject({ account: null, senders: [], occurredAt: '2026-03-05T14:00:25.500Z', call: { phase: 'progress', step: { kind: 'held' }, providerCallId: '7d3a1c52-0f6e-4f0b-9a77-2b1f5f3c0003', parentCallId: '7d3a1c52-0f6e-4f0b-9a77-2b1f5f3c0002' } });
});

const event = (name: string, more: Record<string, string> = {}) => json({
  'Event-Name': name, 'Event-Date-Timestamp': micros(12), 'Unique-ID': 'leg-1', 'Call-Direction': 'inbound', 'Caller-Context': 'public', 'Caller-Caller-ID-Number': '+12025550142', 'Caller-Destination-Number': '+493012345678',
  'Caller-Channel-Created-Time': micros(0), 'Caller-Channel-Answered-Time': '0', ...more,
});
const PHONE = { 'Unique-ID': 'leg-2', 'Call-Direction': 'outbound', 'Other-Type': 'originator', 'Other-Leg-Unique-ID': 'leg-1' };

test.each([
  ['the caller\'s leg was answered, by whatever it was', 'CHANNEL_ANSWER', {}, []],
  ['a phone was picked up', 'CHANNEL_ANSWER', PHONE, ['leg-2:answered']],
  ['both were joined', 'CHANNEL_BRIDGE', {}, ['leg-1:answered']],
  ['it ended: everything that is known by then', 'CHANNEL_HANGUP_COMPLETE', { 'Caller-Channel-Bridged-Time': micros(3), 'Caller-Channel-Hangup-Time': micros(12) }, ['leg-1:ringing', 'leg-1:answered', 'leg-1:hung up']],
  ['a recording began', 'RECORD_START', { 'Record-File-Path': '/r/1.wav' }, ['leg-1:recording began /r/1.wav']],
  ['a recording ended, as the record tells it', 'RECORD_STOP', { 'Record-File-Path': '/r/1.wav' }, ['leg-1:recording /r/1.wav']],
])('%s', (_what, name, more, keys) => expect(parsed(event(name, more)).map(({ dedupeKey }) => dedupeKey)).toEqual(keys));

test('a number without its country is left to the only account of the place', () => {
  expect(parsed(event('CHANNEL_CREATE', { 'Caller-Destination-Number': '12345678' }))[0]).toMatchObject({ account: null });
});

test('an event that tells of no call, or names no leg, says so', () => {
  expect(() => parsed(event('MODULE_LOAD'))).toThrow('The event MODULE_LOAD tells nothing of a call.');
  expect(() => parsed(event('CHANNEL_CREATE', { 'Unique-ID': '' }))).toThrow('It names no leg: `Unique-ID` is missing.');
  expect(() => parsed(event('constructor'))).toThrow(Unparsable);
});

test('a clock that was never set, or counts otherwise, gives no moment', () => {
  for (const uepoch of ['1', '9'.repeat(18), '1e18', '-5']) expect(parsed(record({ start_uepoch: uepoch })).map(({ occurredAt }) => occurredAt).filter((moment) => moment !== null && !moment.startsWith('2026-'))).toEqual([]);
});

test('what is no record says so', () => {
  for (const body of ['', '{', '[]', 'cdr=', '{"variables":{}}', '{"channel_data":{}}']) expect(() => parseFreeswitch(json('', { body: Buffer.from(body) }))).toThrow(Unparsable);
});

test('any bytes, and any values in a record, give events or Unparsable', () => {
  const whole = JSON.parse(readFileSync(new URL('../../fixtures/voice/freeswitch/answered.json', import.meta.url), 'utf8')) as { variables: Record<string, unknown> };
  const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.double(), fc.constantFrom(null, '', '0', '-1', '1e400', '%', '%00', '%ed%a0%80', '9'.repeat(40), [], {}, true));
  const spoiled = fc.dictionary(fc.constantFrom(...Object.keys(whole.variables), 'cc_queue_joined_epoch', 'transfer_history', 'voicemail_message_len', '__proto__'), value, { noNullPrototype: true });
  const headers = JSON.parse(readFileSync(new URL('../../fixtures/voice/freeswitch/held.json', import.meta.url), 'utf8')) as Record<string, unknown>;
  const events = fc.tuple(fc.constantFrom(...CALL_EVENTS), fc.dictionary(fc.constantFrom(...Object.keys(headers), 'Record-File-Path', 'variable_throughline_to', 'variable_start_uepoch', '__proto__'), value, { noNullPrototype: true }))
    .map(([name, more]) => Buffer.from(JSON.stringify({ ...headers, ...more, 'Event-Name': name })));
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)), events, spoiled.map((variables) => Buffer.from(JSON.stringify({ ...whole, variables: { ...whole.variables, ...variables } })))), (body) => {
    try {
      for (const event of parsed(json('', { body }))) expect(unstorable(event)).toEqual([]);
    } catch (error) {
      if (!(error instanceof Unparsable)) throw error;
    }
  }), { numRuns: 1_000 });
});

test('it is known by the name and password that it was given, and asked for them', async () => {
  const secrets = [{ username: 'pbx', password: 'a long password' }];
  const by = (authorization?: string) => freeswitch.verify(json('{}', { headers: authorization ? { authorization } : {} }), { secrets });
  expect(await by(`Basic ${Buffer.from('pbx:a long password').toString('base64')}`)).toEqual({ ok: true });
  expect(await by(`Basic ${Buffer.from('pbx:another').toString('base64')}`)).toMatchObject({ status: 403 });
  expect(await by()).toMatchObject({ status: 401, challenge: expect.stringContaining('Basic') });
});
