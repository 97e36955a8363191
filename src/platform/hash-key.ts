// The key under which addresses are hashed to be compared (inbound keys, lanes, reply addresses, cursors): made once a database, kept there sealed.
import { now } from './clock.ts';
import type { Sql } from './db.ts';
import { firstHashKey, isSealedAnew, open, seal, useHashKey } from './secrets.ts';

const PLACE = 'server_keys hash';

/**
 * Takes the database's hash key into use, or makes it: a database of before hashes on as it did. `system` is a pool of the system's role.
 * @throws Error when it was sealed under a SECRET_KEY that isn't known: the server must not start and take every redelivery for new.
 */
export async function loadHashKey(system: Sql): Promise<void> {
  await system`insert into server_keys (name, sealed, created_at) values ('hash', ${seal(firstHashKey(), PLACE)}, ${now()}) on conflict do nothing`;
  const [row] = await system<{ sealed: Buffer }[]>`select sealed from server_keys where name = 'hash'`;
  useHashKey(open(row!.sealed, PLACE));
}

/** Seals it under the present SECRET_KEY; whether it wasn't yet. */
export async function resealHashKey(system: Sql): Promise<boolean> {
  return system.begin(async (tx) => {
    const [row] = await tx<{ sealed: Buffer }[]>`select sealed from server_keys where name = 'hash' for update`;
    if (!row || isSealedAnew(row.sealed)) return false;
    await tx`update server_keys set sealed = ${seal(open(row.sealed, PLACE), PLACE)} where name = 'hash'`;
    return true;
  });
}
