// What holds for every parser of Meta's webhooks, whatever comes.
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { inboundEvent, Unparsable, type Provider, type RawRequest } from '../../../src/channels/channel.ts';
import { json } from '../requests.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const FIELDS = [
  'object', 'entry', 'id', 'time', 'messaging', 'standby', 'changes', 'field', 'value', 'sender', 'recipient', 'timestamp', 'message', 'mid', 'text', 'attachments', 'type', 'payload', 'url',
  'title', 'reply_to', 'story', 'quick_reply', 'is_echo', 'metadata', 'reaction', 'action', 'delivery', 'mids', 'watermark', 'read', 'postback', 'referral', 'optin', 'user_ref', 'elements', '__proto__',
];
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }), fc.integer(), fc.double(), fc.boolean(), fc.constant(null),
  fc.constantFrom('page', 'instagram', 'image', 'fallback', 'template', 'sticker', 'location', '0', '1767261600', '9'.repeat(400), '\u0000', '\ud800', 'https://', 'https://x.example/%00'),
);
const treeOf = (fields: readonly string[]) => fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...fields), tie('value'), { maxKeys: 6, noNullPrototype: true })),
})).value;

/** `fields`: names that its payloads have; `within` puts what is made of them where the payload has it. */
export async function anyBytesAreEventsOrUnparsable(provider: Provider, fields: readonly string[] = FIELDS, within: (value: unknown) => unknown = (value) => value): Promise<void> {
  await fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)), treeOf(fields).map((value) => Buffer.from(JSON.stringify(within(value)) ?? ''))), async (body) => {
    await check(provider, json('', { body }));
  }), { numRuns: 2_000 });
}

/** Every value of every fixture, one at a time, becomes something else. */
export async function mutatedFixturesAreEventsOrUnparsable(provider: Provider, folder: string): Promise<void> {
  const others: unknown[] = [null, 0, -1, 1.5, 'x', '', '\u0000', true, [], {}, [[]], [null], { id: {} }, [{ type: 'image' }], '1e400', 12345678901234567890];
  for (const name of readdirSync(FIXTURES + folder)) {
    const whole: unknown = JSON.parse(readFileSync(`${FIXTURES}${folder}/${name}`, 'utf8'));
    for (const path of pathsIn(whole)) for (const other of others) await check(provider, json(replaced(whole, path, other)), `${name} ${path.join('.')} ${JSON.stringify(other)}`);
  }
}

async function check(provider: Provider, request: RawRequest, what?: string): Promise<void> {
  try {
    const { events } = await provider.parse(request);
    for (const event of events) {
      inboundEvent.parse(event);
      // PostgreSQL's jsonb takes neither.
      expect(JSON.stringify(event), what).not.toMatch(/\\u0000|\\ud[89a-f]/i);
      if (event.kind === 'message' || event.kind === 'unknown') expect(event.message!.parts.length, what).toBeGreaterThan(0);
    }
  } catch (error) {
    if (!(error instanceof Unparsable)) throw new Error(`${what}: ${String(error)}`, { cause: error });
  }
  expect(provider.respond(request, null).status).toBe(200);
}

const pathsIn = (value: unknown): string[][] =>
  value === null || typeof value !== 'object' ? [[]] : [[], ...Object.entries(value).flatMap(([key, one]) => pathsIn(one).map((path) => [key, ...path]))];

function replaced(value: unknown, [key, ...rest]: string[], other: unknown): unknown {
  if (key === undefined) return other;
  const inner = replaced((value as Record<string, unknown>)[key], rest, other);
  return Array.isArray(value) ? value.map((one, i) => (String(i) === key ? inner : one)) : { ...(value as object), [key]: inner };
}
