/** What lies outside is no moment that anything happened at: a counter, seconds taken for milliseconds, a clock that was never set. */
const EARLIEST_MS = Date.UTC(2000, 0);
const LATEST_MS = Date.UTC(2100, 0);

/** RFC 3339, in milliseconds and UTC; null for anything that is no number or no moment from 2000 to 2099. */
export const plausibleMoment = (ms: number): string | null => (ms >= EARLIEST_MS && ms < LATEST_MS ? new Date(Math.trunc(ms)).toISOString() : null);
