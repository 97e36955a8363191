// A cursor is the order's values of its row, joined by dots after a tag of the order: no look-up is needed, and it stays valid when the row
// moves or goes. Clients may not look into it.
import { createHash } from 'node:crypto';
import { Refusal } from '../platform/errors.ts';
import type { Catalogue } from './catalogue.ts';
import type { Many, Order } from './entity.ts';
import { hex } from './text.ts';

interface Part {
  /** SQL of the value's text. */
  out: (expression: string) => string;
  /** The value for `$n::cast`; null when the text is none. */
  read: (text: string) => string | null;
  cast: string;
}
/** Every value of the type, and no other: the timeline's `tie` uses all 31 bits. */
const integer = (cast: string, bits: number): Part => ({
  out: (e) => `${e}::text`,
  read: (text) => (/^-?\d{1,19}$/.test(text) && BigInt.asIntN(bits, BigInt(text)) === BigInt(text) ? text : null),
  cast,
});
const PARTS: Record<string, Part> = {
  uuid: { out: hex, read: (text) => (/^[0-9a-f]{32}$/.test(text) ? text : null), cast: 'uuid' },
  smallint: integer('int2', 16),
  integer: integer('int4', 32),
  bigint: integer('int8', 64),
  boolean: {
    out: (e) => `${e}::int4::text`,
    read: (text) => (text === '1' ? 'true' : text === '0' ? 'false' : null),
    cast: 'text::boolean',
  },
  text: {
    out: (e) => `encode(convert_to(${e}, 'UTF8'), 'hex')`,
    read: (text) => {
      const value = Buffer.from(text, 'hex').toString('utf8');
      return Buffer.from(value, 'utf8').toString('hex') === text && !value.includes('\0') ? value : null;
    },
    cast: 'text',
  },
  'timestamp(3) with time zone': {
    out: (e) => `to_char(${e} at time zone 'UTC', 'YYYYMMDDHH24MISSMS')`,
    read: (text) => {
      const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(text);
      if (!parts) return null;
      const [, year, month, day, hour, minute, second, ms] = parts;
      const moment = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`;
      const at = Date.parse(moment);
      return !Number.isNaN(at) && new Date(at).toISOString() === moment && year !== '0000' ? moment : null;
    },
    cast: 'timestamptz',
  },
};

/** The columns by which an order sorts, `id` last, so that no two rows tie. */
export const orderColumns = (order: Order): string[] => [...order.columns.filter((name) => name !== 'id'), 'id'];

const partsOf = (list: Many, order: Order, catalogue: Catalogue): Part[] =>
  orderColumns(order).map((name) => PARTS[catalogue.typeOf(list.target().table, name)!]!);
export const orderCasts = (list: Many, order: Order, catalogue: Catalogue): string[] =>
  partsOf(list, order, catalogue).map((part) => part.cast);

const tags = new WeakMap<Order, string>();
/** Four digits that tell one order from another, so that a cursor of another list is refused and not taken for a place. */
export function tagOf(list: Many, order: Order): string {
  let tag = tags.get(order);
  if (!tag) {
    const text = [list.target().name, order.descending, ...orderColumns(order)].join(' ');
    tags.set(order, (tag = createHash('sha256').update(text).digest('hex').slice(0, 4)));
  }
  return tag;
}

/** SQL of the cursor of the row under the alias `row`. */
export function cursorSql(list: Many, order: Order, row: string, catalogue: Catalogue): string {
  const names = orderColumns(order);
  const parts = partsOf(list, order, catalogue).map((part, i) => part.out(`${row}.${names[i]}`));
  return `'${tagOf(list, order)}.'||${parts.join(`||'.'||`)}`;
}

/** The order's values. @throws Refusal INVALID_CURSOR when this order of this list gave no such cursor. */
export function readCursor(list: Many, order: Order, text: string, catalogue: Catalogue): string[] {
  const parts = partsOf(list, order, catalogue);
  const [tag, ...texts] = text.split('.');
  const values = texts.slice(0, parts.length).map((value, i) => parts[i]!.read(value));
  if (tag !== tagOf(list, order) || texts.length !== parts.length || values.includes(null)) {
    const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
    throw new Refusal('INVALID_CURSOR', `'${shown}' is no cursor of this list in this order. Start again without it.`);
  }
  return values as string[];
}
