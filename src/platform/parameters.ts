// A parameter that is undefined makes postgres.js fail the statement that is running, not the one that it belongs to, and from then on every
// answer of that connection goes to the wrong statement (3.4.9, connection.js, execute). So none gets that far.
import type postgres from 'postgres';

/** The same pool or transaction; a statement with an undefined parameter throws a TypeError before anything is sent. */
export function withoutUndefined<T extends postgres.Sql | postgres.TransactionSql | postgres.ReservedSql>(sql: T): T {
  return new Proxy(sql, {
    apply(target, _this, args: unknown[]) {
      if (isTemplate(args[0])) args.forEach((arg, i) => refuseUndefined(arg, i, args[0] as TemplateStringsArray));
      return (target as unknown as (...all: unknown[]) => unknown)(...args);
    },
    get(target, property) {
      const inside = (target as unknown as Record<PropertyKey, (...all: unknown[]) => unknown>)[property]!;
      if (property === 'begin' || property === 'savepoint') {
        return (...args: unknown[]) => {
          const work = args.pop() as (tx: postgres.TransactionSql) => unknown;
          return inside(...args, (tx: postgres.TransactionSql) => work(withoutUndefined(tx)));
        };
      }
      if (property === 'reserve') return async () => withoutUndefined((await inside()) as postgres.ReservedSql);
      if (property === 'unsafe') {
        return (text: string, parameters: unknown[] = [], ...rest: unknown[]) => {
          if (parameters.includes(undefined)) throw new TypeError(`Parameter ${parameters.indexOf(undefined) + 1} of a statement is undefined.`);
          return inside(text, parameters, ...rest);
        };
      }
      return inside;
    },
  });
}

const isTemplate = (value: unknown): boolean => Array.isArray(value) && 'raw' in value;

function refuseUndefined(arg: unknown, at: number, statement: TemplateStringsArray): void {
  if (!holdsUndefined(arg)) return;
  const before = (statement[at - 1] ?? '').trim().slice(-60);
  throw new TypeError(`Parameter ${at} of a statement is undefined, after "${before}".`);
}

/** Of a value, of `sql(rows)` and `sql(row, columns)`, and of `sql.json(value)` and `sql.typed(value)`. Fragments were looked at when they were made. */
function holdsUndefined(arg: unknown): boolean {
  if (arg === undefined) return true;
  if (arg === null || typeof arg !== 'object') return false;
  if ('first' in arg && 'rest' in arg) return inBuilder(arg.first, (arg.rest as unknown[]).flat() as string[]);
  return 'value' in arg && 'type' in arg && 'array' in arg && arg.value === undefined;
}

function inBuilder(first: unknown, columns: string[]): boolean {
  if (Array.isArray(first)) return first.some((row) => holdsUndefined(row) || inBuilder(row, columns));
  if (first === null || typeof first !== 'object' || Object.getPrototypeOf(first) !== Object.prototype) return false;
  const row = first as Record<string, unknown>;
  return (columns.length ? columns : Object.keys(row)).some((column) => holdsUndefined(row[column]));
}
