import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../../src/platform/errors.ts';
import { createLog, describeError, scrub } from '../../src/platform/log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } }));
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

test('ids, codes and counts are logged as they are', () => {
  const conversationId = 'cnv_0192f0c1d2e37a4b8c5d6e7f80910203';
  const line = logged((log) => log.info({ conversationId, workspaceId: '0192f0c1-d2e3-7a4b-8c5d-6e7f80910203', ms: 12.5, seq: 48821, at: '2026-01-02T03:04:05.678Z' }, 'done'));
  expect(line).toMatchObject({ level: 'info', msg: 'done', conversationId, workspaceId: '0192f0c1-d2e3-7a4b-8c5d-6e7f80910203', ms: 12.5, seq: 48821, at: '2026-01-02T03:04:05.678Z' });
});

const CANARIES = ['ada.lovelace@example.com', '+49 30 1234567', '+14155550123', 'tl_demo_5up3rs3cr3tk3y', 'Bearer abc.def', 'postgres://u:hunter2@h/d'];
const LEAKS = /lovelace|1234567|4155550123|5up3r|abc\.def|hunter2/;

test('no secret, address or message gets out, in whatever property it is, however deep', () => {
  const names = ['authorization', 'body', 'text', 'Email', 'api_key', 'phone', 'headers', 'info', 'x', 'variables', 'cause', 'found'];
  fc.assert(
    fc.property(
      fc.constantFrom(...CANARIES),
      fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 5 }),
      fc.constantFrom('', 'from ', 'could not reach: '),
      (canary, path, before) => {
        const line = path.reduceRight<unknown>((inside, name) => ({ [name]: inside }), [`${before}${canary}`]) as object;
        expect(JSON.stringify(logged((log) => log.warn(line, 'it')))).not.toMatch(LEAKS);
      },
    ),
  );
});

test('message texts are hidden by the name of their property', () => {
  const line = logged((log) => log.info({ message: { subject: 'My divorce', text: 'dear all' }, req: { headers: { cookie: 'a=b' } } }, 'x'));
  expect(JSON.stringify(line)).not.toMatch(/divorce|dear all|a=b/);
});

test('an error is logged by type, code and place, without the values in its message', () => {
  const database = Object.assign(new Error('invalid input syntax for type uuid: "Ada Lovelace"'), {
    name: 'PostgresError', code: '22P02', detail: 'Key (value)=(ada@example.com) exists.', constraint_name: 'identities_value', query: "select 'Ada'",
  });
  for (const error of [database, new Refusal('INVALID_INPUT', 'Ada Lovelace is not a number.'), new Error('no mail to ada@example.com', { cause: database })]) {
    const text = JSON.stringify(logged((log) => log.error({ err: error }, 'it failed')));
    expect(text).not.toMatch(/Ada|ada@/);
    expect(text).toContain('log.test.ts');
  }
  expect(describeError(database)).toMatchObject({ type: 'PostgresError', code: '22P02', constraint: 'identities_value' });
  expect(describeError(new TypeError('x is not a function'))).toMatchObject({ type: 'TypeError', message: 'x is not a function' });
});

test('scrubbing never fails and never makes a text longer than 500 characters', () => {
  fc.assert(fc.property(fc.string({ maxLength: 3000, unit: 'binary' }), (text) => scrub(text).length <= 500));
});
