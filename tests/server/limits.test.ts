// G12: documents made to hurt, over both transports: refused or answered at once, and the server goes on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

const ANSWER_MS_MAX = 1_000;

let server: TestServer;
let ours: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  ours = await server.workspace();
  // What the first operation of a process costs once (reading the catalogue's functions, warm connections) is none of theirs.
  await server.ask('{ viewer { role } customers { nodes { id } } }', null, ours.keys.ADMIN);
});
afterAll(() => server.stop());

const many = (count: number, of: (index: number) => string): string => Array.from({ length: count }, (_, index) => of(index)).join(' ');

/** Documents, variables, and the code that refuses them; null: whatever it is, refused or answered. */
const ATTACKS: Record<string, [document: string, code: string | null, variables?: Record<string, unknown>]> = {
  'a document of 59,000 braces': ['{a'.repeat(29_000), 'TOO_EXPENSIVE'],
  'brackets of a type, 5,000 deep': [`query ($x: ${'['.repeat(5_000)}Int${']'.repeat(5_000)}) { viewer { role } }`, 'TOO_EXPENSIVE'],
  'a list of lists, 10,000 deep': [`{ search(query: ${'['.repeat(10_000)}${']'.repeat(10_000)}) { kind } }`, 'TOO_EXPENSIVE'],
  'a document that is one long comment': [`{ viewer { role } } #${'x'.repeat(59_000)}`, null],
  'a document that is one long text': [`{ search(query: "${'x'.repeat(59_000)}") { kind } }`, null],
  'a document over the limit': [`{ viewer { role } } #${'x'.repeat(61_000)}`, 'TOO_LARGE'],
  'fields 17 deep': [`{ customers { nodes { ${'conversations { nodes { customer { '.repeat(5)}id${' } } }'.repeat(5)} } } }`, 'TOO_EXPENSIVE'],
  'a field under 1,300 names': [`{ ${many(1_300, (i) => `a${i}: __typename`)} }`, 'TOO_EXPENSIVE'],
  'a root field under 100 names': [`{ ${many(100, (i) => `a${i}: viewer { role }`)} }`, 'TOO_EXPENSIVE'],
  'a list under 21 names': [`{ ${many(21, (i) => `a${i}: customers(first: 1) { nodes { id } }`)} }`, 'TOO_EXPENSIVE'],
  'one name 900 times': [`{ ${many(900, () => 'viewer { role }')} }`, 'TOO_EXPENSIVE'],
  'one name 350 times, with other arguments': [`{ ${many(350, (i) => `a: customers(first: ${i}) { nodes { id } }`)} }`, null],
  'fields that are merged pair by pair': [`{ ${many(20, () => `customers { ${many(40, () => 'nodes { id }')} }`)} }`, 'TOO_EXPENSIVE'],
  'a fragment that spreads itself': ['{ viewer { ...A } } fragment A on Viewer { role ...A }', 'INVALID_INPUT'],
  'fragments that spread each other': ['{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...C } fragment C on Viewer { ...A }', 'INVALID_INPUT'],
  'a fragment that spreads itself deeper': ['{ customers { nodes { ...A } } } fragment A on Customer { conversations { nodes { customer { ...A } } } }', 'INVALID_INPUT'],
  'a fragment that is never spread and spreads itself': ['{ viewer { role } } fragment A on Viewer { ...A }', 'INVALID_INPUT'],
  'fragments that double 30 times': [`{ customers { nodes { ...F0 } } } ${many(30, (i) => `fragment F${i} on Customer { a${i}: id ...F${i + 1} b: id ...F${i + 1} }`)} fragment F30 on Customer { id }`, 'TOO_EXPENSIVE'],
  '390 fragments, each once': [`{ viewer { ${many(390, (i) => `...F${i}`)} } } ${many(390, (i) => `fragment F${i} on Viewer { role }`)}`, null],
  'a spread 1,900 times': [`{ viewer { ${many(1_900, () => '...F')} } } fragment F on Viewer { role }`, null],
  'inline fragments 1,300 deep': [`{ viewer ${'{ ... '.repeat(1_300)}{ role }${' }'.repeat(1_300)} }`, null],
  '550 directives on a field': [`{ viewer { role ${many(550, () => '@skip(if: false)')} } }`, null],
  '1,300 directives that are not there': [`{ viewer { role ${many(1_300, () => '@a')} } }`, null],
  '350 directives on fragments': [`{ viewer { ${many(350, () => '... @include(if: true) { role }')} } }`, null],
  '1,900 unknown fields, each near a known one': [`{ ${many(1_900, (i) => `customer${i}`)} }`, null],
  '1,300 unknown arguments': [`{ customers(${many(1_300, (i) => `a${i}: 1`)}) { nodes { id } } }`, null],
  '900 variables': [`query (${many(900, (i) => `$v${i}: Int`)}) { viewer { role } }`, null],
  '25 operations': [many(25, (i) => `query Q${i} { viewer { role } }`), 'TOO_EXPENSIVE'],
  'pages of pages of pages': ['{ customers(first: 100) { nodes { conversations(first: 100) { nodes { messages(first: 100) { nodes { id } } } } } } }', 'TOO_EXPENSIVE'],
  'pages whose size stands in a variable': ['query ($n: Int) { customers(first: $n) { nodes { conversations(first: $n) { nodes { messages(first: $n) { nodes { id } } } } } } }', 'TOO_EXPENSIVE', { n: 100 }],
  '5,000 ids': ['query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', null, { ids: Array.from({ length: 5_000 }, () => 'cus_00000000000000000000000000000000') }],
  'a filter 200 deep': ['query ($f: ConversationFilter) { conversations(filter: $f) { nodes { id } } }', null, { f: JSON.parse(`${'{"not":'.repeat(200)}{}${'}'.repeat(200)}`) }],
  'a filter 1,000 wide': ['query ($f: ConversationFilter) { conversations(filter: $f) { nodes { id } } }', null, { f: { or: Array.from({ length: 1_000 }, () => ({ status: 'OPEN' })) } }],
  'the schema asked for twice': ['{ a: __schema { types { name } } b: __schema { types { name } } }', 'TOO_EXPENSIVE'],
  'the schema, in circles': [`{ __schema { types { ${'fields { type { '.repeat(4)}name${' } }'.repeat(4)} } } }`, 'GRAPHQL_VALIDATION_FAILED'],
  'texts searched for by a pattern': ['query ($q: String!) { search(query: $q) { kind } }', null, { q: `${'(a+)+'.repeat(500)}$` }],
  'a search of 10,000 words': ['query ($q: String!) { search(query: $q) { kind } }', null, { q: many(10_000, (i) => `w${i}`) }],
  'a mutation of 21 changes': [`mutation { ${many(21, (i) => `a${i}: createTeam(input: { name: "${i}" }) { userErrors { code } }`)} }`, 'TOO_EXPENSIVE'],
  'subscriptions in one': ['subscription { events { cursor } inbox { cursor } }', null],
};

describe.each(['HTTP', 'WebSocket'])('over %s', (transport) => {
  test.each(Object.entries(ATTACKS))('%s', async (name, [text, code, variables]) => {
    // Documents are remembered: each transport reads its own.
    const document = `${text} #${transport}`;
    const ask = async (): Promise<{ errors?: any[] }> => {
      if (transport === 'HTTP') return server.query(document, variables, ours.keys.ADMIN);
      const socket = server.socket(ours.keys.ADMIN);
      await socket.open;
      return socket.run(document, variables).finally(() => socket.close());
    };
    const began = performance.now();
    const { errors } = await ask();
    const took = performance.now() - began;
    expect(took, name).toBeLessThan(ANSWER_MS_MAX);
    if (code) expect(errors?.map((error) => error.extensions.code), JSON.stringify(errors).slice(0, 300)).toContain(code);
    for (const error of errors ?? []) expect(error.extensions.code, error.message).not.toBe('INTERNAL');
    expect((await server.query('{ viewer { role } }', null, ours.keys.ADMIN)).status).toBe(200);
  });
});
