// Who is who in a delivery: X puts the users that it speaks of beside the events.
import type { ObservedAddress } from '../channel.ts';
import { USER_ID } from './account.ts';
import { fieldsOf, idOf, isFields, listOf, textOf } from './payload.ts';

interface Person {
  name: string | null;
  username: string | null;
}
export type People = ReadonlyMap<string, Person>;

/**
 * The users of a delivery by id. Account Activity has `{ id: { name, screen_name } }`, X Activity `{ id: { data: { name, username } } }`, and its
 * `includes.users` is a list of either form.
 */
export function peopleOf(...places: unknown[]): People {
  const people = new Map<string, Person>();
  for (const place of places) {
    const users = isFields(place) ? Object.entries(place) : listOf(place).map((user): [string | null, unknown] => [null, user]);
    for (const [key, user] of users) {
      const fields = fieldsOf(fieldsOf(user).data ?? user);
      const id = key ?? idOf(fields.id);
      if (id !== null) people.set(id, { name: textOf(fields.name), username: textOf(fields.username) ?? textOf(fields.screen_name) });
    }
  }
  return people;
}

/**
 * The user as an address: his numeric id, since his name and his handle can change and be taken by another. X itself says who sent, in a delivery
 * that it signed. Null for what is no user's id.
 */
export function observedUser(id: string | null, people: People): ObservedAddress | null {
  if (id === null || !USER_ID.test(id)) return null;
  const person = people.get(id);
  const username = person?.username ?? null;
  return {
    kind: 'x_user_id', namespace: '', value: id, valueRaw: id, trust: 'attested', displayName: person?.name ?? (username === null ? null : `@${username}`),
    ...(username === null ? {} : { username }),
  };
}

export const present = <T>(value: T | null): T[] => (value === null ? [] : [value]);
