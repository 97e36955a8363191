// What clients may change of a workspace.
import { beyond, type Permission } from '../access/permissions.ts';
import { createMemberToken, revokeToken } from '../access/tokens.ts';
import { idOf, inputObject } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import type { Viewer } from '../access/viewer.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId } from '../platform/ids.ts';
import * as actions from './actions.ts';
import { ApiKey, ApiRole, BusinessHours, Continuity, Member, Queue, Team, Workspace } from './fields.ts';
import { uuidFrom } from './input.ts';
import { createApiKey, revokeApiKey } from './keys.ts';

const teamPayload = { team: { type: () => Team, description: 'The team as it is now.' } };
const queuePayload = { queue: { type: () => Queue, description: 'The queue as it is now.' } };
const memberPayload = { member: { type: () => Member, description: 'The member as he is now.' } };

mutation('updateWorkspace', {
  description: 'Changes the workspace’s settings; what is left out stays.',
  permission: 'workspace:write',
  versioned: true,
  input: {
    name: { type: 'String', description: 'Its new name, 1 to 200 characters.' },
    timeZone: { type: 'String', description: 'IANA name of the time zone in which its days begin, e.g. `Europe/Amsterdam`.' },
    continuity: { type: Continuity, description: 'What an inbound message joins that answers no message of ours.' },
    reopenHours: { type: 'Int', description: 'For how many hours after closing a reply reopens a conversation; 0 to 8,760.' },
    allowedOrigins: { type: 'String', list: true, description: 'The whole list of origins from which browsers may call, at most 100.' },
  },
  payload: { workspace: { type: () => Workspace, description: 'The workspace as it is now.' } },
  run: async (tx, { actor }, input) => {
    await actions.updateWorkspace(tx, actor, input);
    return { workspace: actor.workspaceId };
  },
});

mutation('createMember', {
  description: 'Adds a person to the workspace. Nobody can add one who may do more than himself.',
  permission: 'workspace:write',
  idempotent: true,
  input: {
    name: { type: 'String', required: true, description: 'The person’s name.' },
    email: { type: 'String', required: true, description: 'The person’s e-mail address; unique in the workspace.' },
    role: { type: ApiRole, default: 'AGENT', description: 'What the person may do.' },
  },
  payload: memberPayload,
  run: async (tx, { actor, viewer }, input) => {
    mayGive(viewer, input.role ?? 'AGENT', []);
    return { member: (await actions.createMember(tx, actor, input)).memberId };
  },
});

mutation('deactivateMember', {
  description: 'Ends a person’s access; his tokens end within 5 seconds. What he did stays his.',
  permission: 'workspace:write',
  versioned: true,
  input: { memberId: { type: idOf('mem'), required: true, description: 'Whose access ends.' } },
  payload: memberPayload,
  run: async (tx, { actor }, input) => {
    const memberId = uuidFrom('mem', input.memberId, 'memberId');
    await actions.deactivateMember(tx, actor, { memberId, expectedVersion: input.expectedVersion });
    return { member: memberId };
  },
});

mutation('createTeam', {
  description: 'Creates a team.',
  permission: 'workspace:write',
  idempotent: true,
  input: {
    name: { type: 'String', required: true, description: 'Its name; unique in the workspace.' },
    memberIds: { type: idOf('mem'), list: true, description: 'Who is in it; none when left out.' },
  },
  payload: teamPayload,
  run: async (tx, { actor }, input) => ({
    team: (await actions.createTeam(tx, actor, { name: input.name, memberIds: memberIdsOf(input.memberIds ?? []) })).teamId,
  }),
});

mutation('setTeamMembers', {
  description: 'Says who is in a team, whoever was before.',
  permission: 'workspace:write',
  input: {
    teamId: { type: idOf('tea'), required: true, description: 'The team.' },
    memberIds: { type: idOf('mem'), list: true, required: true, description: 'All of its members, at most 1,000.' },
  },
  payload: teamPayload,
  run: async (tx, { actor }, input) => {
    const teamId = uuidFrom('tea', input.teamId, 'teamId');
    await actions.setTeamMembers(tx, actor, { teamId, memberIds: memberIdsOf(input.memberIds) });
    return { team: teamId };
  },
});

const businessHoursId = { type: idOf('bhr'), description: 'When it is served; null or left out: always.' } as const;

mutation('createQueue', {
  description: 'Creates a queue.',
  permission: 'workspace:write',
  idempotent: true,
  input: {
    name: { type: 'String', required: true, description: 'Its name; unique in the workspace.' },
    description: { type: 'String', description: 'What it is for, at most 1,000 characters.' },
    businessHoursId,
    isDefault: { type: 'Boolean', default: false, description: 'Takes what no rule sends elsewhere, in place of the present default.' },
  },
  payload: queuePayload,
  run: async (tx, { actor }, input) => ({ queue: (await actions.createQueue(tx, actor, { ...input, ...hoursOf(input) })).queueId }),
});

mutation('updateQueue', {
  description: 'Changes a queue; what is left out stays, null takes away.',
  permission: 'workspace:write',
  versioned: true,
  input: {
    queueId: { type: idOf('que'), required: true, description: 'The queue.' },
    name: { type: 'String', description: 'Its new name.' },
    description: { type: 'String', description: 'What it is for, at most 1,000 characters; null takes it away.' },
    businessHoursId: { ...businessHoursId, description: 'When it is served; null: always.' },
    isDefault: { type: 'Boolean', description: 'True makes it the default in place of the present one. False is refused for the default: make another one it.' },
  },
  payload: queuePayload,
  run: async (tx, { actor }, input) => {
    const queueId = uuidFrom('que', input.queueId, 'queueId');
    await actions.updateQueue(tx, actor, { ...input, ...hoursOf(input), queueId });
    return { queue: queueId };
  },
});

const OpeningInput = inputObject('OpeningInput', 'One opening of a week.', {
  day: { type: 'Int', required: true, description: '1 (Monday) to 7 (Sunday).' },
  from: { type: 'String', required: true, description: 'When it opens, local time: `09:00`.' },
  to: { type: 'String', required: true, description: 'When it closes, later on the same day: `17:30`, at most `24:00`.' },
});

mutation('createBusinessHours', {
  description: 'Creates a calendar of business hours.',
  permission: 'workspace:write',
  idempotent: true,
  input: {
    name: { type: 'String', required: true, description: 'Their name; unique in the workspace.' },
    timeZone: { type: 'String', required: true, description: 'IANA name of the time zone that the hours are in.' },
    hours: { type: OpeningInput, list: true, required: true, description: 'The openings of a week, none over another, at most 70. Hours over midnight are two.' },
  },
  payload: { businessHours: { type: () => BusinessHours, description: 'The business hours.' } },
  run: async (tx, { actor }, input) => ({ businessHours: (await actions.createBusinessHours(tx, actor, input)).businessHoursId }),
});

// Neither of the next two is idempotent: the answer to a repeated key would have to be kept, and it is a secret.
mutation('createApiKey', {
  description: 'Creates an API key. Its text is in this answer only. Nobody can create one that may do more than himself.',
  permission: 'keys:write',
  input: {
    name: { type: 'String', required: true, description: 'What it is for.' },
    role: { type: ApiRole, required: true, description: 'What it may do.' },
    scopes: { type: 'String', list: true, description: 'Permissions of the role that it is narrowed to, such as `customers:read`; none: all of them.' },
    expiresAt: { type: 'DateTime', description: 'When it ends by itself; left out: never.' },
  },
  payload: {
    apiKey: { type: () => ApiKey, description: 'The key, without its text.' },
    secret: { type: 'String', description: 'The key’s text, `tl_…`: send it as `Authorization: Bearer …`. It is shown this once. Never put it into a browser.' },
  },
  run: async (tx, { actor, viewer }, input) => {
    mayGive(viewer, input.role, input.scopes ?? []);
    const made = await createApiKey(tx, actor, input);
    return { apiKey: made.apiKeyId, secret: made.key };
  },
});

mutation('createMemberToken', {
  description: 'A short-lived token by which a front end acts as a member. Nobody can act as one who may do more than himself.',
  permission: 'keys:write',
  input: {
    memberId: { type: idOf('mem'), required: true, description: 'Who acts.' },
    ttlMs: { type: 'Milliseconds', description: 'How long it lives, in milliseconds: 1,000 to 43,200,000 (12 hours, the default).' },
  },
  payload: {
    member: { type: () => Member, description: 'Who acts.' },
    tokenId: { type: 'ID', description: 'Names the token to `revokeToken`: `tok_…`.' },
    token: { type: 'String', description: 'The token: send it as `Authorization: Bearer …`. It is shown this once.' },
    expiresAt: { type: 'DateTime', description: 'When it ends.' },
  },
  run: async (tx, { actor, viewer }, input) => {
    const memberId = uuidFrom('mem', input.memberId, 'memberId');
    const [member] = await tx<{ role: actions.ApiRole }[]>`select role from members where workspace_id = ${actor.workspaceId} and id = ${memberId}`;
    if (member) mayGive(viewer, member.role, []);
    const issued = await createMemberToken(tx, actor, { memberId, ttlMs: input.ttlMs ?? undefined });
    return { member: memberId, tokenId: publicId('tok', issued.tokenId), token: issued.token, expiresAt: issued.expiresAt };
  },
});

mutation('revokeApiKey', {
  description: 'Ends an API key, everywhere within 5 seconds, its open sockets included.',
  permission: 'keys:write',
  input: { apiKeyId: { type: idOf('key'), required: true, description: 'The key.' } },
  payload: { apiKey: { type: () => ApiKey, description: 'The key as it is now.' } },
  run: async (tx, { actor }, input) => {
    const apiKeyId = uuidFrom('key', input.apiKeyId, 'apiKeyId');
    await revokeApiKey(tx, actor, { apiKeyId });
    return { apiKey: apiKeyId };
  },
});

mutation('revokeToken', {
  description: 'Ends a member’s or visitor’s token before its time, everywhere within 5 seconds, its open sockets included.',
  permission: 'keys:write',
  input: { tokenId: { type: idOf('tok'), required: true, description: 'The token’s id, not its text.' } },
  payload: { tokenId: { type: 'ID', description: 'The token that ended.' } },
  run: async (tx, { actor }, input) => {
    await revokeToken(tx, actor, { tokenId: uuidFrom('tok', input.tokenId, 'tokenId') });
    return { tokenId: input.tokenId };
  },
});

function mayGive(viewer: Viewer, role: actions.ApiRole, scopes: string[]): void {
  const more: Permission[] = beyond(viewer.permissions, role, scopes);
  if (more.length > 0) throw new Refusal('FORBIDDEN', `Your own key or token lacks \`${more[0]}\`, so it cannot give it to another.`, { permission: more[0] });
}

const memberIdsOf = (ids: string[]): string[] => ids.map((id, at) => uuidFrom('mem', id, 'memberIds', String(at)));

const hoursOf = (input: { businessHoursId?: string | null }): { businessHoursId?: string | null } =>
  input.businessHoursId == null ? { businessHoursId: input.businessHoursId } : { businessHoursId: uuidFrom('bhr', input.businessHoursId, 'businessHoursId') };
