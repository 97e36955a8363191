// Pure: what Twilio shall do with a call. The answer can't look at the account, so the orders stand in the address that is configured as the
// number's webhook; they are under Twilio's signature, so nobody else can give any:
//   forward=+15551234567   whom to ring; repeated: all at once (numbers, `sip:…`, `client:…`; ten at most)
//   voicemail=…            what is said when nobody answers, before the tone; without `forward`, at once
//   record=true            forwarded calls are recorded
//   transcribe=true        what was left on voicemail is transcribed
// With none of them a call is rejected: unlike an empty answer, which picks up and hangs up, that costs nothing and isn't counted as answered.
import { Unparsable, type HttpReply, type RawRequest } from '../channel.ts';
import { readFields, type Fields } from '../twilio/form.ts';
import { element, emptyTwiml, twiml, type Xml } from '../twilio/twiml.ts';
import { shapeOf } from './parse.ts';

const RING_SECONDS = 25;
const VOICEMAIL_SECONDS_MAX = 180;
/** As many as <Dial> takes. */
const FORWARD_MAX = 10;

export function respondVoice(request: RawRequest): HttpReply {
  let fields: Fields;
  try {
    fields = readFields(request);
  } catch (error) {
    if (error instanceof Unparsable) return emptyTwiml();
    throw error;
  }
  const orders = ordersOf(request.url, fields.phone('To') ?? fields.phone('Called'));
  const shape = shapeOf(fields);
  const rings = fields.text('CallStatus') === 'ringing' && (fields.text('Direction') ?? 'inbound') === 'inbound';
  if (shape === 'instructions' && rings) {
    if (orders.forward.length > 0) return twiml(dial(orders));
    return orders.voicemail === null ? twiml(element('Reject')) : twiml(...voicemail(orders));
  }
  const unanswered = shape === 'dial_action' && !['completed', 'answered'].includes(fields.text('DialCallStatus')!);
  // With answerOnBridge the caller of an unanswered <Dial> is still `ringing`; any other state: he hung up.
  const stillThere = ['in-progress', 'ringing'].includes(fields.text('CallStatus') ?? '');
  return unanswered && stillThere && orders.voicemail !== null ? twiml(...voicemail(orders)) : emptyTwiml();
}

interface Orders {
  forward: Xml[];
  voicemail: string | null;
  record: boolean;
  transcribe: boolean;
  /** Our address with the orders, and the account, which callbacks about a leg or a recording don't name. */
  callback: string;
}

function ordersOf(address: string, account: string | null): Orders {
  const url = new URL(address);
  const given = url.searchParams;
  const callback = new URL(url);
  callback.search = '';
  for (const name of ['forward', 'voicemail', 'record', 'transcribe']) {
    for (const value of given.getAll(name)) callback.searchParams.append(name, value);
  }
  const named = account ?? given.get('account');
  if (named !== null) callback.searchParams.set('account', named);
  return {
    forward: given.getAll('forward').slice(0, FORWARD_MAX).flatMap((to) => target(to, callback.href)),
    voicemail: given.get('voicemail'),
    record: given.get('record') === 'true',
    transcribe: given.get('transcribe') === 'true',
    callback: callback.href,
  };
}

/** A noun of <Dial>, which reports the leg as it goes; none for what can't be dialled. A `+` that wasn't encoded has become a blank. */
function target(to: string, callback: string): Xml[] {
  const reports = { statusCallback: callback, statusCallbackEvent: 'initiated ringing answered completed', statusCallbackMethod: 'POST' };
  const number = to.replace(/^ /, '+');
  if (/^\+[1-9]\d{6,14}$/.test(number)) return [element('Number', reports, number)];
  if (/^sips?:[^\s@]+@\S+$/i.test(to)) return [element('Sip', reports, to)];
  if (/^client:\S+$/i.test(to)) return [element('Client', reports, to.slice('client:'.length))];
  return [];
}

const dial = ({ forward, record, callback }: Orders): Xml =>
  // The caller's call is answered when a person answers, so that its times are true.
  element('Dial', {
    answerOnBridge: 'true', timeout: RING_SECONDS, action: callback, method: 'POST',
    ...(record ? { record: 'record-from-answer-dual', ...recordingReports(callback, 'in-progress completed absent') } : {}),
  }, ...forward);

const voicemail = ({ voicemail: greeting, transcribe, callback }: Orders): Xml[] => [
  element('Say', {}, greeting ?? ''),
  element('Record', {
    action: callback, method: 'POST', maxLength: VOICEMAIL_SECONDS_MAX, playBeep: 'true', ...recordingReports(callback, 'completed absent'),
    ...(transcribe ? { transcribe: 'true', transcribeCallback: callback } : {}),
  }),
];

const recordingReports = (callback: string, events: string) => ({ recordingStatusCallback: callback, recordingStatusCallbackEvent: events });
