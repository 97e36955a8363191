// Pure: where in a webhook's body something was told: of which business account and number, in which field.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
import type { ObservedAddress } from '../../channel.ts';
import { at, idOf, isObject, listOf, textOf } from '../../meta/messaging-read.ts';
import { address } from './customers.ts';

export interface Place {
  /** WhatsApp business account (`entry.id`). */
  wabaId: string | null;
  /** Our number's id (`metadata.phone_number_id`); null for what is of the whole business account. */
  account: string | null;
  ours: ObservedAddress[];
  /** `changes[].field`. */
  field: string | null;
  value: unknown;
  /** `entry.time`: of fields that hold none of their own. */
  time: unknown;
}

/**
 * Every change that the body holds, in its order. Beside the documented `{ object, entry: [{ id, changes: [{ field, value }] }] }` it takes what others
 * hand on of it: a list of entries, one change, its value alone.
 */
export function placesIn(body: unknown, entry: { id: string | null; time: unknown } = { id: null, time: undefined }): Place[] {
  if (Array.isArray(body)) return body.flatMap((one) => placesIn(one, entry));
  const entries = at(body, 'entry');
  if (entries !== undefined) return placesIn(listOf(entries), entry);
  const changes = at(body, 'changes');
  if (changes !== undefined) return placesIn(listOf(changes), { id: idOf(at(body, 'id')) ?? entry.id, time: at(body, 'time') ?? entry.time });
  const field = textOf(at(body, 'field'));
  const value = at(body, 'value');
  if (field !== null || value !== undefined) return [placeOf(entry, field, value)];
  return [placeOf(entry, null, body)];
}

function placeOf(entry: { id: string | null; time: unknown }, field: string | null, value: unknown): Place {
  const metadata = at(value, 'metadata');
  const account = idOf(at(metadata, 'phone_number_id'));
  const digits = (textOf(at(metadata, 'display_phone_number')) ?? '').replace(/[^0-9]/g, '');
  const ours = digits.length >= 3 ? address('phone', '', `+${digits}`, textOf(at(metadata, 'display_phone_number'))!) : account === null ? null : address('external_id', 'whatsapp_phone_number_id', account);
  return { wabaId: entry.id, account, ours: ours === null ? [] : [ours], field, value: isObject(value) || Array.isArray(value) ? value : {}, time: entry.time };
}
