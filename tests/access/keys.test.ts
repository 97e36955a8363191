import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Authorizer, type Ending } from '../../src/access/authorizer.ts';
import { newApiKey, viewerOf, VIEWER_MS_MAX } from '../../src/access/keys.ts';
import { allowPublishableKey, createMemberToken, publishableKey, revokeToken } from '../../src/access/tokens.ts';
import { sequenceAll } from '../../src/events/sequencer.ts';
import { LogStream } from '../../src/events/stream.ts';
import { setClock } from '../../src/platform/clock.ts';
import { inWorkspace, openPool, type Sql } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import type { Actor } from '../../src/access/viewer.ts';
import { createMember, deactivateMember } from '../../src/workspaces/actions.ts';
import { createApiKey, revokeApiKey } from '../../src/workspaces/keys.ts';
import { within } from '../events/make.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let a: { id: string; actor: Actor };
let b: { id: string; actor: Actor };
let realClock = () => {};

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough');
  db = await testDatabase();
  a = await db.workspace();
  b = await db.workspace('Bolt');
});
afterEach(() => realClock());
afterAll(() => db.close());

const keyOf = (w: typeof a, more: Partial<Parameters<typeof createApiKey>[2]> = {}) =>
  inWorkspace(db.app, w.id, (tx) => createApiKey(tx, w.actor, { name: 'test', role: 'AGENT', ...more }));

/** A pool of its own: nothing is remembered for it yet. */
async function freshly<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openPool({ url: db.url, role: 'throughline_app', max: 1, applicationName: 'fresh' });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

test('a key is the viewer of its workspace, role and scopes, and no person', async () => {
  const made = await keyOf(a, { role: 'ADMIN', scopes: ['customers:read', 'keys:write'] });
  expect(made.key).toMatch(new RegExp(`^tl_${a.id.replaceAll('-', '')}_[\\w-]{43}$`));
  const viewer = await viewerOf(db.app, `Bearer ${made.key}`);
  expect(viewer).toMatchObject({ workspaceId: a.id, role: 'ADMIN', memberId: null, accountId: null, expiresAtMs: null, actor: { kind: 'API_KEY', id: made.apiKeyId } });
  expect([...viewer.permissions].sort()).toEqual(['any', 'customers:read', 'keys:write']);
});

test('the database holds no key: only its hash and a hint', async () => {
  const { key } = await keyOf(a);
  const rows = await db.owner`select row_to_json(k)::text as text from api_keys k`;
  for (const { text } of rows) {
    expect(text).not.toContain(key);
    expect(text).not.toContain(key.slice(-20));
  }
});

test('a key text that an operator chose works, and only once', async () => {
  const { apiKeyId } = await keyOf(a, { text: 'operators-own-key-0001', role: 'ADMIN' });
  expect((await viewerOf(db.app, 'bearer  operators-own-key-0001 ')).actor.id).toBe(apiKeyId);
  await expect(keyOf(b, { text: 'operators-own-key-0001' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
});

test('viewers who may see the same share a group, others do not', async () => {
  const viewers = await Promise.all(
    [keyOf(a), keyOf(a), keyOf(a, { scopes: ['notes:read'] }), keyOf(a, { role: 'ADMIN' }), keyOf(b)].map(async (made) => viewerOf(db.app, `Bearer ${(await made).key}`)),
  );
  const [one, same, ...others] = viewers.map((v) => v.permissionKey);
  expect(one).toBe(same);
  expect(new Set([one, ...others]).size).toBe(4);
});

describe('nothing else comes in', () => {
  const bad: Record<string, unknown> = {
    'no header': undefined,
    null: null,
    'a number': 7,
    'an object': { toString: () => 'Bearer x' },
    'a list': ['Bearer x'],
    empty: '',
    'the scheme alone': 'Bearer',
    'the scheme and a blank': 'Bearer ',
    'another scheme': 'Basic dGw6eA==',
    'two credentials': 'Bearer a b',
    'a NUL': 'Bearer a\0b',
    'a letter outside ASCII': 'Bearer tl_ä',
    'a made-up key': `Bearer ${newApiKey(newId()).text}`,
    '8 KiB': `Bearer ${'x'.repeat(8_192)}`,
    'a publishable key of no account': `Bearer ${publishableKey(newId(), newId())}`,
  };
  test.each(Object.keys(bad))('%s', async (name) => {
    await expect(viewerOf(db.app, bad[name])).rejects.toMatchObject({ code: 'UNAUTHENTICATED', httpStatus: 401 });
  });

  test('a key without one character, with one more, or with another workspace in it', async () => {
    const { key } = await keyOf(a);
    for (const text of [key.slice(0, -1), `${key}x`, key.replace(a.id.replaceAll('-', ''), b.id.replaceAll('-', ''))]) {
      await expect(viewerOf(db.app, `Bearer ${text}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
  });

  test('a key after its time, at the very moment, though it is remembered', async () => {
    const start = Date.now();
    const { key } = await keyOf(a, { expiresAt: new Date(start + 60_000).toISOString() });
    realClock = setClock(() => start + 59_000);
    expect((await viewerOf(db.app, `Bearer ${key}`)).role).toBe('AGENT');
    realClock = setClock(() => start + 60_000);
    await expect(viewerOf(db.app, `Bearer ${key}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('a member where only visitors may come in, and the other way round', async () => {
    const { key } = await keyOf(a);
    const accountId = newId();
    await inWorkspace(db.app, a.id, (tx) => allowPublishableKey(tx, a.id, accountId, true));
    const open = `Bearer ${publishableKey(a.id, accountId)}`;
    expect(await viewerOf(db.app, open, { audience: ['visitor'] })).toMatchObject({ role: 'VISITOR', accountId, identityIds: [], actor: { kind: 'CUSTOMER', id: null } });
    await expect(viewerOf(db.app, open, { audience: ['api'] })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(viewerOf(db.app, `Bearer ${key}`, { audience: ['visitor'] })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect((await viewerOf(db.app, `Bearer ${key}`, { audience: ['visitor', 'api'] })).role).toBe('AGENT');
  });
});

describe('a revoked key dies within 5 seconds', () => {
  test('in a process that remembers it, when 4 s have passed; in one that does not, at once', async () => {
    const start = Date.now();
    realClock = setClock(() => start);
    const { key, apiKeyId } = await keyOf(a);
    await viewerOf(db.app, `Bearer ${key}`);
    await inWorkspace(db.app, a.id, (tx) => revokeApiKey(tx, a.actor, { apiKeyId }));
    await freshly((sql) => expect(viewerOf(sql, `Bearer ${key}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' }));
    realClock = setClock(() => start + VIEWER_MS_MAX);
    await expect(viewerOf(db.app, `Bearer ${key}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(VIEWER_MS_MAX).toBeLessThan(5_000);
  });

  test('one statement answers everybody who asks with the same key at the same time', async () => {
    const { key } = await keyOf(a);
    let asked = 0;
    const counting = new Proxy(db.app, {
      apply(pool, self, call: unknown[]) {
        if (String(call[0]).includes('find_api_key')) asked++;
        return Reflect.apply(pool as never, self, call) as unknown;
      },
    });
    await Promise.all(Array.from({ length: 50 }, () => viewerOf(counting, `Bearer ${key}`)));
    expect(asked).toBe(1);
  });

  test('another workspace cannot revoke it', async () => {
    const { key, apiKeyId } = await keyOf(a);
    await expect(inWorkspace(db.app, b.id, (tx) => revokeApiKey(tx, b.actor, { apiKeyId }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    // Not by the statement's own predicate alone: with A's workspace named while the context is B's.
    await expect(inWorkspace(db.app, b.id, (tx) => revokeApiKey(tx, a.actor, { apiKeyId }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await freshly(async (sql) => expect((await viewerOf(sql, `Bearer ${key}`)).actor.id).toBe(apiKeyId));
  });

  test('its socket ends, and a token’s, and a deactivated member’s; others stay', async () => {
    const made = await keyOf(a);
    const stays = await keyOf(a);
    const { memberId, token, other } = await inWorkspace(db.app, a.id, async (tx) => {
      const { memberId } = await createMember(tx, a.actor, { name: 'Ben', email: 'ben@acme.example' });
      return { memberId, token: await createMemberToken(tx, a.actor, { memberId }), other: await createMemberToken(tx, a.actor, { memberId }) };
    });
    const authorizer = new Authorizer(db.app, { everyMs: 60_000 });
    const ended: [string, Ending][] = [];
    const watch = async (name: string, text: string) =>
      authorizer.watch(`Bearer ${text}`, await viewerOf(db.app, `Bearer ${text}`), (ending) => ended.push([name, ending]));
    await watch('key', made.key);
    await watch('key, second socket', made.key);
    await watch('token', token.token);
    await watch('member', other.token);
    await watch('stays', stays.key);
    const stop = await watch('left', made.key);
    stop();
    await authorizer.recheck();
    expect(ended).toEqual([]);

    await inWorkspace(db.app, a.id, async (tx) => {
      await revokeApiKey(tx, a.actor, { apiKeyId: made.apiKeyId });
      await revokeToken(tx, a.actor, { tokenId: token.tokenId });
    });
    await authorizer.recheck();
    expect(ended.sort()).toEqual([['key, second socket', 'REVOKED'], ['key', 'REVOKED'], ['token', 'REVOKED']]);

    await inWorkspace(db.app, a.id, (tx) => deactivateMember(tx, a.actor, { memberId }));
    await authorizer.recheck();
    expect(ended.at(-1)).toEqual(['member', 'REVOKED']);
    expect(authorizer.size).toBe(1);
    await authorizer.close();
  });

  test('what the log says of a revoked key, token or member is acted on at once, between the rounds', async () => {
    const stream = new LogStream({ system: db.system, app: db.app });
    await stream.start();
    const authorizer = new Authorizer(db.app, { everyMs: 3_600_000 });
    authorizer.follow(stream);
    try {
      const [key, stays] = [await keyOf(a), await keyOf(a)];
      const { memberId } = await inWorkspace(db.app, a.id, (tx) => createMember(tx, a.actor, { name: 'Ida', email: 'ida@followed.example', role: 'AGENT' }));
      const [token, other] = await inWorkspace(db.app, a.id, async (tx) => [await createMemberToken(tx, a.actor, { memberId }), await createMemberToken(tx, a.actor, { memberId })]);
      const endOf = async (text: string): Promise<Promise<Ending>[]> => {
        let end: (ending: Ending) => void = () => {};
        const ending = new Promise<Ending>((resolve) => (end = resolve));
        await authorizer.watch(`Bearer ${text}`, await viewerOf(db.app, `Bearer ${text}`), end);
        return [ending];
      };
      const [[ofKey], [ofToken], [ofMember]] = [await endOf(key.key), await endOf(token!.token), await endOf(other!.token)];
      await endOf(stays.key);
      const told = async (work: Parameters<typeof inWorkspace<void>>[2], ending: Promise<Ending>) => {
        await inWorkspace(db.app, a.id, work);
        await sequenceAll(db.system);
        expect(await within(10_000, 'The end of a connection', ending)).toBe('REVOKED');
      };
      await told((tx) => revokeApiKey(tx, a.actor, { apiKeyId: key.apiKeyId }), ofKey!);
      await told((tx) => revokeToken(tx, a.actor, { tokenId: token!.tokenId }), ofToken!);
      await told((tx) => deactivateMember(tx, a.actor, { memberId }), ofMember!);
      expect(authorizer.size).toBe(1);
    } finally {
      await authorizer.close();
      await stream.close();
    }
  });

  test('rounds come by themselves, a socket whose key expires ends, and one whose rights change', async () => {
    const start = Date.now();
    const expires = await keyOf(a, { expiresAt: new Date(start + 60_000).toISOString() });
    const changes = await keyOf(a, { role: 'ADMIN' });
    const authorizer = new Authorizer(db.app, { everyMs: 5 });
    const ended = await new Promise<[string, Ending][]>((resolve) => {
      const all: [string, Ending][] = [];
      const watch = async (name: string, text: string) =>
        authorizer.watch(`Bearer ${text}`, await viewerOf(db.app, `Bearer ${text}`), (ending) => all.push([name, ending]) === 2 && resolve(all));
      void (async () => {
        await watch('expires', expires.key);
        await watch('changes', changes.key);
        await db.owner`update api_keys set scopes = '{customers:read}' where id = ${changes.apiKeyId}`;
        realClock = setClock(() => start + 60_000);
      })();
    });
    expect(ended.sort()).toEqual([['changes', 'CHANGED'], ['expires', 'EXPIRED']]);
    await authorizer.close();
  });

  test('while the database is away no socket is ended, and the fault is reported', async () => {
    const { key } = await keyOf(a);
    const viewer = await viewerOf(db.app, `Bearer ${key}`);
    const dead = openPool({ url: db.url, role: 'throughline_app', max: 1, applicationName: 'dead' });
    await dead.end();
    const errors: unknown[] = [];
    const authorizer = new Authorizer(dead, { everyMs: 60_000, onError: (error) => errors.push(error) });
    await authorizer.watch(`Bearer ${key}`, viewer, () => expect.unreachable());
    await authorizer.recheck();
    expect(errors).toHaveLength(1);
    expect(authorizer.size).toBe(1);
    await authorizer.close();
  });
});
