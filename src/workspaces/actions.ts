// Writes to workspaces, their people, teams and queues. Keys: keys.ts.
import type { API_ROLES, CONTINUITIES } from '../../schema/workspaces.ts';
import type { EventKind, NewEvent } from '../events/catalog.ts';
import { appendEvents } from '../events/append.ts';
import type { Actor } from '../access/viewer.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { emailOf, expectVersion, lineOf, openingsOf, originsOf, timeZoneOf, type Opening } from './input.ts';

export type ApiRole = (typeof API_ROLES)[number];
export type Continuity = (typeof CONTINUITIES)[number];

/**
 * A workspace with its first queue. `tx` must already see the workspace `id` (`inWorkspace(sql, id, …)`): it is a new UUID.
 * @throws Refusal INVALID_INPUT
 */
export async function createWorkspace(
  tx: Tx,
  input: { id: string; name: string; timeZone?: string; queue?: string },
): Promise<{ workspaceId: string; queueId: string }> {
  const at = now();
  const actor: Actor = { workspaceId: input.id, kind: 'SYSTEM', id: null };
  await tx`insert into workspaces (id, name, time_zone, created_at, updated_at)
    values (${input.id}, ${lineOf(input.name, 'name')}, ${timeZoneOf(input.timeZone ?? 'UTC', 'timeZone')}, ${at}, ${at})`;
  const { queueId } = await createQueue(tx, actor, { name: input.queue ?? 'General', isDefault: true });
  await append(tx, actor, 'workspace.updated', { version: 1 });
  return { workspaceId: input.id, queueId };
}

const RECORDED = { name: 'name', timeZone: 'time_zone', continuity: 'continuity', reopenHours: 'reopen_hours', allowedOrigins: 'allowed_origins' } as const;

/** Changes what is given. Without a change nothing is written. @throws Refusal INVALID_INPUT, CONFLICT */
export async function updateWorkspace(
  tx: Tx,
  actor: Actor,
  input: { name?: string; timeZone?: string; continuity?: Continuity; reopenHours?: number; allowedOrigins?: string[]; expectedVersion?: number },
): Promise<void> {
  const [row] = await tx<{ name: string; timeZone: string; continuity: Continuity; reopenHours: number; allowedOrigins: string[]; version: number }[]>`
    select name, time_zone, continuity, reopen_hours, allowed_origins, version from workspaces where id = ${actor.workspaceId} for no key update`;
  const old = found(row, 'workspace');
  expectVersion(old.version, input.expectedVersion);
  if (input.reopenHours != null && (input.reopenHours < 0 || input.reopenHours > 8_760)) {
    throw new Refusal('INVALID_INPUT', 'A closed conversation can be reopened for 0 to 8,760 hours.', { field: ['reopenHours'] });
  }
  const next = {
    name: input.name == null ? old.name : lineOf(input.name, 'name'),
    timeZone: input.timeZone == null ? old.timeZone : timeZoneOf(input.timeZone, 'timeZone'),
    continuity: input.continuity ?? old.continuity,
    reopenHours: input.reopenHours ?? old.reopenHours,
    allowedOrigins: input.allowedOrigins == null ? old.allowedOrigins : originsOf(input.allowedOrigins, 'allowedOrigins'),
  };
  const changed = (Object.keys(RECORDED) as (keyof typeof RECORDED)[]).filter((key) => JSON.stringify(next[key]) !== JSON.stringify(old[key]));
  if (changed.length === 0) return;
  await tx`update workspaces set name = ${next.name}, time_zone = ${next.timeZone}, continuity = ${next.continuity}, reopen_hours = ${next.reopenHours},
      allowed_origins = ${next.allowedOrigins}::text[], version = version + 1, updated_at = ${now()}
    where id = ${actor.workspaceId}`;
  await append(tx, actor, 'workspace.updated', { version: old.version + 1, changed: changed.map((key) => RECORDED[key]) });
}

/** @throws Refusal INVALID_INPUT; ALREADY_EXISTS when a member has the address. */
export async function createMember(tx: Tx, actor: Actor, input: { name: string; email: string; role?: ApiRole }): Promise<{ memberId: string }> {
  const memberId = newId();
  const email = emailOf(input.email, 'email');
  const [made] = await tx`insert into members (workspace_id, id, name, email, role, created_at)
    values (${actor.workspaceId}, ${memberId}, ${lineOf(input.name, 'name')}, ${email}, ${input.role ?? 'AGENT'}, ${now()})
    on conflict (workspace_id, email) do nothing returning id`;
  if (!made) throw taken('A member with this e-mail address', 'email');
  await append(tx, actor, 'member.created', { memberId, role: input.role ?? 'AGENT' });
  return { memberId };
}

/** The member can act no more: his tokens end within 5 s. What he did stays his. Twice is once. @throws Refusal NOT_FOUND, CONFLICT */
export async function deactivateMember(tx: Tx, actor: Actor, input: { memberId: string; expectedVersion?: number }): Promise<void> {
  const [row] = await tx<{ version: number; deactivatedAt: string | null }[]>`
    select version, deactivated_at from members where workspace_id = ${actor.workspaceId} and id = ${input.memberId} for no key update`;
  const member = found(row, 'member');
  expectVersion(member.version, input.expectedVersion);
  if (member.deactivatedAt !== null) return;
  await tx`update members set deactivated_at = ${now()}, version = version + 1 where workspace_id = ${actor.workspaceId} and id = ${input.memberId}`;
  // `key.revoked` is what live connections listen to.
  await appendEvents(tx, actor.workspaceId, [
    event(actor, 'member.updated', { memberId: input.memberId, version: member.version + 1 }),
    event(actor, 'key.revoked', { memberId: input.memberId }),
  ]);
}

/** @throws Refusal INVALID_INPUT, ALREADY_EXISTS, NOT_FOUND (a member) */
export async function createTeam(tx: Tx, actor: Actor, input: { name: string; memberIds?: string[] }): Promise<{ teamId: string }> {
  const teamId = newId();
  const [made] = await tx`insert into teams (workspace_id, id, name, created_at)
    values (${actor.workspaceId}, ${teamId}, ${lineOf(input.name, 'name')}, ${now()})
    on conflict (workspace_id, name) do nothing returning id`;
  if (!made) throw taken('A team of this name', 'name');
  const memberIds = [...new Set(input.memberIds ?? [])];
  await putTeamMembers(tx, actor, teamId, memberIds);
  await append(tx, actor, 'team.created', { teamId, memberCount: memberIds.length });
  return { teamId };
}

/** Makes `memberIds` the team, whoever was in it before. @throws Refusal NOT_FOUND (the team or a member) */
export async function setTeamMembers(tx: Tx, actor: Actor, input: { teamId: string; memberIds: string[] }): Promise<void> {
  const [team] = await tx`select id from teams where workspace_id = ${actor.workspaceId} and id = ${input.teamId} for no key update`;
  found(team, 'team');
  const memberIds = [...new Set(input.memberIds)];
  const gone = await tx`delete from team_members
    where workspace_id = ${actor.workspaceId} and team_id = ${input.teamId} and member_id <> all(${memberIds}::uuid[]) returning member_id`;
  const came = await putTeamMembers(tx, actor, input.teamId, memberIds);
  if (gone.length + came === 0) return;
  await append(tx, actor, 'team.updated', { teamId: input.teamId, memberCount: memberIds.length });
}

async function putTeamMembers(tx: Tx, actor: Actor, teamId: string, memberIds: string[]): Promise<number> {
  if (memberIds.length > 1_000) throw new Refusal('INVALID_INPUT', 'A team has at most 1,000 members.', { field: ['memberIds'] });
  const known = await tx`select id from members where workspace_id = ${actor.workspaceId} and id = any(${memberIds}::uuid[]) for share`;
  if (known.length < memberIds.length) throw new Refusal('NOT_FOUND', 'There is no such member in this workspace.', { field: ['memberIds'] });
  const came = await tx`insert into team_members (workspace_id, team_id, member_id)
    select ${actor.workspaceId}, ${teamId}, m from unnest(${memberIds}::uuid[]) m on conflict do nothing returning member_id`;
  return came.length;
}

/** @throws Refusal INVALID_INPUT, ALREADY_EXISTS, NOT_FOUND (the business hours) */
export async function createQueue(
  tx: Tx,
  actor: Actor,
  input: { name: string; description?: string | null; businessHoursId?: string | null; isDefault?: boolean },
): Promise<{ queueId: string }> {
  const queueId = newId();
  await lockQueues(tx, actor);
  await requireBusinessHours(tx, actor, input.businessHoursId);
  if (input.isDefault) await noDefaultQueue(tx, actor);
  const [made] = await tx`insert into queues (workspace_id, id, name, description, business_hours_id, is_default, created_at)
    values (${actor.workspaceId}, ${queueId}, ${lineOf(input.name, 'name')}, ${describe(input.description)}, ${input.businessHoursId ?? null},
            ${input.isDefault ?? false}, ${now()})
    on conflict (workspace_id, name) do nothing returning id`;
  if (!made) throw taken('A queue of this name', 'name');
  await append(tx, actor, 'queue.created', { queueId });
  return { queueId };
}

/**
 * Changes what is given; null takes description or business hours away. Making a queue the default takes that from the one before.
 * @throws Refusal INVALID_INPUT, ALREADY_EXISTS, NOT_FOUND, CONFLICT
 */
export async function updateQueue(
  tx: Tx,
  actor: Actor,
  input: { queueId: string; name?: string; description?: string | null; businessHoursId?: string | null; isDefault?: boolean; expectedVersion?: number },
): Promise<void> {
  await lockQueues(tx, actor);
  const [row] = await tx<{ name: string; description: string | null; businessHoursId: string | null; isDefault: boolean; version: number }[]>`
    select name, description, business_hours_id, is_default, version from queues
    where workspace_id = ${actor.workspaceId} and id = ${input.queueId} for no key update`;
  const old = found(row, 'queue');
  expectVersion(old.version, input.expectedVersion);
  if (old.isDefault && input.isDefault === false) {
    throw new Refusal('INVALID_INPUT', 'New conversations must go somewhere: make another queue the default instead.', { field: ['isDefault'] });
  }
  if (input.isDefault && !old.isDefault) await noDefaultQueue(tx, actor);
  await requireBusinessHours(tx, actor, input.businessHoursId);
  const name = input.name == null ? old.name : lineOf(input.name, 'name');
  const [namesake] = await tx`select id from queues where workspace_id = ${actor.workspaceId} and name = ${name} and id <> ${input.queueId}`;
  if (namesake) throw taken('A queue of this name', 'name');
  await tx`update queues set name = ${name}, description = ${input.description === undefined ? old.description : describe(input.description)},
      business_hours_id = ${input.businessHoursId === undefined ? old.businessHoursId : input.businessHoursId},
      is_default = ${input.isDefault ?? old.isDefault}, version = version + 1
    where workspace_id = ${actor.workspaceId} and id = ${input.queueId}`;
  await append(tx, actor, 'queue.updated', { queueId: input.queueId, version: old.version + 1 });
}

/** The queue that takes what no rule sends elsewhere. @throws Refusal NOT_FOUND */
export async function defaultQueueId(tx: Tx, workspaceId: string): Promise<string> {
  const [row] = await tx<{ id: string }[]>`select id from queues where workspace_id = ${workspaceId} and is_default`;
  return found(row, 'default queue').id;
}

// Names and the default are unique over all queues of a workspace: who writes them waits here, so that nobody meets the unique indexes.
async function lockQueues(tx: Tx, actor: Actor): Promise<void> {
  await tx`select id from workspaces where id = ${actor.workspaceId} for no key update`;
}

async function noDefaultQueue(tx: Tx, actor: Actor): Promise<void> {
  await tx`update queues set is_default = false, version = version + 1 where workspace_id = ${actor.workspaceId} and is_default`;
}

async function requireBusinessHours(tx: Tx, actor: Actor, id: string | null | undefined): Promise<void> {
  if (id == null) return;
  const [row] = await tx`select id from business_hours where workspace_id = ${actor.workspaceId} and id = ${id}`;
  if (!row) throw new Refusal('NOT_FOUND', 'There are no such business hours in this workspace.', { field: ['businessHoursId'] });
}

/** @throws Refusal INVALID_INPUT, ALREADY_EXISTS */
export async function createBusinessHours(
  tx: Tx,
  actor: Actor,
  input: { name: string; timeZone: string; hours: Opening[] },
): Promise<{ businessHoursId: string }> {
  const businessHoursId = newId();
  const hours = JSON.stringify(openingsOf(input.hours, 'hours'));
  const [made] = await tx`insert into business_hours (workspace_id, id, name, time_zone, hours, created_at)
    values (${actor.workspaceId}, ${businessHoursId}, ${lineOf(input.name, 'name')}, ${timeZoneOf(input.timeZone, 'timeZone')}, ${hours}::text::jsonb, ${now()})
    on conflict (workspace_id, name) do nothing returning id`;
  if (!made) throw taken('A calendar of this name', 'name');
  await append(tx, actor, 'business_hours.created', { businessHoursId });
  return { businessHoursId };
}

const describe = (text: string | null | undefined): string | null => (text == null || text.trim() === '' ? null : lineOf(text, 'description', 1_000));

const taken = (what: string, field: string): Refusal => new Refusal('ALREADY_EXISTS', `${what} is there already.`, { field: [field] });

const event = (actor: Actor, kind: EventKind, data: NewEvent['data']): NewEvent => ({ kind, actor: { kind: actor.kind, id: actor.id }, data });

const append = (tx: Tx, actor: Actor, kind: EventKind, data: NewEvent['data']): Promise<void> =>
  appendEvents(tx, actor.workspaceId, [event(actor, kind, data)]);
