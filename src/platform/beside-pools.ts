// One connection beside the pools, for asking the server about its sessions when the pools' own connections may be dead.
import type { Socket } from 'node:net';
import postgres from 'postgres';
import { withArrayTypes } from './array-types.ts';
import type { Sql } from './db.ts';
import { dial } from './dial.ts';

/** To be made, and to be answered. */
const ANSWER_MS_MAX = 3_000;

/**
 * Does `work` over a new connection of the login itself (sessions' states are shown to nobody else), in three seconds at most. Null, and nothing is done,
 * where something between us and the server gives out numbers of sessions of its own, which say nothing.
 * @throws ETIMEDOUT when nobody answers in time, and whatever `work` throws
 */
export async function besidePools<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T | null> {
  let socket: Socket | undefined;
  const sql = withArrayTypes(postgres(url, {
    max: 1, connect_timeout: ANSWER_MS_MAX / 1_000, fetch_types: false, prepare: false, onnotice: () => {}, connection: { application_name: 'throughline watch', statement_timeout: ANSWER_MS_MAX },
    ...dial(url, (stream) => (socket = stream)),
  }) as unknown as Sql);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(Object.assign(new Error('PostgreSQL did not answer.'), { code: 'ETIMEDOUT' })), ANSWER_MS_MAX)));
  const asked = async (): Promise<T | null> => {
    const rows = await sql<{ me: number }[]>`select pg_backend_pid() as me`;
    return rows.state.pid === rows[0]!.me ? work(sql) : null;
  };
  try {
    return await Promise.race([asked(), late]);
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 0 }).catch(() => {});
    socket?.destroy();
  }
}
