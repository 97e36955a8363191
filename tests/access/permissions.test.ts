import {
  getNamedType, isEnumType, isInputObjectType, isLeafType, isListType, isNonNullType, isUnionType, parse,
  type GraphQLArgument, type GraphQLField, type GraphQLInputType, type GraphQLObjectType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beyond, PERMISSIONS, permissionsOf, ROLE_PERMISSIONS, unknownScopes, type Permission, type ViewerRole } from '../../src/access/permissions.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { entities, roots, type Entity, type Field, type RootField, type Union, type Value } from '../../src/graphql/entity.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { mutations } from '../../src/graphql/mutation.ts';
import { subscriptions } from '../../src/graphql/subscription.ts';
import { Refusal } from '../../src/platform/errors.ts';
import { newId } from '../../src/platform/ids.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import '../../src/server/graph.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const ROLES = Object.keys(ROLE_PERMISSIONS) as ViewerRole[];

/** The whole table, written a second time: who changes one side says it on the other. A = admin, G = agent, I = integrator, R = reporting, V = visitor. */
const TABLE: Record<Permission, string> = {
  'customers:read': 'AGIR-',
  'customers:contact': 'AGI--',
  'customers:write': 'AGI--',
  'conversations:read': 'AGIR-',
  'conversations:write': 'AG---',
  'messages:read': 'AGI--',
  'messages:send': 'AG---',
  'messages:ingest': 'A-I--',
  'notes:read': 'AGI--',
  'notes:write': 'AGI--',
  'records:read': 'AGIR-',
  'records:write': 'AGI--',
  'events:read': 'AGI--',
  'statistics:read': 'AG-R-',
  'workspace:read': 'AGIR-',
  'workspace:write': 'A----',
  'channels:read': 'AGI--',
  'channels:write': 'A----',
  'keys:write': 'A----',
  'visitor:self': '----V',
  any: 'AGIRV',
};

describe('the table', () => {
  test.each(PERMISSIONS)('%s', (permission) => {
    const row = ROLES.map((role) => (ROLE_PERMISSIONS[role].has(permission) ? 'AGIRV'[ROLES.indexOf(role)] : '-')).join('');
    expect(row).toBe(TABLE[permission]);
  });

  test('scopes narrow a role and never widen it', () => {
    expect([...permissionsOf('REPORTING', ['customers:read', 'messages:send'])]).toEqual(['customers:read', 'any']);
    expect(permissionsOf('AGENT', [])).toEqual(ROLE_PERMISSIONS.AGENT);
    expect(unknownScopes('REPORTING', ['customers:read', 'messages:send', 'nonsense'])).toEqual(['messages:send', 'nonsense']);
  });

  test('nobody gives out more than he has', () => {
    const narrow = permissionsOf('ADMIN', ['keys:write', 'customers:read']);
    expect(beyond(narrow, 'REPORTING', ['customers:read'])).toEqual([]);
    expect(beyond(narrow, 'REPORTING', [])).toContain('statistics:read');
    expect(beyond(narrow, 'ADMIN', ['keys:write'])).toEqual([]);
    expect(beyond(permissionsOf('ADMIN', []), 'ADMIN', [])).toEqual([]);
  });
});

let db: TestDatabase;
let graph: Graph;
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough');
  db = await testDatabase();
  graph = await makeGraph({ read: db.app, write: db.app });
});
afterAll(() => db.close());

const workspaceId = newId();
const viewer = (role: ViewerRole): Viewer => ({
  workspaceId, role, permissions: permissionsOf(role, []), actor: { workspaceId, kind: 'API_KEY', id: newId() }, memberId: null, identityIds: [], accountId: null,
  permissionKey: role, expiresAtMs: null,
});

/** What the graph says before any statement: the missing permission, or null when it lets the operation in. */
function missing(text: string, role: ViewerRole): string | null {
  const read = graph.read(text);
  if (!read.document) throw new Error(`${text}: ${JSON.stringify(read.errors)}`);
  const request = { document: read.document, viewer: viewer(role) };
  try {
    if (parse(text).definitions.some((d) => d.kind === 'OperationDefinition' && d.operation === 'subscription')) graph.subscription(request);
    else graph.price(request);
    return null;
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'FORBIDDEN') throw error;
    return error.details.permission as string;
  }
}

/** Each of `needed` and nothing else decides, for every role. */
function decides(text: string, needed: (Permission | undefined)[]): void {
  for (const role of ROLES) {
    const lacking = needed.filter((permission) => permission !== undefined && !ROLE_PERMISSIONS[role].has(permission));
    const said = missing(text, role);
    if (lacking.length === 0) expect(`${role} ${text}: ${said}`).toBe(`${role} ${text}: null`);
    else expect(lacking, `${role} ${text}: ${said}`).toContain(said);
  }
}

const literal = (type: GraphQLInputType): string => {
  if (isNonNullType(type)) return literal(type.ofType);
  if (isListType(type)) return `[${literal(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type)) return `{${Object.values(type.getFields()).filter((f) => isNonNullType(f.type) && f.defaultValue === undefined).map((f) => `${f.name}: ${literal(f.type)}`).join(', ')}}`;
  return { Int: '1', Milliseconds: '1000', Bytes: '1', Float: '1', Boolean: 'true', DateTime: '"2026-01-01T00:00:00.000Z"', JSON: '{}' }[type.name] ?? '"x"';
};
const args = (all: readonly GraphQLArgument[]): string => {
  const required = all.filter((a) => isNonNullType(a.type) && a.defaultValue === undefined);
  return required.length === 0 ? '' : `(${required.map((a) => `${a.name}: ${literal(a.type)}`).join(', ')})`;
};
const select = (field: GraphQLField<unknown, unknown>): string => `${field.name}${args(field.args)}${isLeafType(getNamedType(field.type)) ? '' : ' { __typename }'}`;

type Target = Entity | Union | Value;
const targets = (field: Field | RootField): (Permission | undefined)[] => {
  const target: Target | null = 'target' in field ? field.target() : field.form === 'custom' && typeof field.type === 'function' ? field.type() : null;
  if (target === null || target.kind === 'value') return [];
  if (target.kind === 'union') return isUnionType(graph.schema.getType(target.name)) ? Object.values(target.members).map((member) => member().permission) : [];
  return [target.permission];
};

describe('every field x role, asked of the graph', () => {
  test('and a field that asked for something else than it declares would be found', () => {
    expect(() => decides('{ apiKeys { nodes { id } } }', ['workspace:read'])).toThrow();
    expect(() => decides('{ members { nodes { id } } }', ['workspace:read', 'keys:write'])).toThrow();
  });

  test('of every type that has ids', () => {
    let fields = 0;
    for (const entity of entities.values()) {
      if (entity.prefix === null) continue;
      const type = graph.schema.getType(entity.name) as GraphQLObjectType;
      for (const [name, declared] of Object.entries(entity.fields)) {
        const text = `{ node(id: "${entity.prefix}_${'0'.repeat(32)}") { ... on ${entity.name} { ${select(type.getFields()[name]!)} } } }`;
        decides(text, [entity.permission, declared.permission, ...targets(declared)]);
        fields++;
      }
    }
    expect(fields).toBeGreaterThan(100);
  });

  test('of every root field, and of the types that it alone leads to', () => {
    const type = graph.schema.getQueryType()!;
    for (const [name, declared] of Object.entries(roots)) {
      const field = type.getFields()[name]!;
      decides(`{ ${select(field)} }`, [declared.permission, ...targets(declared)]);
      const target = 'target' in declared && declared.form === 'rows' ? declared.target() : null;
      if (!target || target.kind !== 'entity' || target.prefix !== null) continue;
      for (const [inner, innerDeclared] of Object.entries(target.fields)) {
        const innerField = (graph.schema.getType(target.name) as GraphQLObjectType).getFields()[inner]!;
        decides(`{ ${name}${args(field.args)} { ${select(innerField)} } }`, [declared.permission, target.permission, innerDeclared.permission, ...targets(innerDeclared)]);
      }
    }
  });

  test('of every mutation and subscription', () => {
    for (const [name, declared] of Object.entries(mutations)) {
      decides(`mutation { ${name}${args(graph.schema.getMutationType()!.getFields()[name]!.args)} { __typename } }`, [declared.permission]);
    }
    for (const [name, declared] of Object.entries(subscriptions)) {
      decides(`subscription { ${name}${args(graph.schema.getSubscriptionType()!.getFields()[name]!.args)} { __typename } }`, [declared.permission]);
    }
  });
});

test('a visitor reaches these types and mutations, and no others', () => {
  const reached = [...entities.values()].filter((entity) => ROLE_PERMISSIONS.VISITOR.has(entity.permission)).map((entity) => entity.name).sort();
  expect(reached).toEqual(['Viewer', 'Visitor', 'VisitorChat', 'VisitorConversation', 'VisitorFile', 'VisitorMessage']);
  for (const name of reached) {
    const entity = entities.get(name)!;
    for (const field of Object.values(entity.fields)) {
      // Whatever leads out of them asks for more.
      const out = targets(field).concat(field.permission).filter((permission) => permission !== undefined);
      const leads = 'target' in field && field.target().kind === 'entity' && !reached.includes((field.target() as Entity).name);
      if (leads) expect(out.some((permission) => !ROLE_PERMISSIONS.VISITOR.has(permission))).toBe(true);
    }
    // Its rows are the token's own, whatever leads to them.
    if (entity.prefix !== null) expect(entity.scope?.('r', { memberId: () => '', identityIds: () => '$ids', accountId: () => '' })).toContain('$ids');
  }
  expect(Object.keys(mutations).filter((name) => ROLE_PERMISSIONS.VISITOR.has(mutations[name]!.permission)).sort()).toEqual([
    'deleteVisitorMessage', 'editVisitorMessage', 'identifyVisitor', 'markVisitorSeen', 'sendVisitorMessage', 'setVisitorTyping', 'startChat', 'visitorPage',
  ]);
  expect(Object.keys(subscriptions).filter((name) => ROLE_PERMISSIONS.VISITOR.has(subscriptions[name]!.permission)).sort()).toEqual(['teamTyping', 'visitorEvents']);
});
