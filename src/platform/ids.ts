// Ids: a UUIDv7 made here (PostgreSQL 15 makes none), shown as `<prefix>_<32 hex digits>`.
import { randomFillSync } from 'node:crypto';
import { nowMs } from './clock.ts';

const ID_BYTES = 16;
/** Random bytes of the ids to come: asking the system for each alone takes longer than all else of an id. */
const random = Buffer.alloc(256 * ID_BYTES);
let used = random.length;
/** So far the clock may step back without an id that sorts before the one made last. */
const STEP_BACK_MS_MAX = 100;
const COUNT_MAX = 0xfff;
/** The millisecond of the last id, and its number in it. */
let at = 0;
let count = 0;

/**
 * A new UUIDv7 (RFC 9562, 5.7 and 6.2): 48 bits of milliseconds, 12 of a counter in the millisecond, then random bits. Of one process, ids made later
 * sort later: what is made in an order keeps it where nothing else tells which came first.
 */
export function newId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const bytes = random.subarray(used, (used += ID_BYTES));
  const ms = nowMs();
  if (ms > at || ms < at - STEP_BACK_MS_MAX) {
    at = ms;
    // Of several processes in one millisecond none is always first.
    count = bytes[7]!;
  } else if (++count > COUNT_MAX) {
    at++;
    count = 0;
  }
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt16BE(0x7000 | count, 6);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return dashed(bytes.toString('hex'));
}

/** `cus` and a UUID -> `cus_<32 hex>`. */
export const publicId = (prefix: string, uuid: string): string => `${prefix}_${uuid.replaceAll('-', '')}`;

/** `cus_<32 hex>` -> the UUID; null when `id` isn't an id of that prefix. */
export function uuidOf(prefix: string, id: string): string | null {
  const hex = id.slice(prefix.length + 1);
  return id.startsWith(`${prefix}_`) && /^[0-9a-f]{32}$/.test(hex) ? dashed(hex) : null;
}

const dashed = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
