import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

test('every array type that is told is the one of the catalogue, and reads elements as the type is read', async () => {
  const elements: [type: string, text: string][] = [
    ['bool', 't'], ['bytea', '\\x00ff'], ['char', 'x'], ['name', 'n'], ['int8', '9007199254740991'], ['int2', '-2'], ['int4', '7'], ['text', 'NULL'], ['oid', '26'], ['json', '{"a":["b"]}'],
    ['float4', '1.5'], ['float8', '2.5'], ['bpchar', 'c'], ['varchar', ''], ['date', '2026-01-02'], ['timestamp', '2026-01-02 03:04:05.678'], ['timestamptz', '2026-01-02 03:04:05.678+02'],
    ['numeric', '1.10'], ['uuid', '019a0000-0000-7000-8000-000000000000'], ['jsonb', '{"a": "\\\\{,}\\""}'],
  ];
  for (const [type, text] of elements) {
    const name = db.owner(type);
    const [one] = await db.app`select cast(${text}::text as pg_catalog.${name}) as value`;
    const [many] = await db.app`select array[cast(${text}::text as pg_catalog.${name}), null] as values`;
    expect(many!.values, type).toEqual([one!.value, null]);
    // The driver takes an array that begins with a boolean for a boolean, so a null begins it.
    const [back] = await db.app`select ${[null, one!.value]}::${db.owner(`_${type}`)}::text = array[null, cast(${text}::text as pg_catalog.${name})]::text as same`;
    expect(back!.same, type).toBe(true);
  }
});

test('arrays of any texts, of nulls, of arrays, and empty ones come back as they went', async () => {
  const text = fc.string({ unit: 'grapheme' }).map((one) => one.replaceAll('\0', ''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text)), fc.array(fc.tuple(text, text), { minLength: 1 }), async (texts, nested) => {
      const [row] = await db.app`select ${texts}::text[] as texts, ${nested}::text[] as nested, cardinality(${texts}::text[]) as length`;
      expect(row).toEqual({ texts, nested, length: texts.length });
    }),
    { numRuns: 100 },
  );
});
