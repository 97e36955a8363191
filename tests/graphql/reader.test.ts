import { afterAll, beforeAll, expect, it } from 'vitest';
import { Refusal } from '../../src/platform/errors.ts';
import { openPool } from '../../src/platform/db.ts';
import { PreparedTexts, ReadPool } from '../../src/graphql/reader.ts';
import { makeGraph } from '../../src/graphql/execute.ts';
import { testGraph, type TestGraph } from './graph.ts';
import { viewerOf } from './tables.ts';

let t: TestGraph;
beforeAll(async () => {
  t = await testGraph();
});
afterAll(() => t.db.close());

it('a text is prepared from its third use', () => {
  const texts = new PreparedTexts();
  expect([1, 2, 3, 4].map(() => texts.use('select 1'))).toEqual([false, false, true, true]);
});
it('no more texts are prepared than a connection may hold, and only one unused for longer than a connection lives gives way', () => {
  let at = 0;
  const texts = new PreparedTexts(2, () => at);
  const thrice = (text: string) => [1, 2, 3].map(() => texts.use(text)).at(-1);
  expect([thrice('a'), thrice('b'), thrice('c')]).toEqual([true, true, false]);
  at = 66 * 60_000;
  texts.use('b');
  expect(thrice('c')).toBe(true);
  expect(texts.use('a')).toBe(false);
  expect(texts.use('b')).toBe(true);
});
it('who waits too long for a connection is refused as OVERLOADED, and the next is served', async () => {
  const sql = openPool({ url: t.db.url, role: 'throughline_app', max: 1, applicationName: 'one' });
  const pool = new ReadPool(sql, 50);
  const holder = pool.operation(t.workspaces[0]);
  await holder.read('select 1', []);
  const refused = await pool.one('select 1::text', [], t.workspaces[0]).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refusal);
  expect(refused).toMatchObject({ code: 'OVERLOADED', httpStatus: 503 });
  const waiting = pool.one('select 2::text', [], t.workspaces[0]);
  await holder.close();
  expect(await waiting).toBe('2');
  await sql.end();
});
it('an operation gives its connection back when its last statement ends, although the answer was given before', async () => {
  const sql = openPool({ url: t.db.url, role: 'throughline_app', max: 1, applicationName: 'one' });
  const graph = await makeGraph({ read: sql, write: sql, path: 'loaders', log: () => {}, waitMs: 2_000 });
  // The null reaches the top while the other field's statements still run.
  const answers = await Promise.all(
    Array.from({ length: 6 }, () =>
      graph.query(
        '{ matters(first: 100) { nodes { firstBody } } people(first: 30) { nodes { matters { nodes { words { nodes { id } } } } } } }',
        viewerOf(t.workspaces[0], 1),
      ),
    ),
  );
  for (const answer of answers) expect(answer.errors[0]!.path!.at(-1)).toBe('firstBody');
  expect((await graph.query('{ people(first: 1) { nodes { id } } }', viewerOf(t.workspaces[0], 1))).errors).toEqual([]);
  await graph.close();
  await sql.end();
});
it('reads cannot write', async () => {
  const pool = new ReadPool(t.db.app);
  const operation = pool.operation(t.workspaces[0]);
  await expect(
    operation.read(`insert into g_memos values ('${t.workspaces[0]}', gen_random_uuid(), 'x', '2026-01-01') returning 1`, []),
  ).rejects.toMatchObject({ code: '25006' });
  await operation.close();
});
it('after a failed statement the others of the operation fail by its cause', async () => {
  const pool = new ReadPool(t.db.app);
  const operation = pool.operation(t.workspaces[0]);
  await expect(operation.read('select 1 / 0', [])).rejects.toMatchObject({ code: '22012' });
  await expect(operation.read('select 1', [])).rejects.toMatchObject({ code: '22012' });
  await operation.close();
  await expect(operation.read('select 1', [])).rejects.toThrow('over');
});
it('a statement that takes too long is TIMED_OUT, and is not tried by the other path', async () => {
  const sql = openPool({ url: t.db.url, role: 'throughline_app', max: 2, applicationName: 'slow', statementTimeoutMs: 700 });
  const graph = await makeGraph({ read: sql, write: sql, log: () => {} });
  await t.db.owner.begin(async (tx) => {
    await tx`lock table g_people in access exclusive mode`;
    const answer = await graph.query('{ people { nodes { id } } }', viewerOf(t.workspaces[0], 1));
    expect(answer).toMatchObject({ status: 504, errors: [{ extensions: { code: 'TIMED_OUT', retryable: true } }] });
    expect(graph.pool.statements).toBe(1);
  });
  await sql.end();
});
