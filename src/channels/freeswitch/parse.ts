// Pure: what FreeSWITCH says of a leg of a call -> the events of that call. Of a leg that ended it posts a record (mod_json_cdr): when it rang, was taken, waited,
// was handed on and ended; by its event socket the same is told while it happens. Both give an event the same key where they say the same of it. One call is a
// leg of the caller and one for each phone that it was put through to.
import { normalAddress } from '../../identities/address.ts';
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../channel.ts';
import { plausibleMoment } from '../plausible-moment.ts';
import { address } from '../telephony/event.ts';
import { eventIn, isEvent, type CallEvent, type CallEventName } from './event.ts';
import { readObject, recordIn, type CallRecord } from './read.ts';

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

/** @throws Unparsable when it is neither a call's record nor an event of a call */
export function parseFreeswitch(request: RawRequest): Parsed {
  const json = readObject(request);
  if (isEvent(json)) {
    const event = eventIn(json);
    const said = SAID[event.name as CallEventName];
    if (!said || !Object.hasOwn(SAID, event.name)) throw new Unparsable(`The event ${event.name.slice(0, 60)} tells nothing of a call.`);
    return { events: said(new Leg(event, legOf(event, 'Unique-ID')), event), files: [] };
  }
  const record = recordIn(json);
  return { events: new Leg(record, legOf(record, 'uuid')).events(), files: [] };
}

function legOf(record: CallRecord, name: string): string {
  const uuid = record.variable('uuid') ?? record.profile('uuid');
  if (uuid === null) throw new Unparsable(`It names no leg: \`${name}\` is missing.`);
  return uuid;
}

/** What each event says. Of a caller's leg only the other's joining is an answer: a menu or a queue answers too, and the record tells that apart. */
const SAID: Record<CallEventName, (leg: Leg, event: CallEvent) => InboundEvent[]> = {
  CHANNEL_CREATE: (leg) => [leg.ringing()],
  CHANNEL_ANSWER: (leg, { at }) => (leg.parentId === null ? [] : [leg.answered(at)]),
  CHANNEL_BRIDGE: (leg, { at }) => (leg.parentId === null ? [leg.answered(at)] : []),
  CHANNEL_HOLD: (leg, event) => [leg.step('held', event)],
  CHANNEL_UNHOLD: (leg, event) => [leg.step('resumed', event)],
  CHANNEL_HANGUP_COMPLETE: (leg) => leg.events(),
  RECORD_START: (leg, { recordingPath, at }) => (recordingPath === null ? [] : [leg.recordingStarted(recordingPath, at)]),
  RECORD_STOP: (leg, { recordingPath, at }) => (recordingPath === null ? [] : [leg.recordingEnded(recordingPath, at)]),
};

class Leg {
  readonly startedAt: string | null;
  /** When somebody was there: the other leg was joined, or what answers was. */
  readonly talkedAt: string | null;
  readonly endedAt: string | null;
  /** The leg that made this one: it is one of the phones that the call was put through to. */
  readonly parentId: string | null;
  readonly isInbound: boolean;
  /** Told by an event: what the dialplan did isn't known. */
  private readonly isLive: boolean;

  constructor(private readonly record: CallRecord, private readonly id: string) {
    this.isLive = 'at' in record;
    this.startedAt = this.moment('start');
    this.talkedAt = this.moment('bridge') ?? this.moment('answer');
    this.endedAt = this.moment('end');
    const parent = record.direction === 'outbound' ? (record.variable('originating_leg_uuid') ?? record.variable('originator') ?? record.originator) : null;
    this.parentId = parent === id ? null : parent;
    // From outside a call comes into the context "public"; from a phone of the house, into another. The dialplan can say it itself.
    const said = record.variable('throughline_direction');
    this.isInbound = said === 'inbound' || said === 'outbound' ? said === 'inbound' : record.direction !== 'outbound' && (record.profile('context') ?? record.variable('user_context') ?? 'public') === 'public';
  }

  ringing(): InboundEvent {
    return this.event('ringing', this.startedAt, { phase: 'ringing' });
  }
  answered(at: string | null): InboundEvent {
    return this.event('answered', this.talkedAt ?? at, { phase: 'answered' });
  }
  step(kind: 'held' | 'resumed', { at, number }: CallEvent): InboundEvent {
    return this.event(`${kind} ${number}`, at, { phase: 'progress', step: { kind, party: null } });
  }
  recordingStarted(path: string, at: string | null): InboundEvent {
    return this.recorded('recording began', { ...this.recordingBase(), id: path.slice(0, 400), kind: 'call', state: 'in_progress', url: null, durationMs: null, startedAt: at }, at);
  }
  recordingEnded(path: string, at: string | null): InboundEvent {
    return this.recorded('recording', { ...this.recordingBase(), id: path.slice(0, 400), kind: 'call', durationMs: this.lasting('record_ms', 1) }, at);
  }

  /** Everything of a leg that ended. */
  events(): InboundEvent[] {
    const { record } = this;
    const events = [this.ringing()];
    if (this.isTaken) events.push(this.answered(null));
    if (this.parentId === null) events.push(...this.steps());
    // The record knows what the dialplan did, and so how the call ended, better than the event of the end does: each counts.
    events.push(this.event(this.isLive ? 'hung up' : 'ended', this.endedAt, {
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
      kind: 'call', direction: isInbound ? 'inbound' : 'outbound', channel: 'voice', provider: 'freeswitch', account: accountOf(parentId === null ? ours : record.variable('throughline_account'), this.isLive),
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

  /** Whether somebody was there; null when something answered, and what it was isn't known: by an event of the end. */
  private get isTaken(): boolean | null {
    if (this.parentId !== null || this.moment('bridge') !== null) return this.talkedAt !== null;
    if (this.talkedAt === null) return false;
    if (this.leftMessage || this.record.variable('cc_queue') !== null) return false;
    if (this.did.size === 0) return this.isLive ? null : true;
    return !this.did.has('voicemail') && ![...WAITING].some((app) => this.did.has(app));
  }

  private disposition(): Disposition | null {
    if (this.leftMessage) return 'voicemail';
    if (this.isTaken !== false) return this.isTaken && 'answered';
    // A machine answered, and nobody was reached behind it.
    if (this.talkedAt !== null) return 'abandoned';
    const cause = this.record.variable('hangup_cause');
    if (cause === null) return null;
    return UNANSWERED.get(cause)?.[this.isInbound ? 0 : 1] ?? 'failed';
  }

  private talkMs(): number | null {
    return this.isTaken && this.talkedAt !== null && this.endedAt !== null ? Math.max(0, Date.parse(this.endedAt) - Date.parse(this.talkedAt)) : null;
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
    const base = this.recordingBase();
    const made = record.applications.filter(({ name, data }) => RECORDING.has(name) && data !== '').map(({ data }) => ({ ...base, id: data.slice(0, 400), kind: 'call' as const, durationMs: this.lasting('record_ms', 1) }));
    const left = this.leftMessage ? [{ ...base, id: (record.variable('voicemail_file_path') ?? `${this.id} voicemail`).slice(0, 400), kind: 'voicemail' as const, durationMs: this.lasting('voicemail_message_len', 1_000) }] : [];
    const once = new Map([...made, ...left].map((recording) => [recording.id, recording]));
    return [...once.values()].map((recording) => this.recorded('recording', recording, this.endedAt));
  }
  private recordingBase() {
    return { state: 'completed', channels: null, url: httpIn(this.record.variable('throughline_recording_url')), startedAt: null } as const;
  }
  private recorded(what: string, recording: NonNullable<Call['recording']>, at: string | null): InboundEvent {
    return this.event(`${what} ${recording.id}`, at, { phase: 'recording', recording });
  }
}

/** FreeSWITCH gives the number as the name where the network told none. */
const nameOf = (name: string | null, number: string | null): string | null => (name === null || name === number || /^(anonymous|unknown|unavailable|restricted)$/i.test(name) ? null : name.slice(0, 320));
const httpIn = (url: string | null): string | null => (url !== null && /^https?:\/\//i.test(url) ? url : null);
/**
 * In the form that accounts have: a number with its country. Where it comes without one, the dialplan says `throughline_account`; an event can come before it
 * did (`isLive`), and says nothing then.
 */
function accountOf(raw: string | null, isLive: boolean): string | null {
  if (raw === null) return null;
  const number = normalAddress({ kind: 'phone', value: raw })?.value;
  return isLive ? (number?.startsWith('+') ? number : null) : (number ?? raw);
}
