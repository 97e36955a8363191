// Which failures mean that PostgreSQL went away for a while, so that waiting and asking again is right.
import { sqlState } from './sql-state.ts';

/** postgres.js' own and the system's (a socket; ETIMEDOUT is also what silence.ts ends one with), then PostgreSQL's: shut down, crashed, starting, too many clients, a session that was ended because it stood still. */
const LOST = new Set([
  'CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT',
  'ECONNABORTED', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'ENOENT', 'ETIMEDOUT',
  '57P01', '57P02', '57P03', '57P05', '53300', '25P03', '25P04',
]);

/** Whether the connection was lost or refused: the same statement may succeed in a moment. False after the pool was closed. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && (LOST.has(state) || /^08...$/.test(state));
}
