// The graph's types of a workspace and the people, teams, queues and keys in it.
import { API_ROLES, CONTINUITIES } from '../../schema/workspaces.ts';
import { column, entity, enumeration, expression, listOf, many, one, query, rows } from '../graphql/entity.ts';
import type { Viewer as AccessViewer } from '../access/viewer.ts';

export const ApiRole = enumeration('ApiRole', 'What a member or an API key may do. Scopes narrow a key further.', API_ROLES, {
  ADMIN: 'Everything: settings, channels, keys, and all that the others may.',
  AGENT: 'Answers customers: reads everything, writes customers, conversations, messages, notes and records.',
  INTEGRATOR: 'Connects other systems: reads everything, writes customers, notes and records, brings in messages. Sends none.',
  REPORTING: 'Statistics and what they count, without what was said and without addresses.',
});
const ViewerRole = enumeration('ViewerRole', 'The role of whoever asks.', [...API_ROLES, 'VISITOR'], {
  ADMIN: 'As `ApiRole.ADMIN`.',
  AGENT: 'As `ApiRole.AGENT`.',
  INTEGRATOR: 'As `ApiRole.INTEGRATOR`.',
  REPORTING: 'As `ApiRole.REPORTING`.',
  VISITOR: 'An end customer with a visitor token, or a web page with a publishable key: his own side under `visitor` only.',
});
export const Continuity = enumeration('Continuity', 'What an inbound message joins that answers no message of ours.', CONTINUITIES, {
  ONE_OPEN_MATTER: 'The customer’s open conversation, whatever channels it was held in until then; else a new one.',
  ONE_PER_CHANNEL: 'The customer’s open conversation in which the same channel was used; else a new one.',
});

export const Workspace = entity('Workspace', {
  description: 'A tenant: everything else belongs to exactly one.',
  prefix: 'wks',
  table: 'workspaces',
  permission: 'workspace:read',
  fields: {
    name: column('String', 'name', 'Its name, 1 to 200 characters.'),
    timeZone: column('String', 'time_zone', 'IANA name of the time zone in which its days begin.'),
    continuity: column(Continuity, 'continuity', 'What an inbound message joins that answers no message of ours.'),
    reopenHours: column('Int', 'reopen_hours', 'For how many hours after closing a reply reopens a conversation; later it opens a new one, linked as related.'),
    allowedOrigins: column(listOf('String'), 'allowed_origins', 'Origins from which browsers may call (`https://shop.example`), over HTTP and WebSocket alike.', { permission: 'workspace:write' }),
    version: column('Int', 'version', 'Counts its changes; hand it to `updateWorkspace` as `expectedVersion`.'),
    createdAt: column('DateTime', 'created_at', 'When it was created.'),
    updatedAt: column('DateTime', 'updated_at', 'When its settings last changed.'),
  },
});

export const Member = entity('Member', {
  description: 'A person who works in the workspace.',
  prefix: 'mem',
  table: 'members',
  permission: 'workspace:read',
  fields: {
    name: column('String', 'name', 'The person’s name.'),
    email: column('String', 'email', 'The person’s e-mail address, in lower case; unique in the workspace.'),
    role: column(ApiRole, 'role', 'What the person may do.'),
    deactivatedAt: column('DateTime', 'deactivated_at', 'Since when the person can act no more; null while active.', { nullable: true }),
    teams: many(() => Team, 'The teams that the person is in, by name.', {
      among: (parent, scope) => `select tm.team_id from team_members tm where ${scope('tm')} and tm.member_id = ${parent}`,
      orders: { NAME: { description: 'By name.', columns: ['name'], descending: false } },
    }),
    version: column('Int', 'version', 'Counts its changes.'),
    createdAt: column('DateTime', 'created_at', 'When the person joined.'),
  },
});

const BY_NAME = { NAME: { description: 'By name.', columns: ['name'], descending: false } };

export const Team = entity('Team', {
  description: 'Members who work together; a conversation can be assigned to one.',
  prefix: 'tea',
  table: 'teams',
  permission: 'workspace:read',
  fields: {
    name: column('String', 'name', 'Its name; unique in the workspace.'),
    members: many(() => Member, 'Who is in it, by name.', {
      among: (parent, scope) => `select tm.member_id from team_members tm where ${scope('tm')} and tm.team_id = ${parent}`,
      orders: BY_NAME,
    }),
    memberCount: expression(
      'Int',
      (t) => `(select count(*)::int from team_members tm where tm.workspace_id = ${t}.workspace_id and tm.team_id = ${t}.id)`,
      'How many members it has, those included who were deactivated.',
    ),
    createdAt: column('DateTime', 'created_at', 'When it was created.'),
  },
});

export const BusinessHours = entity('BusinessHours', {
  description: 'When somebody is at work.',
  prefix: 'bhr',
  table: 'business_hours',
  permission: 'workspace:read',
  fields: {
    name: column('String', 'name', 'Their name; unique in the workspace.'),
    timeZone: column('String', 'time_zone', 'IANA name of the time zone that `hours` are in.'),
    hours: column('JSON', 'hours', 'The week, in its order: `[{ "day": 1, "from": "09:00", "to": "17:30" }]`. Day 1 is Monday; `to` is excluded and can be "24:00".'),
    createdAt: column('DateTime', 'created_at', 'When they were created.'),
  },
});

export const Queue = entity('Queue', {
  description: 'Where conversations wait for an agent.',
  prefix: 'que',
  table: 'queues',
  permission: 'workspace:read',
  fields: {
    name: column('String', 'name', 'Its name; unique in the workspace.'),
    description: column('String', 'description', 'What it is for; null when nobody wrote that.', { nullable: true }),
    businessHours: one(() => BusinessHours, 'business_hours_id', 'When it is served; null when always.', { nullable: true }),
    isDefault: column('Boolean', 'is_default', 'Takes what no rule sends elsewhere. One queue of a workspace is the default.'),
    version: column('Int', 'version', 'Counts its changes; hand it to `updateQueue` as `expectedVersion`.'),
    createdAt: column('DateTime', 'created_at', 'When it was created.'),
  },
});

export const ApiKey = entity('ApiKey', {
  description: 'A program’s credential. Its text is shown once, when it is created, and is not kept.',
  prefix: 'key',
  table: 'api_keys',
  permission: 'workspace:read',
  fields: {
    name: column('String', 'name', 'What it is for.'),
    role: column(ApiRole, 'role', 'What it may do.'),
    scopes: column(listOf('String'), 'scopes', 'The permissions that it is narrowed to, such as `customers:read`; empty: all of its role.', { permission: 'keys:write' }),
    hint: column('String', 'hint', 'The first characters of its secret, to tell keys apart.', { permission: 'keys:write' }),
    createdAt: column('DateTime', 'created_at', 'When it was created.'),
    expiresAt: column('DateTime', 'expires_at', 'When it ends by itself; null: never.', { nullable: true, permission: 'keys:write' }),
    revokedAt: column('DateTime', 'revoked_at', 'When it was revoked; null while it is valid.', { nullable: true, permission: 'keys:write' }),
  },
});

export const Viewer = entity('Viewer', {
  description: 'Whoever asks: the key or token of this request.',
  prefix: null,
  table: '',
  permission: 'any',
  fields: {
    role: column(ViewerRole, 'role', 'The role of the key, member or visitor.'),
    permissions: column(listOf('String'), 'permissions', 'What it may do, in alphabetical order: `customers:read`, `messages:send` …'),
    member: one(() => Member, 'member_id', 'The person who acts; null for API keys and visitors.', { nullable: true, permission: 'workspace:read' }),
    apiKey: one(() => ApiKey, 'api_key_id', 'The API key; null when a person or a visitor asks.', { nullable: true, permission: 'workspace:read' }),
    workspace: one(() => Workspace, 'workspace_id', 'The workspace that it belongs to.', { permission: 'workspace:read' }),
    expiresAt: column('DateTime', 'expires_at', 'When the key or token ends by itself; null: never.', { nullable: true }),
  },
});

const BY_CREATION = { CREATED: { description: 'Oldest first.', columns: ['created_at'], descending: false } };

query({
  viewer: rows(() => Viewer, 'Who asks, and what it may do.', {
    permission: 'any',
    args: {},
    single: true,
    prepare: (_args, viewer: AccessViewer) => ({
      shape: '',
      values: {
        role: { cast: 'text', value: viewer.role },
        permissions: { cast: 'text[]', value: [...viewer.permissions].sort() },
        memberId: { cast: 'uuid', value: viewer.memberId },
        apiKeyId: { cast: 'uuid', value: viewer.actor.kind === 'API_KEY' ? viewer.actor.id : null },
        expiresAt: { cast: 'timestamptz', value: viewer.expiresAtMs === null ? null : new Date(viewer.expiresAtMs).toISOString() },
      },
    }),
    sql: (_shape, param, workspace) => `select ${param('role')} as role, ${param('permissions')} as permissions, ${param('memberId')} as member_id,
      ${param('apiKeyId')} as api_key_id, ${workspace} as workspace_id, ${param('expiresAt')} as expires_at`,
  }),
  workspace: rows(() => Workspace, 'The workspace of the key or token.', {
    permission: 'workspace:read',
    args: {},
    single: true,
    prepare: () => ({ shape: '', values: {} }),
    sql: (_shape, _param, workspace) => `select w.* from workspaces w where w.id = ${workspace}`,
  }),
  members: many(() => Member, 'The people who work in the workspace, oldest first.', {
    orders: { ...BY_CREATION, ...BY_NAME },
    filter: {
      role: { type: ApiRole, description: 'Members of one of these roles.', column: 'role', list: true },
      active: { type: 'Boolean', description: 'Members who can act (true), or who were deactivated (false).', sql: (m, value) => `(${m}.deactivated_at is null) = ${value}` },
    },
  }),
  teams: many(() => Team, 'The teams, by name.', { orders: BY_NAME }),
  queues: many(() => Queue, 'The queues, by name.', { orders: BY_NAME }),
  businessHours: many(() => BusinessHours, 'The calendars of business hours, by name.', { orders: BY_NAME }),
  apiKeys: many(() => ApiKey, 'The API keys, oldest first, revoked ones included.', { permission: 'keys:write', orders: BY_CREATION }),
});
