// Pure: what any telephone system can tell of a call (README.md) -> events. Strict about what it says, so that who writes an adapter is told what is wrong.
import { z } from 'zod';
import { normalAddress } from '../../identities/address.ts';
import { standing } from '../../identities/policy.ts';
import { Unparsable, type InboundEvent, type ObservedAddress, type Parsed, type RawRequest } from '../channel.ts';
import { plausibleMoment } from '../plausible-moment.ts';

const EVENTS_MAX = 100;

const id = z.string().min(1).max(200).regex(/^\S+$/, 'Expected a text without blanks, of 1 to 200 characters.');
const party = z.string().max(320).nullish();
const milliseconds = z.number().int().min(0).nullish();
const moment = z.iso.datetime({ offset: true, error: 'Expected a moment with its zone, like `2026-03-05T14:00:00.250+01:00`.' })
  .transform((text, context) => {
    const at = plausibleMoment(Date.parse(text));
    if (at === null) context.addIssue('Expected a moment from 2000 to 2099.');
    return at ?? z.NEVER;
  });
const base = {
  id: id.describe('Of this event, unique for the account: the same again is the same event again.'),
  at: moment.describe('When it happened.'),
  account: party.describe('Your number. Left out: `to` of an inbound call, `from` of an outbound one.'),
  call: z.strictObject({
    id: id.describe('Of the call, the same in all of its events.'),
    direction: z.enum(['inbound', 'outbound']),
    from: party.describe('Who calls; null or left out when the number is withheld.'),
    to: party.describe('Who is called.'),
    callerName: z.string().max(320).nullish().describe('What the network calls the caller.'),
    attested: z.boolean().default(false).describe('Whether your operator vouches that the caller may use `from` (STIR/SHAKEN, level A).'),
  }),
  leg: z.strictObject({ id, party }).nullish().describe('One connection of the call: a phone that it was put through to.'),
};
const kindOf = <T extends string>(type: T) => z.strictObject({ ...base, type: z.literal(type) });
const STEPS = { held: 'held', resumed: 'resumed', queued: 'queued', dequeued: 'dequeued', transferred: 'transferred' } as const;

export const telephonyEvent = z.discriminatedUnion('type', [
  kindOf('ringing'), kindOf('answered'),
  kindOf('ended').extend({
    disposition: z.enum(['answered', 'missed', 'abandoned', 'voicemail', 'busy', 'no_answer', 'rejected', 'failed', 'canceled']).nullish(),
    cause: z.string().max(200).nullish().describe('In your system’s own words.'),
    talkMs: milliseconds, holdMs: milliseconds,
  }),
  kindOf('held'), kindOf('resumed'),
  kindOf('queued').extend({ queue: z.string().max(200).nullish() }), kindOf('dequeued').extend({ queue: z.string().max(200).nullish() }),
  kindOf('transferred').extend({ to: z.string().max(320).describe('To whom.') }),
  kindOf('recording').extend({
    recording: z.strictObject({ id, kind: z.enum(['call', 'voicemail']).default('call'), state: z.enum(['in_progress', 'completed', 'absent', 'failed']).default('completed'), durationMs: milliseconds, channels: z.number().int().min(1).max(16).nullish(), url: z.url({ protocol: /^https?$/ }).nullish(), startedAt: moment.nullish() }),
  }),
  kindOf('transcript').extend({ transcript: z.strictObject({ id, recordingId: id.nullish(), state: z.enum(['completed', 'failed']).default('completed'), text: z.string().max(1_000_000).nullish() }) }),
]);
export type TelephonyEvent = z.infer<typeof telephonyEvent>;

/** @throws Unparsable, naming the first thing that is wrong */
export function parseTelephony(request: RawRequest): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body));
  } catch {
    throw new Unparsable('The body is not JSON in UTF-8.');
  }
  const given = Array.isArray(json) ? json : [json];
  if (given.length === 0 || given.length > EVENTS_MAX) throw new Unparsable(`Expected an event, or a list of 1 to ${EVENTS_MAX}.`);
  return { events: given.map((one, n) => eventOf(read(one, Array.isArray(json) ? `${n}.` : ''))), files: [] };
}

function read(given: unknown, where: string): TelephonyEvent {
  const result = telephonyEvent.safeParse(given);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new Unparsable(`${where}${path.join('.') || 'The event'}: ${message}`);
}

type Call = NonNullable<InboundEvent['call']>;

function eventOf(event: TelephonyEvent): InboundEvent {
  const { call, leg } = event;
  const [from, to] = [call.from ?? null, call.to ?? null];
  const incoming = call.direction === 'inbound';
  const caller = address(from, incoming && !call.attested ? 'claimed' : 'attested', incoming ? (call.callerName ?? null) : null);
  const called = address(to, 'attested', null);
  return {
    kind: 'call', direction: incoming ? 'inbound' : 'outbound', channel: 'voice', provider: 'telephony', account: event.account ?? (incoming ? to : from), dedupeKey: event.id,
    occurredAt: event.at, senders: caller ? [caller] : [], recipients: called ? [called] : [],
    call: {
      providerCallId: leg?.id ?? call.id, parentCallId: leg ? call.id : null, sequence: null, from: leg ? null : caller && from, to: leg ? (leg.party ?? null) : to,
      disposition: null, endCause: null, talkMs: null, recording: null, transcript: null, ...saidOf(event),
    },
  };
}

function saidOf(event: TelephonyEvent): Partial<Call> & Pick<Call, 'phase'> {
  switch (event.type) {
    case 'ringing':
    case 'answered':
      return { phase: event.type };
    case 'ended':
      return { phase: 'ended', disposition: event.disposition ?? null, endCause: event.cause ?? null, talkMs: event.talkMs ?? null, holdMs: event.holdMs ?? null };
    case 'recording': {
      const { durationMs = null, channels = null, url = null, startedAt, ...recording } = event.recording;
      return { phase: 'recording', recording: { ...recording, durationMs, channels, url, startedAt: startedAt ?? null } };
    }
    case 'transcript':
      return { phase: 'transcript', transcript: { ...event.transcript, recordingId: event.transcript.recordingId ?? null, text: event.transcript.text ?? null } };
    default:
      return { phase: 'progress', step: { kind: STEPS[event.type], party: event.type === 'transferred' ? event.to : event.type === 'queued' || event.type === 'dequeued' ? (event.queue ?? null) : null } };
  }
}

/** A number, a SIP address, or an extension; null when it is withheld. */
export function address(raw: string | null, trust: ObservedAddress['trust'], displayName: string | null): ObservedAddress | null {
  const text = raw?.trim() ?? '';
  if (text === '') return null;
  const kind = /^sips?:/i.test(text) ? ('sip_uri' as const) : /^\+?[\d\s().-]{6,}$/.test(text) ? ('phone' as const) : ('external_id' as const);
  const normal = normalAddress({ kind, namespace: kind === 'external_id' ? 'extension' : '', value: text });
  if (normal === null || standing(normal) === 'NOBODY') return null;
  return { kind, namespace: normal.namespace, value: normal.value, valueRaw: raw!, trust: kind === 'external_id' ? 'claimed' : trust, displayName };
}
