import { expect, test } from 'vitest';
import { Statements } from '../../src/graphql/compile.ts';
import type { Statement } from '../../src/graphql/writer.ts';

const statement = (length: number) => ({ sql: 'x'.repeat(length) }) as Statement;

test('a statement that is written again takes its room once', () => {
  const statements = new Statements(100);
  statements.set('kept', statement(10));
  for (let i = 0; i < 50; i++) statements.set('rewritten', statement(20));
  expect(statements.get('kept')).toBeDefined();
  expect(statements.get('rewritten')).toBeDefined();
});

test('the statements that were not used longest go when all together are too long, and no others', () => {
  const statements = new Statements(100);
  for (const key of ['a', 'b', 'c', 'd']) statements.set(key, statement(25));
  statements.get('a');
  statements.set('c', statement(25));
  statements.set('e', statement(50));
  expect(['a', 'b', 'c', 'd', 'e'].filter((key) => statements.get(key))).toEqual(['a', 'c', 'e']);
  statements.set('c', statement(1));
  statements.set('f', statement(24));
  expect(['a', 'c', 'e', 'f'].filter((key) => statements.get(key))).toEqual(['a', 'c', 'e', 'f']);
});
