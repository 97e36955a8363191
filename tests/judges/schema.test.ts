// The schema and the canonical operations before those who judge schemas: it is the committed one, it is described, and graphql-eslint has nothing to say.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import graphqlPlugin from '@graphql-eslint/eslint-plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GraphQLSchema } from 'graphql';
import { makeGraph } from '../../src/graphql/execute.ts';
import { printedSchema, undescribed } from '../../src/graphql/print-schema.ts';
import '../../src/server/graph.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { ROOT } from '../harness/server.ts';

const SCHEMA = join(ROOT, 'schema/api.graphql');
const OPERATIONS = join(ROOT, 'schema/operations');

let db: TestDatabase;
let schema: GraphQLSchema;
beforeAll(async () => {
  db = await testDatabase();
  ({ schema } = await makeGraph({ read: db.app, write: db.app }));
});
afterAll(() => db.close());

test('schema/api.graphql is what the code says; `npm run schema:print` writes it', () => {
  expect(readFileSync(SCHEMA, 'utf8') === printedSchema(schema)).toBe(true);
});
test('every type, field, argument and value says what it is', () => {
  expect(undescribed(schema)).toEqual([]);
});

/** Each complaint as `file:line rule message`. */
async function lint(files: string[], rules: Record<string, unknown>): Promise<string[]> {
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfigFile: true,
    ignore: false,
    overrideConfig: [{
      files: ['**/*.graphql'],
      languageOptions: { parser: graphqlPlugin.parser as never, parserOptions: { graphQLConfig: { schema: SCHEMA, documents: `${OPERATIONS}/*.graphql` } } },
      plugins: { '@graphql-eslint': graphqlPlugin as never },
      rules: rules as never,
    }],
  });
  const results = await eslint.lintFiles(files);
  expect(results.length).toBe(files.length);
  return results.flatMap(({ filePath, messages }) => messages.map(({ line, ruleId, message }) => `${filePath.slice(ROOT.length)}:${line} ${ruleId} ${message}`));
}
const rulesOf = (...names: (keyof typeof graphqlPlugin.configs)[]): Record<string, unknown> =>
  Object.assign({}, ...names.map((name) => (graphqlPlugin.configs[name] as { rules: Record<string, unknown> }).rules));

/** Types that are part of something or figures, and have no id because nobody can ask for one. */
const VALUES = [
  'Actor', 'AgentWorkspace', 'ConversationStatsItem', 'ConversationStatsRow', 'ExternalId', 'ExternalRecordVersion', 'IngestedMessage', 'NoteVersion', 'PageInfo', 'ReplyOption', 'RoutingActions', 'RoutingConditions', 'RoutingReason', 'ScreenPop',
  'SearchResult', 'TotalCount', 'UpsertedCustomer', 'UpsertedExternalRecord', 'UserError', 'Viewer', 'VisitorChat', 'VisitorFile',
];

describe('graphql-eslint', () => {
  test('has nothing to say of the schema, nor of its lists as Relay wants them', async () => {
    const complaints = await lint([SCHEMA], {
      ...rulesOf('flat/schema-recommended', 'flat/schema-relay'),
      // Short lists of values are lists; what can grow is a connection, with `nodes` beside its edges.
      '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
      '@graphql-eslint/strict-id-in-types': ['error', { exceptions: { suffixes: ['Payload', 'Connection', 'Edge'], types: VALUES } }],
    });
    // A word of its own, no prefix.
    expect(complaints.filter((complaint) => !complaint.includes('Field "claimant" starts with'))).toEqual([]);
  }, 60_000);
  test('has nothing to say of the canonical operations', async () => {
    const files = readdirSync(OPERATIONS).map((file) => join(OPERATIONS, file));
    expect(await lint(files, rulesOf('flat/operations-recommended'))).toEqual([]);
  }, 60_000);
});
