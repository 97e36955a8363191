// Pure: a webhook's body -> the single things that it tells, each with the entry that it came in.
// https://developers.facebook.com/docs/messenger-platform/webhooks, https://developers.facebook.com/docs/instagram-platform/webhooks/examples
import { at, idOf, isObject, listOf, textOf } from './messaging-read.ts';

export interface Told {
  /**
   * `messaging`: something between a customer and the account. `change`: a field of the Page or Instagram account that changed. `other`: neither.
   */
  as: 'messaging' | 'change' | 'other';
  content: unknown;
  /** The Page or Instagram account, as the entry names it; '0' in test events. */
  entryId: string | null;
  /** Of a change: which field. */
  field: string | null;
}

/**
 * Everything that the body tells, in its order. Beside the documented `{ object, entry: [{ messaging | standby | changes }] }` it takes what else is
 * seen of it: a list of such, one entry, one thing alone, an entry that is itself the change (comments by Instagram Login).
 */
export function toldIn(body: unknown, entryId: string | null = null): Told[] {
  if (Array.isArray(body)) return body.flatMap((one) => toldIn(one, entryId));
  const entries = at(body, 'entry');
  if (entries !== undefined) return toldIn(entries, entryId);
  const id = idOf(at(body, 'id')) ?? entryId;
  const lists = LISTS.map((name) => at(body, name)).filter((list) => list !== undefined);
  if (lists.length > 0) return lists.flatMap((list) => listOf(list).flatMap((one) => toldIn(one, id)));
  const [field, value] = [textOf(at(body, 'field')), at(body, 'value')];
  // A field of messaging (`messages`, `messaging_postbacks` …) comes so from the test button, with what else stands under `messaging`.
  if (field !== null && value !== undefined) return [{ as: isMessaging(value) ? 'messaging' : 'change', content: value, entryId: id, field }];
  if (isMessaging(body)) return [{ as: 'messaging', content: body, entryId, field: null }];
  // An entry without anything in it tells nothing.
  if (isObject(body) && Object.keys(body).every((name) => NAMES_ONLY.has(name))) return [];
  return [{ as: 'other', content: body, entryId, field: null }];
}

/** `standby`: what another app is to answer, which is said to us all the same. */
const LISTS = ['messaging', 'standby', 'changes'];
const NAMES_ONLY = new Set(['object', 'id', 'time', 'uid']);

const isMessaging = (value: unknown): boolean => isObject(at(value, 'sender')) || isObject(at(value, 'recipient'));
