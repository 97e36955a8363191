// Pure: a record that FreeSWITCH writes when a leg of a call ends (mod_json_cdr) -> the events of that call: when it rang, was taken, waited, was handed on and
// ended. One call is a record for the caller's leg and, with `log-b-leg`, one for each phone that it was put through to.
import { normalAddress } from '../../identities/address.ts';
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../channel.ts';
import { plausibleMoment } from '../plausible-moment.ts';
import { address } from '../telephony/event.ts';
import { readRecord, type CallRecord } from './read.ts';

type Call = NonNullable<InboundEvent['call']>;
type Disposition = NonNullable<Call['disposition']>;

/** Q.850's words, as FreeSWITCH has them -> how a call ended that nobody took: for who was called (inbound), and for who calls. */
const UNANSWERED = new Map<string, [inbound: Disposition, outbound: Disposition]>([
  ['USER_BUSY', ['busy', 'busy']], ['CALL_REJECTED', ['rejected', 'rejected']],
  ['NO_ANSWER', ['missed', 'no_answer']], ['NO_USER_RESPONSE', ['missed', 'no_answer']], ['ALLOTTED_TIMEOUT', ['missed', 'no_answer']], ['RECOVERY_ON_TIMER_EXPIRE', ['missed', 'no_answer']], ['USER_NOT_REGISTERED', ['missed', 'no_answer']], ['SUBSCRIBER_ABSENT', ['missed', 'no_answer']],
  ['ORIGINATOR_CANCEL', ['abandoned', 'canceled']], ['NORMAL_CLEARING', ['abandoned', 'canceled']], ['LOSE_RACE', ['canceled', 'canceled']], ['PICKED_OFF', ['canceled', 'canceled']],
]);
const WAITING = new Set(['callcenter', 'fifo']);
/** A hundred days. */
const LASTING_MS_MAX = 8_640_000_000;
const RECORDING = new Set(['record', 'record_session']);

/** @throws Unparsable when it isn't a call's record */
export function parseCdr(request: RawRequest): Parsed {
  const record = readRecord(request);
  const uuid = record.variable('uuid') ?? record.profile('uuid');
  if (uuid === null) throw new Unparsable('The record names no leg: `uuid` is missing.');
  return { events: new Leg(record, uuid).events(), files: [] };
}

class Leg {
  readonly startedAt: string | null;
  /** When somebody was there: the other leg was joined, or what answers was. */
  readonly talkedAt: string | null;
  readonly endedAt: string | null;
  /** The leg that made this one: it is one of the phones that the call was put through to. */
  readonly parentId: string | null;
  readonly isInbound: boolean;

  constructor(private readonly record: CallRecord, private readonly id: string) {
    this.startedAt = this.moment('start');
    this.talkedAt = this.moment('bridge') ?? this.moment('answer');
    this.endedAt = this.moment('end');
    const parent = record.direction === 'outbound' ? (record.variable('originating_leg_uuid') ?? record.variable('originator') ?? record.originator) : null;
    this.parentId = parent === id ? null : parent;
    // From outside a call comes into the context "public"; from a phone of the house, into another. The dialplan can say it itself.
    const said = record.variable('throughline_direction');
    this.isInbound = said === 'inbound' || said === 'outbound' ? said === 'inbound' : record.direction !== 'outbound' && (record.profile('context') ?? record.variable('user_context') ?? 'public') === 'public';
  }

  events(): InboundEvent[] {
    const { record } = this;
    const events = [this.event('ringing', this.startedAt, { phase: 'ringing' })];
    if (this.talkedAt !== null) events.push(this.event('answered', this.talkedAt, { phase: 'answered' }));
    if (this.parentId === null) events.push(...this.steps());
    events.push(this.event('ended', this.endedAt, {
      phase: 'ended', disposition: this.disposition(), endCause: record.variable('hangup_cause'), talkMs: this.talkMs(), ...(this.parentId === null ? { holdMs: this.holdMs() } : {}),
    }));
    return [...events, ...this.recordings()];
  }

  private event(what: string, occurredAt: string | null, call: Partial<Call> & Pick<Call, 'phase'>): InboundEvent {
    const { record, isInbound, parentId } = this;
    const from = record.profile('caller_id_number') ?? record.variable('caller_id_number') ?? record.variable('sip_from_user');
    const to = record.variable('throughline_to') ?? record.profile('destination_number') ?? record.variable('destination_number') ?? record.variable('sip_to_user');
    const ours = record.variable('throughline_account') ?? (isInbound ? (record.variable('sip_req_user') ?? to) : (record.variable('outbound_caller_id_number') ?? record.variable('effective_caller_id_number') ?? from));
    const attested = record.variable('verstat') === 'TN-Validation-Passed-A' || record.variable('sip_verstat') === 'TN-Validation-Passed-A';
    const caller = address(from, isInbound && !attested ? 'claimed' : 'attested', isInbound ? nameOf(record.profile('caller_id_name'), from) : null);
    const called = address(to, 'attested', null);
    return {
      kind: 'call', direction: isInbound ? 'inbound' : 'outbound', channel: 'voice', provider: 'freeswitch', account: parentId === null ? accountOf(ours) : accountOf(record.variable('throughline_account')),
      dedupeKey: `${this.id}:${what}`, occurredAt, senders: parentId === null && caller ? [caller] : [], recipients: parentId === null && called ? [called] : [],
      call: { providerCallId: this.id, parentCallId: parentId, sequence: null, from: caller && from, to, disposition: null, endCause: null, talkMs: null, recording: null, transcript: null, ...call },
    };
  }

  /** `NAME_uepoch` is in microseconds, `NAME_epoch` in seconds; 0 is never. */
  private moment(name: string): string | null {
    const micros = Number(this.record.variable(`${name}_uepoch`) ?? NaN);
    const ms = micros > 0 ? micros / 1_000 : Number(this.record.variable(`${name}_epoch`) ?? NaN) * 1_000;
    return plausibleMoment(ms);
  }

  private get did(): Set<string> {
    return new Set(this.record.applications.map(({ name }) => name));
  }
  private get leftMessage(): boolean {
    return this.lasting('voicemail_message_len', 1_000) !== null;
  }

  private disposition(): Disposition | null {
    const { record, isInbound } = this;
    if (this.leftMessage) return 'voicemail';
    const isTaken = this.parentId === null && this.did.size > 0 ? this.moment('bridge') !== null || (this.moment('answer') !== null && ![...WAITING].some((app) => this.did.has(app)) && !this.did.has('voicemail')) : this.talkedAt !== null;
    if (isTaken) return 'answered';
    // A machine answered, and nobody was reached behind it.
    if (this.talkedAt !== null) return 'abandoned';
    const cause = record.variable('hangup_cause');
    if (cause === null) return null;
    return UNANSWERED.get(cause)?.[isInbound ? 0 : 1] ?? 'failed';
  }

  private talkMs(): number | null {
    return this.talkedAt !== null && this.endedAt !== null ? Math.max(0, Date.parse(this.endedAt) - Date.parse(this.talkedAt)) : null;
  }
  private holdMs(): number | null {
    return this.lasting('hold_accum_usec', 0.001) ?? this.lasting('hold_accum_ms', 1) ?? this.lasting('hold_accum_seconds', 1_000);
  }
  /** A length of time in milliseconds; null when it is missing, zero or no length. */
  private lasting(name: string, factor: number): number | null {
    const ms = Math.round(Number(this.record.variable(name) ?? NaN) * factor);
    return ms > 0 && ms < LASTING_MS_MAX ? ms : null;
  }

  /** Its wait in a queue of mod_callcenter, and to whom it was handed on. */
  private steps(): InboundEvent[] {
    const { record } = this;
    const queue = record.variable('cc_queue');
    const [joined, left] = [this.moment('cc_queue_joined'), this.moment('cc_queue_answered') ?? this.moment('cc_queue_canceled') ?? this.moment('cc_queue_terminated')];
    const transfers = [...(record.variable('transfer_history') ?? '').matchAll(/(\d{10}):[^:|]{1,64}:(?:bl_xfer|att_xfer|uuid_br):([^|]{1,320})/g)];
    return [
      ...(joined ? [this.event('queued', joined, { phase: 'progress', step: { kind: 'queued', party: queue } })] : []),
      ...(joined && left ? [this.event('dequeued', left, { phase: 'progress', step: { kind: 'dequeued', party: queue } })] : []),
      ...transfers.map(([, seconds, to], n) => this.event(`transferred ${n}`, plausibleMoment(Number(seconds) * 1_000), { phase: 'progress', step: { kind: 'transferred', party: to!.split('/')[0]! } })),
    ];
  }

  private recordings(): InboundEvent[] {
    const { record } = this;
    const base = { state: 'completed', channels: null, url: httpIn(record.variable('throughline_recording_url')), startedAt: null } as const;
    const made = record.applications.filter(({ name, data }) => RECORDING.has(name) && data !== '').map(({ data }) => ({ ...base, id: data.slice(0, 400), kind: 'call' as const, durationMs: this.lasting('record_ms', 1) }));
    const left = this.leftMessage ? [{ ...base, id: (record.variable('voicemail_file_path') ?? `${this.id} voicemail`).slice(0, 400), kind: 'voicemail' as const, durationMs: this.lasting('voicemail_message_len', 1_000) }] : [];
    const once = new Map([...made, ...left].map((recording) => [recording.id, recording]));
    return [...once.values()].map((recording) => this.event(`recording ${recording.id}`, this.endedAt, { phase: 'recording', recording }));
  }
}

/** FreeSWITCH gives the number as the name where the network told none. */
const nameOf = (name: string | null, number: string | null): string | null => (name === null || name === number || /^(anonymous|unknown|unavailable|restricted)$/i.test(name) ? null : name.slice(0, 320));
const httpIn = (url: string | null): string | null => (url !== null && /^https?:\/\//i.test(url) ? url : null);
/** In the form that accounts have: a number with its country. Where it comes without one, the dialplan says `throughline_account`. */
const accountOf = (raw: string | null): string | null => (raw === null ? null : (normalAddress({ kind: 'phone', value: raw })?.value ?? raw));
