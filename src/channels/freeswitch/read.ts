// Pure: what FreeSWITCH posts as a call's record -> its values, each as a text; its events are read by event.ts into the same. https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_json_cdr_1048925
import { Unparsable, type RawRequest } from '../channel.ts';

export type Json = Record<string, unknown>;

/** What is known of one leg of a call. */
export interface CallRecord {
  /** A channel variable, decoded; null when it is missing or empty. */
  variable(name: string): string | null;
  /** Of the caller's profile, the newest one: `caller_id_number`, `destination_number`, `context` …. */
  profile(name: string): string | null;
  direction: string | null;
  /** What the dialplan did, in order, as far as it is told. */
  applications: { name: string; data: string }[];
  /** The leg that made this one. */
  originator: string | null;
}

/** The object in the body: `cdr=` of a form (mod_json_cdr's `encode`), base64 of it, or the JSON alone. @throws Unparsable */
export function readObject(request: RawRequest): Json {
  const body = request.body.toString('utf8');
  const isForm = /^\s*cdr=/.test(body);
  const isBase64 = /base64/i.test(request.headers['content-type'] ?? '');
  const text = !isForm ? body : isBase64 ? Buffer.from(body.trim().slice('cdr='.length), 'base64').toString('utf8') : (new URLSearchParams(body).get('cdr') ?? '');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Unparsable('The body is not a call\'s record: JSON, or a form whose `cdr` is JSON.');
  }
  return objectIn(json) ?? {};
}

/** @throws Unparsable */
export function recordIn(whole: Json): CallRecord {
  const variables = objectIn(whole.variables);
  if (!variables) throw new Unparsable('The record has no `variables`.');
  const flow = Array.isArray(whole.callflow) ? objectIn(whole.callflow[0]) : objectIn(whole.callflow);
  const profile = objectIn(flow?.caller_profile);
  const apps = objectIn(whole.app_log)?.applications;
  return {
    variable: (name) => textOf(variables[name]),
    profile: (name) => textOf(profile?.[name]),
    direction: textOf(objectIn(whole.channel_data)?.direction) ?? textOf(variables.direction),
    applications: (Array.isArray(apps) ? apps : []).flatMap((app) => {
      const name = textOf(objectIn(app)?.app_name);
      return name === null ? [] : [{ name, data: textOf(objectIn(app)?.app_data) ?? '' }];
    }),
    originator: uuidOf(objectIn(profile?.originator)),
  };
}

/** `{ "originator_caller_profiles": [{ "uuid": … }] }`. */
function uuidOf(holder: Json | null): string | null {
  for (const list of Object.values(holder ?? {})) {
    for (const one of Array.isArray(list) ? list : [list]) {
      const uuid = textOf(objectIn(one)?.uuid);
      if (uuid !== null) return uuid;
    }
  }
  return null;
}

const objectIn = (value: unknown): Json | null => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : null);

/** Values are percent-encoded unless the module was told otherwise; a `%` that begins no code stands for itself. */
const textOf = (value: unknown): string | null => plainText(typeof value === 'string' ? decoded(value) : value);

/** A value as it stands; null when it is none, or empty. */
export function plainText(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return null;
  // NUL and halves of surrogate pairs can't be kept.
  const text = value.replaceAll('\0', '').toWellFormed().trim();
  return text === '' ? null : text;
}
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-fA-F]{2})/g, '%25'));
  } catch {
    return text;
  }
}
