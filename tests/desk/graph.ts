// The graph of the rooms up to desk/, asked by both paths: every answer is checked to come from one statement and to be what the loaders say.
import { expect } from 'vitest';
import { permissionsOf, type ViewerRole } from '../../src/access/permissions.ts';
import type { Actor, Viewer } from '../../src/access/viewer.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import type { TestDatabase } from '../harness/database.ts';
import '../../src/workspaces/mutations.ts';
import '../../src/conversations/mutations.ts';
import '../../src/calls/fields.ts';
import '../../src/customers/mutations.ts';
import '../../src/customers/queries.ts';
import '../../src/crm/mutations.ts';
import '../../src/routing/mutations.ts';
import '../../src/timeline/fields.ts';
import '../../src/analytics/fields.ts';
import '../../src/desk/fields.ts';
import '../../src/realtime/event.ts';

export const viewerOf = (actor: Actor, role: ViewerRole = 'ADMIN', scopes: readonly string[] = []): Viewer => ({
  workspaceId: actor.workspaceId, role, permissions: permissionsOf(role, scopes), actor, memberId: null, identityIds: [], accountId: null, permissionKey: [role, ...scopes].join(' '), expiresAtMs: null,
});

export interface Desk {
  graph: Graph;
  /** `data` of a query, from one statement; the loaders are asked too and must say the same. Fails on any error. */
  ask(viewer: Viewer, query: string, variables?: Record<string, unknown>): Promise<any>;
  /** What a mutation or a query answers, errors and all, by whatever path. */
  answer(viewer: Viewer, query: string, variables?: Record<string, unknown>): Promise<{ data: any; errors: { message: string; code: string }[] }>;
  close(): Promise<void>;
}

export async function desk(db: TestDatabase): Promise<Desk> {
  const read: Sql = openPool({ url: db.url, role: 'throughline_app', max: 3, applicationName: 'test read' });
  const graph = await makeGraph({ read, write: db.app });
  const loaders = await makeGraph({ read, write: db.app, path: 'loaders', log: (id, error) => console.error(id, error) });
  return {
    graph,
    async ask(viewer, query, variables) {
      const before = graph.pool.statements;
      const answer = await graph.query(query, viewer, variables);
      expect(answer.errors).toEqual([]);
      expect(answer.path).toBe('compiled');
      expect(graph.pool.statements - before).toBe(1);
      const data = JSON.parse(answer.data!);
      const oracle = await loaders.query(query, viewer, variables);
      expect(oracle.errors).toEqual([]);
      expect(JSON.parse(oracle.data!)).toEqual(data);
      return data;
    },
    async answer(viewer, query, variables) {
      const answer = await graph.query(query, viewer, variables);
      return {
        data: answer.data === undefined ? null : JSON.parse(answer.data),
        errors: answer.errors.map((error) => ({ message: error.message, code: error.extensions!.code as string })),
      };
    },
    close: () => read.end({ timeout: 2 }),
  };
}
