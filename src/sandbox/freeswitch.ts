// A FreeSWITCH of the house: its event socket (mod_event_socket), the calls that it has, and the records that it posts of them (mod_json_cdr). Written from
// its documentation. https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/
import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { nowMs } from '../platform/clock.ts';
import { callWebhook, type WebhookAnswer } from './sandbox.ts';

export interface FakeCall {
  uuid: string;
  /** A phone of the house rings; gives its leg. */
  put(extension: string): FakeLeg;
  /** The caller is served by the house's machine, which can take a message. */
  machine(voicemailSeconds: number | null): void;
  recordTo(path: string): void;
  /** Ends it, by Q.850's word; the records are posted, the caller's last. Gives the door's answers; none where no records are posted. */
  hangUp(cause?: string): Promise<WebhookAnswer[]>;
}
export interface FakeLeg {
  uuid: string;
  answer(): void;
  hold(): void;
  resume(): void;
}

export interface FakeFreeswitch {
  port: number;
  password: string;
  /** Connections that are logged in. */
  readonly listeners: number;
  /** Every command that was taken, but for passwords. */
  commands: string[];
  /** Where records are posted; null: nowhere. */
  records: { url: string; username: string; password: string } | null;
  /** A call from outside begins to ring. */
  ring(call: { from: string; to: string; name?: string; uuid?: string; variables?: Record<string, string> }): FakeCall;
  /** What the phones of the house do when `originate` rings them. */
  onOriginate: (call: OriginatedCall) => void;
  /** Ends the connections, as a restart does. */
  drop(): void;
  heartbeat(): void;
  close(): Promise<void>;
}
/** A call that `originate` asked for: first a phone of the house rings, then whom it calls. */
export interface OriginatedCall {
  uuid: string;
  /** The dial string of the first phone, and what it was put through to. */
  phone: string;
  to: string;
  variables: Record<string, string>;
  /** The phone is picked up, and the other side is called; `answer` is of the other side. */
  pickUp(): FakeLeg;
  hangUp(cause?: string): Promise<WebhookAnswer[]>;
}

interface Listener {
  socket: Socket;
  isIn: boolean;
  events: Set<string>;
}
interface Leg {
  uuid: string;
  direction: 'inbound' | 'outbound';
  context: string;
  from: string;
  name: string;
  to: string;
  parent: Leg | null;
  variables: Record<string, string>;
  apps: [name: string, data: string][];
  startMs: number;
  answerMs: number;
  bridgeMs: number;
  endMs: number;
  heldMs: number;
  heldSinceMs: number;
}

export async function fakeFreeswitch(o: { port?: number; password?: string; now?: () => number } = {}): Promise<FakeFreeswitch> {
  const now = o.now ?? nowMs;
  const password = o.password ?? 'ClueCon';
  const listeners = new Set<Listener>();
  const server = createServer((socket) => {
    const listener: Listener = { socket, isIn: false, events: new Set() };
    listeners.add(listener);
    socket.on('close', () => listeners.delete(listener)).on('error', () => socket.destroy());
    let text = '';
    socket.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const command = text.slice(0, end).trim();
        text = text.slice(end + 2);
        if (command !== '') take(listener, command);
      }
    });
    socket.write('Content-Type: auth/request\n\n');
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(o.port ?? 0, '127.0.0.1', resolve));

  const reply = ({ socket }: Listener, text: string, more = ''): void => void socket.write(`Content-Type: command/reply\nReply-Text: ${text}\n${more}\n`);
  function take(listener: Listener, command: string): void {
    const [word, ...rest] = command.split(/\s+/);
    if (word === 'auth') {
      listener.isIn = rest[0] === password;
      if (listener.isIn) return reply(listener, '+OK accepted');
      reply(listener, '-ERR invalid');
      return notice(listener);
    }
    if (!listener.isIn) return reply(listener, '-ERR command not found');
    fake.commands.push(command);
    if (word === 'event' && rest[0] === 'json') {
      for (const name of rest.slice(1)) listener.events.add(name);
      return reply(listener, '+OK event listener enabled json');
    }
    if (word === 'bgapi' && rest[0] === 'originate') {
      const job = randomUUID();
      reply(listener, `+OK Job-UUID: ${job}`, `Job-UUID: ${job}\n`);
      return originate(command.slice('bgapi originate'.length).trim());
    }
    reply(listener, '-ERR command not found');
  }
  function notice({ socket }: Listener): void {
    const body = 'Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n';
    socket.end(`Content-Type: text/disconnect-notice\nContent-Length: ${body.length}\n\n${body}`);
  }

  function emit(name: string, leg: Leg | null, more: Record<string, string> = {}): void {
    const json = Buffer.from(JSON.stringify({ 'Event-Name': name, 'Core-UUID': CORE, 'Event-Date-Timestamp': micros(now()), ...(leg ? headersOf(leg) : {}), ...more }));
    for (const { socket, isIn, events } of listeners) {
      if (isIn && (events.has(name) || events.has('ALL'))) socket.write(Buffer.concat([Buffer.from(`Content-Length: ${json.length}\nContent-Type: text/event-json\n\n`), json]));
    }
  }

  function newLeg(leg: Pick<Leg, 'direction' | 'context' | 'from' | 'name' | 'to' | 'parent'> & Partial<Leg>): Leg {
    const made: Leg = { uuid: randomUUID(), variables: {}, apps: [], startMs: now(), answerMs: 0, bridgeMs: 0, endMs: 0, heldMs: 0, heldSinceMs: 0, ...leg };
    emit('CHANNEL_CREATE', made);
    return made;
  }
  function answered(leg: Leg): void {
    if (leg.answerMs !== 0) return;
    leg.answerMs = now();
    emit('CHANNEL_ANSWER', leg);
  }
  /** The B leg was picked up: so is what called it, and both are joined. */
  function joined(a: Leg, b: Leg): void {
    answered(b);
    answered(a);
    a.bridgeMs = b.bridgeMs = now();
    emit('CHANNEL_BRIDGE', a, { 'Other-Type': 'originatee', 'Other-Leg-Unique-ID': b.uuid, 'Bridge-A-Unique-ID': a.uuid, 'Bridge-B-Unique-ID': b.uuid });
  }
  async function ended(legs: Leg[], cause: string): Promise<WebhookAnswer[]> {
    const answers: WebhookAnswer[] = [];
    for (const leg of legs) {
      leg.endMs = now();
      leg.variables.hangup_cause = leg.parent && leg.answerMs === 0 && cause === 'NORMAL_CLEARING' ? 'ORIGINATOR_CANCEL' : cause;
      emit('CHANNEL_HANGUP_COMPLETE', leg, { 'Hangup-Cause': leg.variables.hangup_cause });
    }
    for (const leg of legs) if (fake.records) answers.push(await callWebhook(fake.records.url, `cdr=${encodeURIComponent(JSON.stringify(recordOf(leg)))}`, {
      'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${Buffer.from(`${fake.records.username}:${fake.records.password}`).toString('base64')}`,
    }));
    return answers;
  }
  const phoneOf = (a: Leg, b: Leg): FakeLeg => ({
    uuid: b.uuid,
    answer: () => joined(a, b),
    hold: () => {
      b.heldSinceMs = now();
      emit('CHANNEL_HOLD', b);
    },
    resume: () => {
      a.heldMs += now() - b.heldSinceMs;
      emit('CHANNEL_UNHOLD', b);
    },
  });

  /** `{variables}phone &bridge({variables}sofia/gateway/…/number)`: the form that the API writes. */
  function originate(text: string): void {
    const [, variables = '', phone = '', to = ''] = /^\{([^}]*)\}(\S+) &bridge\((?:\{[^}]*\})?(\S+)\)$/.exec(text) ?? [];
    if (phone === '') return;
    const given = Object.fromEntries(variables.split(',').map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
    const a = newLeg({
      ...(given.origination_uuid ? { uuid: given.origination_uuid } : {}), direction: 'outbound', context: 'default', from: given.origination_caller_id_number ?? '', name: given.origination_caller_id_name ?? '', to: phone.split('/').at(-1)!, parent: null, variables: given,
    });
    const legs = [a];
    fake.onOriginate({
      uuid: a.uuid, phone, to, variables: given,
      pickUp() {
        answered(a);
        const b = newLeg({ direction: 'outbound', context: 'default', from: given.effective_caller_id_number ?? a.from, name: '', to: to.split('/').at(-1)!, parent: a });
        legs.unshift(b);
        return phoneOf(a, b);
      },
      hangUp: (cause = 'NORMAL_CLEARING') => ended(legs, cause),
    });
  }

  const fake: FakeFreeswitch = {
    port: (server.address() as AddressInfo).port, password, commands: [], records: null, onOriginate: () => {},
    get listeners() {
      return [...listeners].filter(({ isIn, events }) => isIn && events.size > 0).length;
    },
    ring({ from, to, name = from, uuid, variables = {} }) {
      const a = newLeg({ direction: 'inbound', context: 'public', from, name, to, parent: null, variables: { sip_req_user: to, ...variables }, ...(uuid === undefined ? {} : { uuid }) });
      const legs = [a];
      return {
        uuid: a.uuid,
        put(extension) {
          a.apps.push(['bridge', `user/${extension}`]);
          const b = newLeg({ direction: 'outbound', context: 'default', from, name, to: extension, parent: a });
          legs.unshift(b);
          return phoneOf(a, b);
        },
        machine(seconds) {
          a.apps.push(['answer', ''], ['voicemail', 'default sip.example 200']);
          answered(a);
          if (seconds !== null) Object.assign(a.variables, { voicemail_message_len: String(seconds), voicemail_file_path: `/var/lib/freeswitch/voicemail/${a.uuid}.wav` });
        },
        recordTo(path) {
          a.apps.push(['record_session', path]);
          emit('RECORD_START', a, { 'Record-File-Path': path });
        },
        hangUp: async (cause = 'NORMAL_CLEARING') => {
          for (const [, path] of a.apps.filter(([app]) => app === 'record_session')) {
            a.variables.record_ms = String(now() - a.bridgeMs);
            emit('RECORD_STOP', a, { 'Record-File-Path': path });
          }
          return ended(legs, cause);
        },
      };
    },
    drop: () => {
      for (const listener of listeners) notice(listener);
    },
    heartbeat: () => emit('HEARTBEAT', null, { 'Event-Info': 'System Ready' }),
    close: async () => {
      clearInterval(beating);
      for (const { socket } of listeners) socket.destroy();
      await new Promise<void>((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
    },
  };
  const beating = setInterval(() => fake.heartbeat(), 20_000).unref();
  return fake;
}

const CORE = randomUUID();
const micros = (ms: number): string => String(Math.round(ms * 1_000));

/** What an event says of a leg: its caller's profile, its times, and its variables. */
function headersOf(leg: Leg): Record<string, string> {
  return {
    'Channel-Name': `sofia/external/${leg.from}@sip.example`, 'Unique-ID': leg.uuid, 'Channel-Call-UUID': leg.parent?.uuid ?? leg.uuid, 'Call-Direction': leg.direction, 'Answer-State': leg.endMs ? 'hangup' : leg.answerMs ? 'answered' : 'ringing',
    'Caller-Direction': leg.direction, 'Caller-Caller-ID-Name': leg.name, 'Caller-Caller-ID-Number': leg.from, 'Caller-Destination-Number': leg.to, 'Caller-Context': leg.context, 'Caller-Unique-ID': leg.uuid,
    'Caller-Channel-Created-Time': micros(leg.startMs), 'Caller-Channel-Answered-Time': micros(leg.answerMs), 'Caller-Channel-Bridged-Time': micros(leg.bridgeMs), 'Caller-Channel-Hangup-Time': micros(leg.endMs),
    ...(leg.parent ? { 'Other-Type': 'originator', 'Other-Leg-Unique-ID': leg.parent.uuid } : {}),
    ...Object.fromEntries(Object.entries(variablesOf(leg)).map(([name, value]) => [`variable_${name}`, value])),
  };
}

/** Its times are among the variables once it ended. */
function variablesOf(leg: Leg): Record<string, string> {
  const times = { start: leg.startMs, answer: leg.answerMs, bridge: leg.bridgeMs, end: leg.endMs };
  return {
    uuid: leg.uuid, direction: leg.direction, ...(leg.parent ? { originating_leg_uuid: leg.parent.uuid } : {}), ...leg.variables,
    ...(leg.endMs === 0 ? {} : { ...Object.fromEntries(Object.entries(times).flatMap(([name, ms]) => [[`${name}_epoch`, String(Math.floor(ms / 1_000))], [`${name}_uepoch`, micros(ms)]])), hold_accum_usec: micros(leg.heldMs) }),
  };
}

/** As mod_json_cdr writes it, its values percent-encoded. */
function recordOf(leg: Leg): object {
  const encoded = (of: Record<string, string>) => Object.fromEntries(Object.entries(of).map(([name, value]) => [name, encodeURIComponent(value)]));
  return {
    'core-uuid': CORE, switchname: 'sandbox', channel_data: { state: 'CS_REPORTING', direction: leg.direction, state_number: '11' },
    variables: encoded(variablesOf(leg)),
    app_log: { applications: leg.apps.map(([app_name, app_data]) => ({ app_name, app_data })) },
    callflow: [{
      dialplan: 'XML', profile_index: '1',
      caller_profile: { ...encoded({ caller_id_name: leg.name, caller_id_number: leg.from, destination_number: leg.to, context: leg.context }), uuid: leg.uuid, ...(leg.parent ? { originator: { originator_caller_profiles: [{ uuid: leg.parent.uuid }] } } : {}) },
    }],
  };
}
