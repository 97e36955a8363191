// The judge of connections, nodes and refetching: Relay's own compiler takes components as they are written for Relay against the committed
// schema, and what it makes of them is answered by the running server.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT, startTestServer, type TestServer } from '../harness/server.ts';

/** The binary of this platform, out of the npm package. */
const compiler = createRequire(import.meta.url)('relay-compiler') as string;

const COMPONENTS: Record<string, string> = {
  Inbox: `
    export const query = graphql\`
      query InboxQuery($count: Int!, $cursor: String, $filter: ConversationFilter) { ...Inbox_query @arguments(count: $count, cursor: $cursor, filter: $filter) }
    \`;
    export const list = graphql\`
      fragment Inbox_query on Query
      @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }, filter: { type: "ConversationFilter" })
      @refetchable(queryName: "InboxPageQuery") {
        conversations(first: $count, after: $cursor, filter: $filter, orderBy: LAST_ACTIVITY) @connection(key: "Inbox_conversations", filters: ["filter"]) {
          edges { node { id ...Inbox_row } }
        }
      }
    \`;
    export const row = graphql\`fragment Inbox_row on Conversation { status tags lastActivityAt customer { displayName } }\`;
    export const live = graphql\`subscription InboxSubscription($after: Cursor) { inbox(after: $after) { cursor change conversation { ...Inbox_row } } }\`;
    export const close = graphql\`
      mutation InboxCloseMutation($input: SetConversationStatusInput!) { setConversationStatus(input: $input) { conversation { ...Inbox_row } userErrors { code message field } } }
    \`;`,
  Profile: `
    export const query = graphql\`query ProfileQuery($id: ID!) { node(id: $id) { __typename ...Profile_customer @alias } }\`;
    export const profile = graphql\`
      fragment Profile_customer on Customer
      @argumentDefinitions(count: { type: "Int", defaultValue: 3 }, cursor: { type: "String" })
      @refetchable(queryName: "ProfileTimelineQuery") {
        displayName
        attributes
        timeline(first: $count, after: $cursor) @connection(key: "Profile_timeline") {
          edges { node { kind summary subject { __typename ... on Message { text } ... on Call { state } } } }
        }
        ...Profile_notes
      }
    \`;
    export const notes = graphql\`
      fragment Profile_notes on Customer
      @argumentDefinitions(last: { type: "Int", defaultValue: 3 }, before: { type: "String" })
      @refetchable(queryName: "ProfileNotesQuery") {
        notes(last: $last, before: $before) @connection(key: "Profile_notes") { edges { node { body pinned } } }
      }
    \`;
    export const add = graphql\`
      mutation ProfileAddNoteMutation($input: AddNoteInput!, $connections: [ID!]!) {
        addNote(input: $input) { note @prependNode(connections: $connections, edgeTypeName: "NoteEdge") { id body pinned } userErrors { code message field } }
      }
    \`;`,
};

let folder: string;
let server: TestServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'throughline-relay-'));
  server = await startTestServer({ demo: true });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('Relay’s compiler accepts connections, refetchable fragments, nodes, subscriptions and edits of connections, and the server answers what it makes', async () => {
  await mkdir(join(folder, 'src'));
  await mkdir(join(folder, 'made'));
  for (const [name, text] of Object.entries(COMPONENTS)) await writeFile(join(folder, 'src', `${name}.ts`), `declare const graphql: (text: TemplateStringsArray) => unknown;\n${text}\n`);
  await writeFile(join(folder, 'schema.graphql'), await readFile(join(ROOT, 'schema/api.graphql')));
  const customScalars = { DateTime: 'string', JSON: 'unknown', Cursor: 'string', Milliseconds: 'number', Bytes: 'number' };
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify({ src: './src', schema: './schema.graphql', language: 'typescript', artifactDirectory: './made', eagerEsModules: true, customScalarTypes: customScalars }));
  const { stdout, stderr } = await promisify(execFile)(compiler, ['relay.config.json'], { cwd: folder }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`relay-compiler: ${error.stdout}\n${error.stderr}`);
  });
  expect(`${stdout}${stderr}`).not.toMatch(/error/i);

  const made = await readdir(join(folder, 'made'));
  const operations = new Map<string, string>();
  for (const file of made) {
    const text = /"text": ("(?:[^"\\]|\\.)*")/.exec(await readFile(join(folder, 'made', file), 'utf8'))?.[1];
    if (text) operations.set(file.replace('.graphql.ts', ''), JSON.parse(text) as string);
  }
  expect([...operations.keys()].sort()).toEqual([
    'InboxCloseMutation', 'InboxPageQuery', 'InboxQuery', 'InboxSubscription', 'ProfileAddNoteMutation', 'ProfileNotesQuery', 'ProfileQuery', 'ProfileTimelineQuery',
  ]);
  expect(made).toContain('Profile_customer.graphql.ts');

  const { adminKey, ids } = server.server.demo!;
  const ask = (name: string, variables: Record<string, unknown>) => server.ask(operations.get(name)!, variables, adminKey);
  const { conversations } = await ask('InboxQuery', { count: 2 });
  expect(conversations.edges).toHaveLength(2);
  const next = (await ask('InboxPageQuery', { count: 2, cursor: conversations.pageInfo.endCursor })).conversations;
  expect(next.edges.map((edge: any) => edge.node.id)).not.toContain(conversations.edges[0].node.id);
  const { node } = await ask('ProfileQuery', { id: ids.customer });
  expect(node).toMatchObject({ __typename: 'Customer', displayName: 'Ada Lovelace' });
  expect(node.timeline.edges).toHaveLength(3);
  const further = (await ask('ProfileTimelineQuery', { id: ids.customer, count: 3, cursor: node.timeline.pageInfo.endCursor })).node;
  expect(further.timeline.edges[0].node.id).not.toBe(node.timeline.edges[2].node.id);
  expect((await ask('ProfileNotesQuery', { id: ids.customer, last: 1 })).node.notes.pageInfo).toHaveProperty('hasPreviousPage');
  const added = await ask('ProfileAddNoteMutation', { input: { customerId: ids.customer, body: 'By Relay' } });
  expect(added.addNote.note.body).toBe('By Relay');
  const socket = server.socket(adminKey);
  const inbox = socket.subscribe(operations.get('InboxSubscription')!);
  await socket.run('{ viewer { role } }');
  await ask('InboxCloseMutation', { input: { conversationId: ids.conversation, status: 'PENDING' } });
  // Routing may speak of other conversations of the demo meanwhile.
  let told;
  do told = (await inbox.next()).inbox.conversation;
  while (told.id !== ids.conversation || told.status !== 'PENDING');
  await socket.close();
}, 60_000);
