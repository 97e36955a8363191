// G11: who may ask what. One table of permissions a role (access/permissions.ts), one permission a field, and here both written down once more, so
// that neither changes unseen. What is in neither table is refused, and a field without a permission does not start.
import { getNamedType, isCompositeType, isObjectType, parse, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { PERMISSIONS, ROLE_PERMISSIONS, type Permission, type ViewerRole } from '../../src/access/permissions.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { column, entities, entity, query, rootLeaf, roots } from '../../src/graphql/entity.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { mutation, mutations } from '../../src/graphql/mutation.ts';
import { subscription, subscriptions } from '../../src/graphql/subscription.ts';
import '../../src/server/graph.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { startTestServer, type Reply, type TestServer } from '../harness/server.ts';
import { call, documentOf, isConnection, rootOf, type Kind } from './documents.ts';
import { MUTATIONS, PARENTS, QUERIES, SUBSCRIPTIONS } from './samples.ts';
import { makeWorld, type World } from './world.ts';

/** What each field of the API needs, beside what the types that it answers need. */
const FIELDS: Record<Kind, Partial<Record<Permission, string>>> = {
  query: {
    'any': 'viewer cursor',
    'workspace:read': 'workspace members teams queues businessHours routingRule routingRules',
    'keys:write': 'apiKeys',
    'customers:read': 'customer customers',
    'customers:contact': 'identity claim screenPop',
    'conversations:read': 'conversation conversations conversationChange agentWorkspace',
    'messages:read': 'message call search',
    'notes:read': 'note',
    'records:read': 'externalRecord externalRecordByKey externalRecords',
    'channels:read': 'channelAccounts inboundEvents',
    'statistics:read': 'conversationStats conversationStatsRows',
    'events:read': 'changes',
    'visitor:self': 'visitor visitorChat',
  },
  mutation: {
    'workspace:write': 'updateWorkspace createMember deactivateMember createTeam setTeamMembers createQueue updateQueue createBusinessHours createRoutingRule updateRoutingRule reorderRoutingRules',
    'keys:write': 'createApiKey createMemberToken createVisitorToken revokeApiKey revokeToken',
    'customers:write': 'confirmClaim rejectClaim undoIdentityChange setIdentityShared upsertCustomer upsertCustomers addIdentity tagCustomer',
    'channels:write': 'connectChannel updateChannelAccount checkChannelAccount rotateChannelSecrets setChannelAccountState disconnectChannel replayInboundEvent',
    'conversations:write': 'setConversationStatus assignConversation tag updateConversation setCallDisposition splitConversation mergeConversations moveMessages undoConversationChange markRead setPresence',
    'messages:send': 'sendMessage startConversation setTyping',
    'messages:ingest': 'ingestMessages',
    'notes:write': 'addNote editNote pinNote linkNote',
    'records:write': 'upsertExternalRecord upsertExternalRecords',
    'visitor:self': 'startChat identifyVisitor sendVisitorMessage editVisitorMessage deleteVisitorMessage markVisitorSeen setVisitorTyping visitorPage',
  },
  subscription: {
    'visitor:self': 'visitorEvents teamTyping',
    'events:read': 'events',
    'messages:read': 'messageAdded incomingCall',
    'conversations:read': 'conversationUpdated inbox typing',
    'workspace:read': 'presence',
  },
};

/** What each type needs, and those of its fields that need something else. */
const TYPES: Record<string, string> = {
  ApiKey: 'workspace:read; keys:write: scopes hint expiresAt revokedAt',
  AgentWorkspace: 'conversations:read; customers:read: customer; customers:contact: identities; messages:read: timeline; records:read: externalRecords; notes:read: notes',
  Attempt: 'messages:read',
  AttributeObservation: 'customers:read; customers:contact: identity',
  BusinessHours: 'workspace:read',
  Call: 'messages:read; conversations:read: conversation; customers:read: customer; customers:contact: identity fromValue toValue; channels:read: account; workspace:read: member',
  CallLeg: 'messages:read; customers:contact: party',
  CallStep: 'messages:read; customers:contact: party',
  ChannelAccount: 'channels:read; channels:write: settings endpointId webhookUrl setupSteps notice noticeDetails',
  Claim: 'customers:contact; customers:read: customer addressOwner',
  Conversation: 'conversations:read; workspace:read: assignee team queue; messages:read: messageCount unreadCount messages lastMessage calls timeline; customers:read: customer; customers:contact: openedBy participants replyOptions; events:read: eventCount; notes:read: notes',
  ConversationChange: 'conversations:read; messages:read: messageCount callCount messages calls; notes:read: noteCount notes',
  ConversationStatsItem: 'statistics:read; conversations:read: conversation; messages:read: message; customers:read: customer',
  ConversationStatsRow: 'statistics:read; workspace:read: queue',
  Customer: 'customers:read; customers:contact: identities self claims; conversations:read: conversations; notes:read: notes; records:read: externalRecords; messages:read: timeline',
  Delivery: 'channels:read; channels:write: raw',
  Event: 'events:read; conversations:read: conversation conversationChange; customers:read: customer; customers:contact: identity; messages:read: message call; notes:read: note; records:read: externalRecord; keys:write: sourceAddress credentialId',
  ExternalId: 'customers:read',
  ExternalRecord: 'records:read; customers:read: customer; customers:contact: identity; notes:read: notes',
  ExternalRecordVersion: 'records:read',
  Identity: 'customers:contact; customers:read: customer',
  InboundEvent: 'channels:read; messages:read: message; channels:write: error',
  Member: 'workspace:read',
  Message: 'messages:read; conversations:read: conversation; customers:read: customer; customers:contact: identity others; channels:read: account',
  MessagePart: 'messages:read',
  Note: 'notes:read; customers:read: customer; conversations:read: conversation; records:read: externalRecords',
  NoteVersion: 'notes:read',
  Queue: 'workspace:read',
  Reaction: 'messages:read; customers:contact: identity',
  Receipt: 'messages:read',
  Recording: 'messages:read',
  ReplyOption: 'customers:contact; channels:read: account',
  Referral: 'messages:read; customers:read: customer; customers:contact: identity',
  RoutingDecision: 'conversations:read; workspace:read: rule queue',
  RoutingReason: 'conversations:read; workspace:read: rule',
  RoutingRule: 'workspace:read',
  ScreenPop: 'customers:contact; customers:read: customer; conversations:read: openConversation',
  SearchResult: 'messages:read; customers:read: customer; records:read: externalRecord',
  Team: 'workspace:read',
  TimelineEntry: 'messages:read; conversations:read: conversation; customers:read: customer; customers:contact: identity',
  Transcript: 'messages:read',
  Viewer: 'any; workspace:read: member apiKey workspace',
  Visitor: 'visitor:self',
  VisitorChat: 'visitor:self',
  VisitorConversation: 'visitor:self',
  VisitorFile: 'visitor:self',
  VisitorMessage: 'visitor:self',
  Workspace: 'workspace:read; workspace:write: allowedOrigins',
};

// Hundreds of requests a test.
vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
let world: World;
let graph: Graph;
let schema: GraphQLSchema;
beforeAll(async () => {
  server = await startTestServer();
  world = await makeWorld(server, 'Quokkaville');
  graph = await makeGraph({ read: server.db.app, write: server.db.app });
  schema = graph.schema;
});
afterAll(async () => {
  await world.twilio.close();
  await server.stop();
});

const KINDS: Kind[] = ['query', 'mutation', 'subscription'];
const permissionOf = (kind: Kind, field: string): Permission => Object.entries(FIELDS[kind]).find(([, names]) => names.split(' ').includes(field))![0] as Permission;
const ofType = (name: string): { own: string; fields: Record<string, string> } => {
  const [own, ...rest] = TYPES[name]!.split('; ');
  return { own: own!, fields: Object.fromEntries(rest.flatMap((part) => part.split(': ')[1]!.split(' ').map((field) => [field, part.split(': ')[0]!]))) };
};

describe('the table', () => {
  test('names every field of the API with its permission, and no other', () => {
    for (const kind of KINDS) {
      const declared = Object.values(rootOf(schema, kind).getFields()).filter(({ name }) => name !== 'node' && name !== 'nodes').map(({ name, extensions }) => [name, extensions.permission as string]);
      const written = Object.entries(FIELDS[kind]).flatMap(([permission, names]) => names.split(' ').map((name) => [name, permission]));
      expect(Object.fromEntries(declared)).toEqual(Object.fromEntries(written));
    }
  });

  test('names every type with what its fields need', () => {
    const declared: Record<string, Record<string, string>> = {};
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith('__') || /Connection$|Edge$|^(?:Query|Mutation|Subscription)$/.test(type.name)) continue;
      const own = type.extensions.permission as string | undefined;
      // Values, payloads and page information need what leads to them.
      if (!own) expect(type.extensions.inherits, type.name).toBe(true);
      else declared[type.name] = Object.fromEntries(Object.values(type.getFields()).map((field) => [field.name, (field.extensions.permission as string | undefined) ?? own]));
    }
    const written = Object.fromEntries(Object.keys(TYPES).map((name) => {
      const { own, fields } = ofType(name);
      return [name, Object.fromEntries(Object.keys((schema.getType(name) as ReturnType<typeof rootOf>).getFields()).map((field) => [field, fields[field] ?? own]))];
    }));
    expect(declared).toEqual(written);
  });

  test('of roles: what each may do, in full', () => {
    expect(Object.fromEntries(Object.entries(ROLE_PERMISSIONS).map(([role, may]) => [role, PERMISSIONS.filter((permission) => !may.has(permission))]))).toEqual({
      ADMIN: ['visitor:self'],
      AGENT: ['messages:ingest', 'workspace:write', 'channels:write', 'keys:write', 'visitor:self'],
      INTEGRATOR: ['conversations:write', 'messages:send', 'statistics:read', 'workspace:write', 'channels:write', 'keys:write', 'visitor:self'],
      REPORTING: ['customers:contact', 'customers:write', 'conversations:write', 'messages:read', 'messages:send', 'messages:ingest', 'notes:read', 'notes:write', 'records:write', 'events:read', 'workspace:write', 'channels:read', 'channels:write', 'keys:write', 'visitor:self'],
      VISITOR: PERMISSIONS.filter((permission) => !['visitor:self', 'any'].includes(permission)),
    });
  });
});

const WHO: [string, ViewerRole | null, () => string | null][] = [
  ['ADMIN', 'ADMIN', () => world.keys.ADMIN],
  ['AGENT', 'AGENT', () => world.keys.AGENT],
  ['a member', 'AGENT', () => world.member.token],
  ['INTEGRATOR', 'INTEGRATOR', () => world.keys.INTEGRATOR],
  ['REPORTING', 'REPORTING', () => world.keys.REPORTING],
  ['VISITOR', 'VISITOR', () => world.visitor.token],
  ['the publishable key', 'VISITOR', () => world.publishable],
];

/** Each field with arguments that name nothing that exists, asking as little as can be asked. */
function calls(kind: Kind): { name: string; document: string; variables: Record<string, unknown>; needs: Permission[] }[] {
  const samples = { query: QUERIES, mutation: MUTATIONS, subscription: SUBSCRIPTIONS }[kind];
  return Object.values(rootOf(schema, kind).getFields()).filter(({ name }) => name !== 'node' && name !== 'nodes').map((field) => {
    const type = getNamedType(field.type);
    const made = samples[field.name]?.[0]?.args(world) ?? (isConnection(type) ? { first: 0 } : {});
    const variables = JSON.parse(JSON.stringify(made).replaceAll(/[0-9a-f]{32}/g, 'f'.repeat(32))) as Record<string, unknown>;
    const { declared, text } = call(field, Object.keys(variables), isCompositeType(type) ? ' { __typename }' : '');
    const needs = [permissionOf(kind, field.name), (isConnection(type) ? type.name.replace('Connection', '') : type.name) in TYPES ? (type.extensions.permission as Permission) : null];
    return { name: field.name, document: documentOf(kind, declared, text), variables, needs: [...new Set(needs.filter((one) => one !== null))] };
  });
}

function judge(name: string, needs: Permission[], role: ViewerRole | null, { status, errors, data }: Pick<Reply, 'status' | 'errors' | 'data'>): void {
  const about = `${name} ${role} ${JSON.stringify(errors)}`;
  const lacking = role === null ? [] : needs.filter((permission) => !ROLE_PERMISSIONS[role].has(permission));
  if (lacking.length === 0) {
    // The permission is there, but a key is no person, and a publishable key no visitor yet.
    const aside = errors.length === 1 && errors[0]!.extensions.permission === undefined && /^(?:Only a member can|A publishable key begins a chat)/.test(errors[0]!.message);
    if (!aside) for (const { extensions } of errors) expect(['FORBIDDEN', 'UNAUTHENTICATED', 'INTERNAL'], about).not.toContain(extensions.code);
    return;
  }
  expect(status, about).toBe(403);
  expect(data, about).toBeNull();
  expect(errors, about).toHaveLength(1);
  expect(errors[0]!.extensions.code, about).toBe('FORBIDDEN');
  expect(lacking, about).toContain(errors[0]!.extensions.permission);
  expect(errors[0]!.message, about).toContain(errors[0]!.extensions.permission);
}

describe('every field of the API', () => {
  test.each(WHO)('answers %s as the tables say, and names the permission that is lacking', async (_name, role, credential) => {
    for (const kind of ['query', 'mutation'] as const) {
      for (const { name, document, variables, needs } of calls(kind)) judge(name, needs, role, await server.query(document, variables, credential()));
    }
  });

  test.each(WHO)('over a socket answers %s the same', async (_name, role, credential) => {
    const socket = server.socket(credential());
    await socket.open;
    for (const kind of KINDS) {
      for (const [index, { name, document, variables, needs }] of calls(kind).entries()) {
        if (kind !== 'subscription' && index % 5 !== 0) continue;
        const refused = needs.some((permission) => !ROLE_PERMISSIONS[role!].has(permission));
        const { data = null, errors = [] } = await new Promise<{ data?: unknown; errors?: Reply['errors'] }>((resolve) => {
          let timer: NodeJS.Timeout | undefined;
          let stop = () => {};
          const end = (answer: object) => {
            clearTimeout(timer);
            stop();
            resolve(answer);
          };
          stop = socket.client.subscribe({ query: document, variables }, { next: (value) => end(value as object), error: (error) => end({ errors: Array.isArray(error) ? error : [{ message: String(error), extensions: { code: 'CLOSED' } }] }), complete: () => end({}) });
          // Who may follow hears nothing at first.
          if (kind === 'subscription' && !refused) timer = setTimeout(end, 60, {});
        });
        judge(name, needs, role, { status: errors.length > 0 && refused ? 403 : 200, data, errors });
      }
    }
    await socket.close();
  });

  test('answers nobody', async () => {
    for (const kind of ['query', 'mutation'] as const) {
      for (const { name, document, variables } of calls(kind)) {
        for (const credential of [null, 'tl_00000000000000000000000000000000_x', `tlp_${'0'.repeat(32)}_${'0'.repeat(32)}`]) {
          expect(await server.query(document, variables, credential), name).toMatchObject({ status: 401, data: null, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
        }
      }
    }
  });

  test('answers a key that is narrowed to one permission that field and no other', async () => {
    for (const scope of PERMISSIONS.filter((permission) => ROLE_PERMISSIONS.ADMIN.has(permission) && permission !== 'any')) {
      const { key } = await inWorkspace(server.db.app, world.id, (tx) => createApiKey(tx, world.actor, { name: scope, role: 'ADMIN', scopes: [scope] }));
      const viewer = await viewerOf(server.db.app, `Bearer ${key}`);
      for (const kind of ['query', 'mutation'] as const) {
        for (const { name, document, variables, needs } of calls(kind)) {
          const may = needs.every((permission) => permission === scope || permission === 'any');
          // What may be done was done above; here it is priced.
          const price = () => graph.price({ document: parse(document), variables, viewer });
          if (may) expect(price, `${scope} ${name}`).not.toThrow();
          else expect(price, `${scope} ${name}`).toThrow(/^Your key lacks the permission /);
        }
      }
    }
  });
});

describe('every field of every type', () => {
  test('needs what the table says, by whatever way it is reached', () => {
    let asked = 0;
    for (const [type, path] of pathsTo()) {
      const { own, fields } = ofType(type);
      for (const field of Object.values((schema.getType(type) as ReturnType<typeof rootOf>).getFields())) {
        const needed = (fields[field.name] ?? own) as Permission;
        const document = path(`${field.name}${isCompositeType(getNamedType(field.type)) ? ' { __typename }' : ''}`);
        const request = { document: parse(document), variables: {} };
        const viewer = (permissions: readonly Permission[]): Viewer => ({
          workspaceId: world.id, role: 'ADMIN', permissions: new Set(permissions), actor: world.actor, memberId: null, identityIds: [], accountId: null, permissionKey: permissions.join(), expiresAtMs: null,
        });
        expect(() => graph.price({ ...request, viewer: viewer(PERMISSIONS) }), document).not.toThrow();
        expect(() => graph.price({ ...request, viewer: viewer(PERMISSIONS.filter((one) => one !== needed)) }), document).toThrow(`permission ${needed}`);
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(300);
  });
});

/** A way to each type, by fields that need no arguments. */
function pathsTo(): Map<string, (inner: string) => string> {
  const found = new Map<string, (inner: string) => string>();
  const queue: [string, (inner: string) => string][] = [];
  const reach = (name: string, path: (inner: string) => string) => {
    if (found.has(name)) return;
    if (name in TYPES) found.set(name, path);
    queue.push([name, path]);
  };
  for (const one of entities.values()) if (one.prefix) reach(one.name, (inner) => `{ node(id: "${one.prefix}_${'f'.repeat(32)}") { ... on ${one.name} { ${inner} } } }`);
  for (const [name, { open }] of Object.entries(PARENTS)) reach(name, (inner) => `{ ${open(world)} ${inner} } } }`);
  reach('Query', (inner) => `{ ${inner} }`);
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [name, path] = next;
    const type = schema.getType(name);
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const args = field.args.filter((argument) => String(argument.type).endsWith('!') && argument.defaultValue === undefined);
      const literal = name === 'Query' && args.length > 0 ? LITERALS[field.name] : args.length > 0 ? undefined : '';
      if (literal === undefined || field.name === 'node' || field.name === 'nodes') continue;
      reach(getNamedType(field.type).name, (inner) => path(`${field.name}${literal} { ${inner} }`));
    }
  }
  expect(Object.keys(TYPES).filter((name) => !found.has(name))).toEqual([]);
  return found;
}
const LITERALS: Record<string, string> = {
  conversationStats: '(range: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" })',
  conversationStatsRows: '(figure: MESSAGES_IN, range: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" })',
  screenPop: '(channel: SMS, address: "+4915112345678")',
  search: '(query: "x")',
};

describe('a new field that names no permission does not start', () => {
  const start = () => makeGraph({ read: server.db.app, write: server.db.app });
  const action = { description: 'x', input: {}, payload: {}, run: async () => ({}) };

  test('a query', async () => {
    query({ unguarded: rootLeaf('String', () => "'x'", 'x') });
    await expect(start()).rejects.toThrow('Query.unguarded');
    delete roots.unguarded;
  });
  test('a mutation', async () => {
    mutation('unguarded', action as never);
    await expect(start()).rejects.toThrow('Mutation.unguarded');
    delete mutations.unguarded;
  });
  test('a subscription', async () => {
    subscription('unguarded', { description: 'x', args: {}, payload: {}, fromLog: true, async *subscribe() {} } as never);
    await expect(start()).rejects.toThrow('Subscription.unguarded');
    delete subscriptions.unguarded;
  });
  test('a type', async () => {
    entity('Unguarded', { description: 'x', prefix: 'ung', table: 'queues', fields: { name: column('String', 'name', 'x') } } as never);
    await expect(start()).rejects.toThrow('Unguarded.name');
    entities.delete('Unguarded');
  });
  test('and without them it starts', async () => {
    await expect(start()).resolves.toBeDefined();
  });
});
