import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { inWorkspace, type Tx } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import {
  createBusinessHours, createMember, createQueue, createTeam, createWorkspace, deactivateMember, defaultQueueId, setTeamMembers, updateQueue, updateWorkspace,
} from '../../src/workspaces/actions.ts';
import { openingsOf, type Opening } from '../../src/workspaces/input.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let a: { id: string; actor: Actor };
let b: { id: string; actor: Actor };

beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  a = await db.workspace();
  b = await db.workspace('Bolt');
});
afterAll(() => db.close());

const as = <T>(w: typeof a, work: (tx: Tx) => Promise<T>): Promise<T> => inWorkspace(db.app, w.id, work);
const kinds = async () => (await db.owner`select kind from event_outbox where workspace_id = ${a.id} order by ordinal`).map((row) => row.kind as string);
const row = async () => (await db.owner`select * from workspaces where id = ${a.id}`)[0]!;
const member = (name: string, w = a) => as(w, (tx) => createMember(tx, w.actor, { name, email: `${name}@acme.example` })).then((made) => made.memberId);

test('a new workspace has a default queue', async () => {
  const id = newId();
  const made = await inWorkspace(db.app, id, (tx) => createWorkspace(tx, { id, name: 'New', timeZone: 'Europe/Amsterdam' }));
  expect(await inWorkspace(db.app, id, (tx) => defaultQueueId(tx, id))).toBe(made.queueId);
  expect((await db.owner`select time_zone, continuity, reopen_hours from workspaces where id = ${id}`)[0]).toEqual({ timeZone: 'Europe/Amsterdam', continuity: 'ONE_OPEN_MATTER', reopenHours: 72 });
});

describe('a workspace’s settings', () => {
  test('change where they are given, once for each change, and say which', async () => {
    await as(a, (tx) => updateWorkspace(tx, a.actor, { name: ' Acme Ltd ', continuity: 'ONE_PER_CHANNEL', reopenHours: 0, allowedOrigins: ['https://Shop.Example/', 'https://shop.example', 'http://localhost:3000'] }));
    expect(await row()).toMatchObject({ name: 'Acme Ltd', timeZone: 'UTC', continuity: 'ONE_PER_CHANNEL', reopenHours: 0, allowedOrigins: ['https://shop.example', 'http://localhost:3000'], version: 2 });
    await as(a, (tx) => updateWorkspace(tx, a.actor, { name: 'Acme Ltd', reopenHours: 0 }));
    expect((await row()).version).toBe(2);
    const [event] = await db.owner`select kind, data from event_outbox where workspace_id = ${a.id}`;
    expect(event).toEqual({ kind: 'workspace.updated', data: { version: 2, changed: ['name', 'continuity', 'reopen_hours', 'allowed_origins'] } });
  });

  test('are compared and swapped: of many at the same version one wins', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => as(a, (tx) => updateWorkspace(tx, a.actor, { name: `Name ${i}`, expectedVersion: 1 }))));
    expect(tries.filter((t) => t.status === 'fulfilled')).toHaveLength(1);
    for (const t of tries) if (t.status === 'rejected') expect(t.reason).toMatchObject({ code: 'CONFLICT', details: { field: ['expectedVersion'] } });
  });

  test.each([
    ['a time zone that there is not', { timeZone: 'Mars/Olympus' }, ['timeZone']],
    ['an offset for a time zone', { timeZone: '+02:00' }, ['timeZone']],
    ['an empty name', { name: ' \n ' }, ['name']],
    ['a NUL', { name: 'a\0b' }, ['name']],
    ['half a surrogate pair', { name: 'a\ud800' }, ['name']],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, ['name']],
    ['negative hours', { reopenHours: -1 }, ['reopenHours']],
    ['an origin with a path', { allowedOrigins: ['https://ok.example', 'https://shop.example/chat'] }, ['allowedOrigins', '1']],
    ['every origin', { allowedOrigins: ['*'] }, ['allowedOrigins', '0']],
    ['the null origin', { allowedOrigins: ['null'] }, ['allowedOrigins', '0']],
    ['a script as an origin', { allowedOrigins: ['javascript:alert(1)'] }, ['allowedOrigins', '0']],
    ['an origin with a user', { allowedOrigins: ['https://shop.example@attacker.example'] }, ['allowedOrigins', '0']],
  ])('are refused by name: %s', async (_name, change, field) => {
    await expect(as(a, (tx) => updateWorkspace(tx, a.actor, change))).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field } });
    expect((await row()).version).toBe(1);
  });

  test('are out of another workspace’s reach', async () => {
    await expect(as(b, (tx) => updateWorkspace(tx, a.actor, { name: 'Mine' }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await row()).name).toBe('Acme');
  });
});

describe('people', () => {
  test('an address is one member’s, however it is written', async () => {
    await member('ada');
    await expect(as(a, (tx) => createMember(tx, a.actor, { name: 'Ada', email: 'ADA@Acme.example' }))).rejects.toMatchObject({ code: 'ALREADY_EXISTS', details: { field: ['email'] } });
    await member('ada', b);
    await expect(as(a, (tx) => createMember(tx, a.actor, { name: 'x', email: 'no address' }))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('a member is deactivated once, with what live connections listen to', async () => {
    const memberId = await member('ada');
    await expect(as(a, (tx) => deactivateMember(tx, a.actor, { memberId, expectedVersion: 7 }))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(as(b, (tx) => deactivateMember(tx, b.actor, { memberId }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await as(a, (tx) => deactivateMember(tx, a.actor, { memberId, expectedVersion: 1 }));
    await as(a, (tx) => deactivateMember(tx, a.actor, { memberId }));
    expect(await kinds()).toEqual(['member.created', 'member.updated', 'key.revoked']);
  });

  test('a team is whoever was said last, of this workspace only', async () => {
    const [ada, ben, cem] = [await member('ada'), await member('ben'), await member('cem')];
    const stranger = await member('dan', b);
    const { teamId } = await as(a, (tx) => createTeam(tx, a.actor, { name: 'Billing', memberIds: [ada, ben, ada] }));
    const inTeam = async () => (await db.owner`select member_id from team_members where team_id = ${teamId}`).map((r) => r.memberId as string).sort();
    expect(await inTeam()).toEqual([ada, ben].sort());
    await as(a, (tx) => setTeamMembers(tx, a.actor, { teamId, memberIds: [ben, cem] }));
    expect(await inTeam()).toEqual([ben, cem].sort());
    await expect(as(a, (tx) => setTeamMembers(tx, a.actor, { teamId, memberIds: [ben, stranger] }))).rejects.toMatchObject({ code: 'NOT_FOUND', details: { field: ['memberIds'] } });
    await expect(as(b, (tx) => setTeamMembers(tx, b.actor, { teamId, memberIds: [] }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(as(b, (tx) => setTeamMembers(tx, a.actor, { teamId, memberIds: [] }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await inTeam()).toEqual([ben, cem].sort());
    await as(a, (tx) => setTeamMembers(tx, a.actor, { teamId, memberIds: [cem, ben] }));
    expect((await kinds()).filter((kind) => kind === 'team.updated')).toHaveLength(1);
  });
});

describe('queues', () => {
  const queue = (name: string, more = {}) => as(a, (tx) => createQueue(tx, a.actor, { name, ...more })).then((made) => made.queueId);
  const defaults = async () => (await db.owner`select id from queues where workspace_id = ${a.id} and is_default`).map((r) => r.id as string);

  test('one is the default, whoever makes them so at the same time', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, (_, i) => queue(`Queue ${i}`, { isDefault: true })));
    expect(await defaults()).toHaveLength(1);
    await Promise.all(made.map((queueId) => as(a, (tx) => updateQueue(tx, a.actor, { queueId, isDefault: true }))));
    expect(await defaults()).toHaveLength(1);
  });

  test('the default cannot be taken away, only given to another', async () => {
    const one = await queue('One', { isDefault: true });
    const two = await queue('Two');
    await expect(as(a, (tx) => updateQueue(tx, a.actor, { queueId: one, isDefault: false }))).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['isDefault'] } });
    await as(a, (tx) => updateQueue(tx, a.actor, { queueId: two, isDefault: true, expectedVersion: 1 }));
    expect(await defaults()).toEqual([two]);
  });

  test('a name is one queue’s, even when two are renamed to it at once', async () => {
    const ids = await Promise.all(['One', 'Two', 'Three'].map((name) => queue(name)));
    const tries = await Promise.allSettled(ids.map((queueId) => as(a, (tx) => updateQueue(tx, a.actor, { queueId, name: 'Same' }))));
    expect(tries.filter((t) => t.status === 'fulfilled')).toHaveLength(1);
    for (const t of tries) if (t.status === 'rejected') expect(t.reason).toMatchObject({ code: 'ALREADY_EXISTS', details: { field: ['name'] } });
  });

  test('what is left out stays, null takes away; another workspace’s hours are none', async () => {
    const hours = [{ day: 1, from: '09:00', to: '17:30' }];
    const { businessHoursId } = await as(a, (tx) => createBusinessHours(tx, a.actor, { name: 'Office', timeZone: 'Europe/Berlin', hours }));
    const theirs = await as(b, (tx) => createBusinessHours(tx, b.actor, { name: 'Office', timeZone: 'UTC', hours }));
    const queueId = await queue('One', { description: 'First', businessHoursId });
    const read = async () => (await db.owner`select name, description, business_hours_id, version from queues where id = ${queueId}`)[0];
    await as(a, (tx) => updateQueue(tx, a.actor, { queueId, name: 'Uno' }));
    expect(await read()).toEqual({ name: 'Uno', description: 'First', businessHoursId, version: 2 });
    await as(a, (tx) => updateQueue(tx, a.actor, { queueId, description: null, businessHoursId: null }));
    expect(await read()).toEqual({ name: 'Uno', description: null, businessHoursId: null, version: 3 });
    await expect(as(a, (tx) => updateQueue(tx, a.actor, { queueId, businessHoursId: theirs.businessHoursId }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(as(b, (tx) => updateQueue(tx, b.actor, { queueId, name: 'Mine' }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('openings of a week', () => {
  const at = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const opening = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 1_438 }), fc.integer({ min: 1, max: 1_440 }))
    .filter(([, from, to]) => from < to)
    .map(([day, from, to]): Opening => ({ day, from: at(from), to: at(to) }));

  test('are taken in the order of the week exactly when none lies over another', () => {
    fc.assert(fc.property(fc.array(opening, { maxLength: 6 }), (openings) => {
      const overlap = openings.some((x, i) => openings.some((y, j) => i < j && x.day === y.day && x.from < y.to && y.from < x.to));
      if (overlap) expect(() => openingsOf(openings, 'hours')).toThrow(/overlaps/);
      else {
        const sorted = openingsOf(openings, 'hours');
        expect([...sorted].sort((x, y) => x.day - y.day || (x.from < y.from ? -1 : 1))).toEqual(sorted);
        expect(sorted).toHaveLength(openings.length);
      }
    }));
  });

  test.each([
    ['day 0', { day: 0, from: '09:00', to: '10:00' }], ['day 8', { day: 8, from: '09:00', to: '10:00' }], ['half a day', { day: 1.5, from: '09:00', to: '10:00' }],
    ['9:00', { day: 1, from: '9:00', to: '10:00' }], ['25:00', { day: 1, from: '09:00', to: '25:00' }], ['24:00 as a beginning', { day: 1, from: '24:00', to: '24:00' }],
    ['no time at all', { day: 1, from: '09:00', to: '09:00' }], ['over midnight', { day: 1, from: '22:00', to: '02:00' }],
  ])('%s is refused, by its place', (_name, wrong) => {
    expect(() => openingsOf([{ day: 2, from: '09:00', to: '24:00' }, wrong], 'hours')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', details: { field: ['hours', '1'] } }) as Error);
  });
});

test('a key cannot have a scope that its role has not, nor an end that has passed', async () => {
  const key = (input: Partial<Parameters<typeof createApiKey>[2]>) => as(a, (tx) => createApiKey(tx, a.actor, { name: 'k', role: 'REPORTING', ...input }));
  await key({ scopes: ['statistics:read'] });
  await expect(key({ scopes: ['messages:send'] })).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['scopes'] } });
  await expect(key({ scopes: ['visitor:self'] })).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['scopes'] } });
  await expect(key({ expiresAt: '2020-01-01T00:00:00.000Z' })).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['expiresAt'] } });
});
