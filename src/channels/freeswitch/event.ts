// Pure: an event of FreeSWITCH's event socket (`event json`) -> the same as a call's record says, as far as it is known by then.
// https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Introduction/Event-System/
import { plausibleMoment } from '../plausible-moment.ts';
import { plainText, type CallRecord, type Json } from './read.ts';

/** Those that tell of a call; what is asked of the socket. */
export const CALL_EVENTS = ['CHANNEL_CREATE', 'CHANNEL_ANSWER', 'CHANNEL_BRIDGE', 'CHANNEL_HOLD', 'CHANNEL_UNHOLD', 'CHANNEL_HANGUP_COMPLETE', 'RECORD_START', 'RECORD_STOP'] as const;
export type CallEventName = (typeof CALL_EVENTS)[number];

export interface CallEvent extends CallRecord {
  name: string;
  /** When it happened. */
  at: string | null;
  /** Of this event, among those of its leg: microseconds of its time. */
  number: string;
  recordingPath: string | null;
}

/** What a record has among its variables, an event has in its headers. */
const HEADERS = new Map([
  ['uuid', 'Unique-ID'], ['hangup_cause', 'Hangup-Cause'], ['start_uepoch', 'Caller-Channel-Created-Time'], ['answer_uepoch', 'Caller-Channel-Answered-Time'],
  ['bridge_uepoch', 'Caller-Channel-Bridged-Time'], ['end_uepoch', 'Caller-Channel-Hangup-Time'],
]);
const PROFILE = new Map([['caller_id_name', 'Caller-Caller-ID-Name'], ['caller_id_number', 'Caller-Caller-ID-Number'], ['destination_number', 'Caller-Destination-Number'], ['context', 'Caller-Context'], ['uuid', 'Unique-ID']]);

export const isEvent = (json: Json): boolean => typeof json['Event-Name'] === 'string';

export function eventIn(json: Json): CallEvent {
  const header = (name: string | undefined): string | null => (name === undefined ? null : plainText(json[name]));
  const micros = header('Event-Date-Timestamp');
  return {
    name: header('Event-Name') ?? '', at: plausibleMoment(Number(micros ?? NaN) / 1_000), number: micros ?? '', recordingPath: header('Record-File-Path'),
    variable: (name) => header(`variable_${name}`) ?? header(HEADERS.get(name)),
    profile: (name) => header(PROFILE.get(name)),
    direction: header('Call-Direction'),
    applications: [],
    originator: header('Other-Type') === 'originator' ? header('Other-Leg-Unique-ID') : null,
  };
}
