// Pure: Twilio's voice webhooks -> events of a call. They come from several features with fields of their own; which one it is, is read from
// the fields, since all of them can lead to one address.
// https://www.twilio.com/docs/voice/twiml (a call asks what to do), …/voice/api/call-resource#statuscallback, …/voice/twiml/dial#action,
// …/voice/api/recording#recordingstatuscallback, …/voice/twiml/record#transcribecallback
import { createHash } from 'node:crypto';
import { normalAddress } from '../../identities/address.ts';
import { standing } from '../../identities/policy.ts';
import { OfAnotherChannel, Unparsable, type InboundEvent, type ObservedAddress, type Parsed, type RawRequest } from '../channel.ts';
import { mailMoment } from '../email/moments.ts';
import { observedAddress } from '../twilio/address.ts';
import { ownParameter, readFields, type Fields } from '../twilio/form.ts';
import { notUnderstood } from '../twilio/not-understood.ts';

type Call = NonNullable<InboundEvent['call']>;
type Recording = NonNullable<Call['recording']>;

export type Shape = keyof typeof READERS;

/** What a request is, by its fields. The first rule that holds decides. */
export function shapeOf(fields: Fields): Shape {
  const has = (...names: string[]): boolean => names.some((name) => fields.text(name) !== null);
  if (has('TranscriptionEvent')) return 'live_transcription';
  if (has('TranscriptionSid', 'TranscriptionStatus', 'TranscriptionText')) return 'transcription';
  if (has('RecordingStatus')) return 'recording_status';
  if (has('StatusCallbackEvent') && has('ConferenceSid')) return 'conference';
  if (has('DialCallStatus')) return 'dial_action';
  if (has('CallbackSource', 'SequenceNumber', 'CallDuration')) return 'status';
  if (has('RecordingSid', 'RecordingUrl')) return 'record_action';
  if (!has('CallStatus')) return has('AnsweredBy') ? 'answering_machine' : 'other';
  if (PHASES.get(statusOf(fields)!) === 'ended') return 'status';
  return has('Digits', 'SpeechResult', 'QueueResult', 'QueueSid') ? 'action' : 'instructions';
}

/** @throws Unparsable when it names no call, or a status that Twilio doesn't document */
export function parseVoice(request: RawRequest): Parsed {
  const fields = readFields(request);
  return { events: READERS[shapeOf(fields)](new Delivery(fields, request.url)), files: [] };
}

type Disposition = NonNullable<Call['disposition']>;
/** CallStatus -> what it says. An inbound call that is `in-progress` was answered by TwiML; a person may not have spoken yet. */
const PHASES = new Map<string, Call['phase']>([
  ['queued', 'progress'], ['initiated', 'progress'], ['ringing', 'ringing'], ['in-progress', 'answered'], ['answered', 'answered'],
  ['completed', 'ended'], ['busy', 'ended'], ['no-answer', 'ended'], ['failed', 'ended'], ['canceled', 'ended'],
]);
/** How a call ended, for who was called. `completed` is all that Twilio says of a call that was connected, to whomever. */
const INBOUND_ENDS = new Map<string, Disposition>([
  ['completed', 'answered'], ['busy', 'busy'], ['no-answer', 'missed'], ['failed', 'failed'], ['canceled', 'abandoned'],
]);
const OUTBOUND_ENDS = new Map<string, Disposition>([
  ['completed', 'answered'], ['answered', 'answered'], ['busy', 'busy'], ['no-answer', 'no_answer'], ['failed', 'failed'], ['canceled', 'canceled'],
]);
/** The other side declined: RFC 3261, 21.6.2, RFC 8197, RFC 8688. */
const DECLINED = new Set(['603', '607', '608']);
/** A call that ended during <Dial>, by what became of the dialled leg; any other: nobody was there. */
const ENDED_WHILE_DIALLING = new Map<string, Disposition>([['completed', 'answered'], ['answered', 'answered'], ['canceled', 'abandoned']]);

const RECORDING_STATES = new Map<string, Recording['state']>([
  ['in-progress', 'in_progress'], ['paused', 'in_progress'], ['stopped', 'in_progress'],
  ['completed', 'completed'], ['absent', 'absent'], ['failed', 'failed'],
]);

const statusOf = (fields: Fields): string | null => fields.text('CallStatus')?.trim().toLowerCase() ?? null;

function phaseOf(status: string): Call['phase'] {
  const phase = PHASES.get(status);
  if (phase === undefined) throw new Unparsable(`The call status "${status.slice(0, 40)}" is not one that Twilio documents.`);
  return phase;
}

/** One request, and the parts of an event that all of them share. */
class Delivery {
  readonly outgoing: boolean;
  /** The call whose <Dial> made this one: it is a leg. */
  readonly parentCallId: string | null;

  constructor(
    readonly fields: Fields,
    readonly url: string,
  ) {
    const direction = fields.text('Direction')?.toLowerCase() ?? 'inbound';
    this.outgoing = direction.startsWith('outbound') || direction === 'trunking-terminating';
    this.parentCallId = fields.text('ParentCallSid');
  }

  get callId(): string {
    const sid = this.fields.text('CallSid');
    if (sid === null) throw this.fields.text('MessageSid') === null ? new Unparsable('It names no call: CallSid is missing.') : new OfAnotherChannel('It is about a message, not about a call.');
    return sid;
  }

  /** Only of requests that have one (see `shapeOf`). */
  get status(): string {
    const status = statusOf(this.fields);
    if (status === null) throw new Unparsable('It says nothing of the call: CallStatus is missing.');
    return status;
  }

  event(dedupeKey: string, call: Partial<Call> & Pick<Call, 'phase'>, occurredAt: string | null = null): InboundEvent {
    const { fields, outgoing } = this;
    const [from, to] = [fields.phone('From') ?? fields.phone('Caller'), fields.phone('To') ?? fields.phone('Called')];
    const [caller, called] = [this.address(from, true), this.address(to, false)];
    // A leg is between Twilio and whom it dialled: neither number says who the customer is or which account it is. Its parent does.
    const isLeg = this.parentCallId !== null;
    return {
      kind: 'call', direction: outgoing ? 'outbound' : 'inbound', channel: 'voice', provider: 'twilio',
      account: (isLeg ? null : outgoing ? from : to) ?? ownParameter(this.url, 'account'), dedupeKey, occurredAt,
      senders: isLeg ? [] : present(caller), recipients: isLeg ? [] : present(called),
      call: {
        providerCallId: this.callId, parentCallId: this.parentCallId, sequence: null, from: caller && from, to: called && to,
        disposition: null, endCause: null, talkMs: null, recording: null, transcript: null, ...call,
      },
    };
  }

  /** Null for a withheld number: "anonymous" is nobody's identity. */
  private address(raw: string | null, isCaller: boolean): ObservedAddress | null {
    const { fields } = this;
    const incoming = isCaller && !this.outgoing;
    // Anybody can send any caller id. Full attestation (STIR/SHAKEN, level A): the operator knows the caller and his right to the number.
    const trust = incoming && fields.text('StirVerstat') !== 'TN-Validation-Passed-A' ? 'claimed' : 'attested';
    const observed = observedAddress(raw, { accountSid: fields.text('AccountSid'), trust, displayName: incoming ? fields.text('CallerName') : null });
    const address = observed && normalAddress(observed);
    return address === null || standing(address) === 'NOBODY' ? null : observed;
  }
}

const present = <T>(value: T | null): T[] => (value === null ? [] : [value]);

const READERS = {
  /** A call asks what to do: it has begun to ring, or it was answered. */
  instructions: (delivery: Delivery): InboundEvent[] => {
    const { callId, status } = delivery;
    return [delivery.event(`${callId}:${status}`, { phase: phaseOf(status) })];
  },

  /** The caller pressed, said or waited for something under way. */
  action: (delivery: Delivery): InboundEvent[] => [delivery.event(`${delivery.callId}:progress:${digestOf(delivery.fields)}`, { phase: 'progress' })],

  status: (delivery: Delivery): InboundEvent[] => {
    const { fields, callId, status } = delivery;
    const sequence = fields.count('SequenceNumber');
    const dedupeKey = sequence === null ? `${callId}:${status}` : `${callId}:${sequence}:${status}`;
    const event = delivery.event(dedupeKey, { phase: phaseOf(status), sequence, ...endOf(delivery) }, mailMoment(fields.text('Timestamp')));
    const recording = recordingOf(fields, 'call', 'completed');
    return recording === null ? [event] : [event, delivery.event(`${recording.id}:call`, { phase: 'recording', recording })];
  },

  /** <Dial> is over, seen from the caller's leg: how the dialled leg ended. The call itself goes on unless its own status says otherwise. */
  dial_action: (delivery: Delivery): InboundEvent[] => {
    const { fields, callId } = delivery;
    const dialled = fields.text('DialCallStatus')!.trim().toLowerCase();
    const legId = fields.text('DialCallSid');
    const leg = legId === null
      ? delivery.event(`${callId}:dialled:${dialled}:${digestOf(fields)}`, { phase: 'progress' })
      : delivery.event(`${legId}:dialled:${dialled}`, {
        providerCallId: legId, parentCallId: callId, phase: 'ended', endCause: dialled, from: null, to: null,
        disposition: OUTBOUND_ENDS.get(dialled) ?? null, talkMs: milliseconds(fields.count('DialCallDuration')),
      });
    const recording = recordingOf(fields, 'call', 'completed');
    const recorded = recording === null ? [] : [delivery.event(`${recording.id}:dialled`, { phase: 'recording', recording })];
    return [leg, ...recorded, ...endedMeanwhile(delivery, ENDED_WHILE_DIALLING.get(dialled) ?? 'missed')];
  },

  /** <Record> is over: the caller spoke to a machine. */
  record_action: (delivery: Delivery): InboundEvent[] => {
    const recording = recordingOf(delivery.fields, 'voicemail', 'completed')!;
    return [delivery.event(`${recording.id}:recorded`, { phase: 'recording', recording }), ...endedMeanwhile(delivery, 'voicemail')];
  },

  recording_status: (delivery: Delivery): InboundEvent[] => {
    const { fields } = delivery;
    const status = fields.text('RecordingStatus')!.trim().toLowerCase();
    const state = RECORDING_STATES.get(status);
    if (state === undefined) throw new Unparsable(`The recording status "${status.slice(0, 40)}" is not one that Twilio documents.`);
    // A conference's recording belongs to no one call.
    if (fields.text('CallSid') === null && fields.text('ConferenceSid') !== null) return READERS.conference(delivery);
    const recording = recordingOf(fields, fields.text('RecordingSource') === 'RecordVerb' ? 'voicemail' : 'call', state);
    if (recording === null) throw new Unparsable('It names no recording: RecordingSid is missing.');
    return [delivery.event(`${recording.id}:${status}`, { phase: 'recording', recording })];
  },

  transcription: (delivery: Delivery): InboundEvent[] => {
    const { fields } = delivery;
    const id = fields.text('TranscriptionSid');
    if (id === null) throw new Unparsable('It names no transcription: TranscriptionSid is missing.');
    const text = fields.text('TranscriptionText');
    const state = fields.text('TranscriptionStatus')?.toLowerCase() === 'failed' || text === null ? 'failed' : 'completed';
    return [delivery.event(`${id}:${state}`, { phase: 'transcript', transcript: { id, recordingId: fields.text('RecordingSid'), state, text } })];
  },

  /** Who picked up, reported apart from the call's status; the status callback repeats it. */
  answering_machine: (delivery: Delivery): InboundEvent[] => [
    delivery.event(`${delivery.callId}:answered-by:${delivery.fields.text('AnsweredBy')!.toLowerCase()}`, { phase: 'progress' }),
  ],

  live_transcription: (delivery: Delivery): InboundEvent[] => [unknown(delivery, 'twilio_live_transcription', delivery.callId)],
  conference: (delivery: Delivery): InboundEvent[] => [unknown(delivery, 'twilio_conference', delivery.fields.text('ConferenceSid') ?? '')],
  other: (delivery: Delivery): InboundEvent[] => [unknown(delivery, 'twilio_voice_other', delivery.callId)],
} as const;

const unknown = ({ fields, url }: Delivery, code: string, about: string): InboundEvent =>
  notUnderstood(fields, {
    channel: 'voice', code, dedupeKey: `${about}:${digestOf(fields)}`, account: ownParameter(url, 'account'), direction: 'inbound',
  });

/** What an event says of the end of a call; nothing while it goes on. */
function endOf({ fields, status, outgoing }: Delivery): Partial<Call> {
  if (PHASES.get(status) !== 'ended') return {};
  const sip = fields.text('SipResponseCode');
  const disposition = sip !== null && DECLINED.has(sip) ? 'rejected' : ((outgoing ? OUTBOUND_ENDS : INBOUND_ENDS).get(status) ?? null);
  const connected = status === 'completed';
  const answeredBy = fields.text('AnsweredBy')?.toLowerCase() ?? '';
  return {
    disposition: connected && answeredBy.startsWith('machine') ? 'voicemail' : disposition,
    endCause: sip === null || sip === '200' ? status : `${status} (SIP ${sip})`,
    // CallDuration is seconds of talk. `Duration` beside it is minutes, as they are billed.
    talkMs: connected ? milliseconds(fields.count('CallDuration')) : null,
  };
}

/** The caller hung up during the verb, and its action is the last that is heard unless a status callback is configured. */
function endedMeanwhile(delivery: Delivery, disposition: Call['disposition']): InboundEvent[] {
  const status = statusOf(delivery.fields);
  if (status === null || PHASES.get(status) !== 'ended') return [];
  return [delivery.event(`${delivery.callId}:${status}`, { phase: 'ended', disposition, endCause: status })];
}

function recordingOf(fields: Fields, kind: Recording['kind'], state: Recording['state']): Recording | null {
  const url = fields.text('RecordingUrl');
  const id = fields.text('RecordingSid') ?? /\/(RE\w+)(?:\.\w+)?$/.exec(url ?? '')?.[1] ?? url;
  if (id === null) return null;
  return {
    id, kind, state, url, durationMs: milliseconds(fields.count('RecordingDuration')), channels: fields.count('RecordingChannels'),
    startedAt: mailMoment(fields.text('RecordingStartTime')),
  };
}

/** Null beyond 24 days, which no call lasts and no 32-bit column holds. */
const milliseconds = (seconds: number | null): number | null => (seconds === null || seconds > 2_147_483 ? null : seconds * 1_000);

/** Same for a delivery that came again, also by the fallback address, which adds what went wrong the first time. */
function digestOf(fields: Fields): string {
  const said = Object.entries(fields.toObject()).filter(([name]) => name !== 'ErrorCode' && name !== 'ErrorUrl').sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 16);
}
