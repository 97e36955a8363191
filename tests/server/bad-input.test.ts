// Whatever comes in, by whatever door: a clear typed error, 4xx, nothing of our inside, and the server goes on.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { publicId } from '../../src/platform/ids.ts';
import { twilioSignature } from '../../src/sandbox/twilio.ts';
import { reply, startTestServer, type Reply, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ours: TestWorkspace;
const hooks: Record<'sms' | 'voice' | 'mail' | 'chat', string> = {} as never;
const AUTH_TOKEN = 'a'.repeat(32);
const MAIL_SECRET = 'the-secret-of-the-mail-door';
beforeAll(async () => {
  server = await startTestServer();
  ours = await server.workspace();
  const twilio = { settings: { accountSid: `AC${'1'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' }, secrets: { authToken: AUTH_TOKEN } };
  const mail = { settings: { fromName: 'Acme', host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: MAIL_SECRET } };
  const at = (provider: string, { endpointId }: { endpointId: string }) => `${server.address}/hooks/${provider}/${publicId('end', endpointId)}`;
  hooks.sms = at('twilio', await ours.connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+493012345678', ...twilio }));
  hooks.voice = at('twilio', await ours.connect({ channel: 'VOICE', provider: 'twilio', name: 'Voice', address: '+493012345679', ...twilio }));
  hooks.mail = at('mime', await ours.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', ...mail }));
  hooks.chat = at('throughline', ours.chat);
});
afterEach(async () => {
  expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
});
afterAll(() => server.stop());

/** A refusal that says what was wrong and shows nothing of our inside. */
function refused(answer: Reply, o: { status?: number; code?: string } = {}, about = ''): void {
  const at = `${about} -> ${answer.status} ${answer.text.slice(0, 300)}`;
  expect(answer.status, at).toBeGreaterThanOrEqual(400);
  expect(answer.status, at).toBeLessThan(500);
  if (o.status) expect(answer.status, at).toBe(o.status);
  expect(answer.text, at).toMatch(/^\{.*\}$/s);
  const body = JSON.parse(answer.text) as { errors?: { message: string; extensions?: { code?: string } }[]; error?: { code: string; message: string } };
  const told = body.error ? [body.error] : body.errors!.map(({ message, extensions }) => ({ message, code: extensions?.code }));
  expect(told.length, at).toBeGreaterThan(0);
  for (const { code, message } of told) {
    expect(code, at).toMatch(/^[A-Z][A-Z_]+$/);
    expect(code, at).not.toBe('INTERNAL');
    expect(message.length, at).toBeGreaterThan(10);
  }
  if (o.code) expect(told[0]!.code, at).toBe(o.code);
  clean(answer.text, at);
}
function clean(text: string, at: string): void {
  expect(text, at).not.toMatch(/\bat .*:\d+:\d+|node_modules|\.ts\b|\bselect .* from\b|\binsert into\b|syntax error at|PostgresError|relation "|column "|"stacktrace"/i);
}

const post = async (path: string, body: string | Buffer | undefined, headers: Record<string, string> = {}): Promise<Reply> =>
  reply(await fetch(path.startsWith('http') ? path : server.address + path, { method: 'POST', body, headers: { authorization: `Bearer ${ours.keys.ADMIN}`, ...headers } }));
const json = { 'content-type': 'application/json' };

describe('/graphql', () => {
  const bodies: [string, string | Buffer][] = [
    ['nothing', ''],
    ['no JSON', '{"query": '],
    ['a number', '5'],
    ['null', 'null'],
    ['a text', '"{ viewer { role } }"'],
    ['a list', '[]'],
    ['a batch', '[{"query":"{ viewer { role } }"},{"query":"{ viewer { role } }"}]'],
    ['no query', '{}'],
    ['a query of another kind', '{"query": 5}'],
    ['a query of null', '{"query": null}'],
    ['an empty query', '{"query": ""}'],
    ['no GraphQL', '{"query": "select 1"}'],
    ['variables of another kind', '{"query": "{ viewer { role } }", "variables": [1]}'],
    ['a name of another kind', '{"query": "{ viewer { role } }", "operationName": 5}'],
    ['a name that is not there', '{"query": "query A { viewer { role } }", "operationName": "B"}'],
    ['an operation that is not named', '{"query": "query A { viewer { role } } query B { viewer { role } }"}'],
    ['fragments alone', '{"query": "fragment F on Query { viewer { role } }"}'],
    ['a subscription', '{"query": "subscription { events { cursor } }"}'],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from('{"query": "{ viewer { role } }'), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}')])],
    ['a body in UTF-16', Buffer.from('{"query": "{ viewer { role } }"}', 'utf16le')],
    ['NUL in a text of the document', JSON.stringify({ query: '{ search(query: "a\\u0000b") { kind } }' })],
    ['half a surrogate pair in a text of the document', JSON.stringify({ query: '{ search(query: "\\uD800") { kind } }' })],
    ['JSON nested 10,000 deep', `{"query": "query ($a: String) { search(query: $a) { kind } }", "variables": ${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
    ['a document nested 10,000 deep', JSON.stringify({ query: `${'{ a '.repeat(10_000)}${'}'.repeat(10_000)}` })],
    ['an unknown field', '{"query": "{ viewer { secret } }"}'],
  ];
  test.each(bodies)('a body that is %s', async (name, body) => {
    const answer = await post('/graphql', body, json);
    refused(answer, {}, name);
  });
  test('a hash in place of a document is answered as Apollo\'s clients expect, who then send the document', async () => {
    const answer = await post('/graphql', '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"}}}', json);
    expect(answer).toMatchObject({ status: 200, data: null, errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] });
  });
  test('what a key of an object may be is not what it may do', async () => {
    const answer = await post('/graphql', '{"query":"{ viewer { role } }","__proto__":{"costOnly":true},"constructor":{"prototype":{"x":1}},"variables":{"__proto__":{"y":1}}}', json);
    expect(answer).toMatchObject({ status: 200, data: { viewer: { role: 'ADMIN' } } });
    expect(({} as { x?: number }).x).toBeUndefined();
  });
  test('values that are none', async () => {
    const cases: [string, Record<string, unknown>][] = [
      ['query ($x: String!) { search(query: $x) { kind } }', { x: 'a\0b' }],
      ['query ($x: String!) { search(query: $x) { kind } }', { x: '\ud800' }],
      ['query ($x: String!) { search(query: $x) { kind } }', { x: 5 }],
      ['query ($x: String!) { search(query: $x) { kind } }', {}],
      ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: 9_223_372_036_854_775_808 }],
      ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: 2_147_483_648 }],
      ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: -1 }],
      ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: 101 }],
      ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: 1.5 }],
      ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: '1' }],
      ['query { customers(first: 9223372036854775808) { nodes { id } } }', {}],
      ['query { customers(first: 1, last: 1) { nodes { id } } }', {}],
      ['query ($x: DateTime) { customers(filter: { createdAfter: $x }) { nodes { id } } }', { x: 'yesterday' }],
      ['query ($x: DateTime) { customers(filter: { createdAfter: $x }) { nodes { id } } }', { x: '2026-02-30T00:00:00Z' }],
      ['query ($x: DateTime) { customers(filter: { createdAfter: $x }) { nodes { id } } }', { x: '+275760-09-13T00:00:00.001Z' }],
      ['query ($x: DateTime) { customers(filter: { createdAfter: $x }) { nodes { id } } }', { x: 1e300 }],
      ['query ($x: [EventKind!]) { changes(kinds: $x) { id } }', { x: ['NEVER'] }],
      ['query ($x: [EventKind!]) { changes(kinds: $x) { id } }', { x: [null] }],
      ['query ($x: IdentityInput) { customer(identity: $x) { id } }', { x: { kind: 'EMAIL', value: 'a@b.example', secret: 1 } }],
      ['query ($x: IdentityInput) { customer(identity: $x) { id } }', { x: { kind: 'EMAIL', value: 'no address' } }],
      ['query ($x: IdentityInput) { customer(identity: $x) { id } }', { x: 'EMAIL' }],
      ['query { customer { id } }', {}],
    ];
    for (const [document, variables] of cases) refused(await server.query(document, variables, ours.keys.ADMIN), { status: 400 }, JSON.stringify([document, variables]));
  });
  test('values of a megabyte, and of any depth, over both transports', async () => {
    const SEARCH = 'query ($x: String!) { search(query: $x) { kind } }';
    const NODES = 'query ($x: [ID!]!) { nodes(ids: $x) { id } }';
    const FILTER = 'query ($x: ConversationFilter) { conversations(filter: $x) { nodes { id } } }';
    const shapes: [string, string, (bytes: number) => string][] = [
      ['a text', SEARCH, (bytes) => JSON.stringify('x'.repeat(bytes))],
      ['a text of escapes', SEARCH, (bytes) => `"${'\\u0041'.repeat(bytes / 6)}"`],
      ['a number of many digits', SEARCH, (bytes) => '9'.repeat(bytes)],
      ['a list of numbers', NODES, (bytes) => `[${'1,'.repeat(bytes / 2)}1]`],
      ['a list of ids', NODES, (bytes) => `[${`"cus_${'0'.repeat(32)}",`.repeat(bytes / 39)}"cus_0"]`],
      ['lists in lists', NODES, (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2)],
      ['objects in objects', FILTER, (bytes) => `${'{"a":'.repeat(bytes / 6)}1${'}'.repeat(bytes / 6)}`],
      ['many keys', FILTER, (bytes) => `{${Array.from({ length: bytes / 11 }, (_, i) => `"${String(i).padStart(6, 'k')}":1`).join(',')}}`],
      ['one key again and again', FILTER, (bytes) => `{${'"tag":1,'.repeat(bytes / 8)}"tag":1}`],
      ['the prototype again and again', FILTER, (bytes) => `{${'"__proto__":{},'.repeat(bytes / 15)}"tag":1}`],
    ];
    for (const [name, query, value] of shapes) {
      const body = (bytes: number) => `{"query":${JSON.stringify(query)},"variables":{"x":${value(bytes)}}}`;
      const answer = await post('/graphql', body(1_000_000), json);
      refused(answer, { status: 400 }, name);
      // Nobody is sent back what he sent, let alone once for each error in it.
      expect(answer.text.length, name).toBeLessThan(5_000);
      refused(await post('/graphql', body(1_200_000), json), { status: 413, code: 'TOO_LARGE' }, name);
      const live = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      const said: string[] = [];
      const closed = new Promise<number>((resolve) => live.on('close', resolve));
      live.on('message', (bytes) => {
        const text = String(bytes);
        if (text.includes('"connection_ack"')) live.send(`{"id":"1","type":"subscribe","payload":${body(250_000)}}`);
        else if (!/"type":"(ping|pong|complete)"/.test(text)) said.push(text);
        // Too much for a socket's message ends the socket.
        if (said.length === 1) live.send(`{"id":"2","type":"subscribe","payload":${body(400_000)}}`);
      });
      live.on('open', () => live.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${ours.keys.ADMIN}` } })));
      expect(await closed, name).toBe(1009);
      expect(said, name).toHaveLength(1);
      expect(said[0], name).toMatch(/"code":"(?!INTERNAL)[A-Z_]+"/);
      expect(said[0]!.length, name).toBeLessThan(5_000);
      clean(said[0]!, name);
    }
    expect((await server.query('{ viewer { role } }', {}, ours.keys.ADMIN)).status).toBe(200);
  }, 60_000);
  test('ids of another type, of none, and of numbers beyond', async () => {
    const customer = publicId('cus', ours.visitor.customerId);
    expect((await server.ask('query ($id: ID) { customer(id: $id) { id } }', { id: customer }, ours.keys.ADMIN)).customer.id).toBe(customer);
    const bad = ['', 'cus_', 'cus', '9223372036854775808', 9_223_372_036_854_775_000, `cus_${'f'.repeat(31)}`, `cus_${'f'.repeat(33)}`, `cus_${'g'.repeat(32)}`, customer.toUpperCase(), ` ${customer}`, `${customer}\n`, ours.visitor.customerId, `cnv${customer.slice(3)}x`, "cus_' or 1=1 --", 'a'.repeat(10_000), '\u0000', '__proto__', 'constructor_00'];
    for (const id of bad) {
      refused(await server.query('query ($id: ID) { customer(id: $id) { id } }', { id }, ours.keys.ADMIN), { status: 400 }, `customer ${String(id).slice(0, 50)}`);
      refused(await server.query('query ($id: ID!) { node(id: $id) { id } }', { id }, ours.keys.ADMIN), { status: 400 }, `node ${String(id).slice(0, 50)}`);
      refused(await server.query('query ($id: ID!) { nodes(ids: [$id]) { id } }', { id }, ours.keys.ADMIN), { status: 400 }, `nodes ${String(id).slice(0, 50)}`);
    }
    // The right form and the wrong type.
    const asConversation = `cnv${customer.slice(3)}`;
    refused(await server.query('query ($id: ID) { customer(id: $id) { id } }', { id: asConversation }, ours.keys.ADMIN), { status: 400, code: 'INVALID_ID' });
    expect((await server.ask('query ($id: ID!) { node(id: $id) { id } }', { id: asConversation }, ours.keys.ADMIN)).node).toBeNull();
    for (const document of [
      'mutation ($id: ID!) { tagCustomer(input: { customerId: $id, add: ["x"] }) { customer { id } userErrors { code message field } } }',
      'mutation ($id: ID!) { markRead(input: { conversationId: $id }) { userErrors { code message field } } }',
      'mutation ($id: ID!) { addNote(input: { customerId: $id, body: "x" }) { userErrors { code message field } } }',
    ]) {
      for (const id of [ours.member.id, 'x', '9223372036854775808', 'a\ud800']) {
        const answer = await server.query(document, { id }, ours.member.token);
        clean(answer.text, document);
        const payload = Object.values((answer.data ?? {}) as Record<string, { userErrors: { code: string; field: string[] }[] }>)[0];
        if (payload) expect(payload.userErrors[0], answer.text).toMatchObject({ code: 'INVALID_ID', field: [expect.any(String)] });
        else refused(answer, { status: 400 }, document);
      }
    }
  });
  test('cursors that are forged, of another list, of another workspace', async () => {
    const theirs = await server.workspace('Theirs');
    const cursor = (await server.ask('{ cursor }', null, theirs.keys.ADMIN)).cursor as string;
    const own = (await server.ask('{ cursor }', null, ours.keys.ADMIN)).cursor as string;
    const last = own.slice(-1) === 'A' ? 'B' : 'A';
    for (const after of [cursor, own.slice(0, -1) + last, `${own}A`, own.replace('v1.', 'v2.'), own.slice(0, 10), 'v1.x.9223372036854775808', '', '\u0000', 'x'.repeat(5_000)]) {
      refused(await server.query('query ($after: Cursor) { changes(after: $after) { id } }', { after }, ours.keys.ADMIN), { status: 400 }, after);
      const socket = server.socket(ours.keys.ADMIN);
      const { errors } = await socket.run('subscription ($after: Cursor) { events(after: $after) { cursor } }', { after });
      expect(errors?.[0].extensions.code, after).toMatch(/^(INVALID_CURSOR|RESYNC|INVALID_INPUT)$/);
      await socket.close();
    }
    await server.ask('mutation { createTeam(input: { name: "One" }) { userErrors { code } } }', null, ours.keys.ADMIN);
    const teams = (await server.ask('{ teams(first: 1) { edges { cursor } } }', null, ours.keys.ADMIN)).teams.edges[0].cursor as string;
    const members = (await server.ask('{ members(first: 1) { edges { cursor } } }', null, ours.keys.ADMIN)).members.edges[0].cursor as string;
    for (const after of [members, `${teams}x`, teams.slice(0, 4), Buffer.from('["\\u0000"]').toString('base64url'), Buffer.from('[1,2,3]').toString('base64url'), Buffer.from('{"a":1}').toString('base64'), 'null', '']) {
      refused(await server.query('query ($after: String) { teams(after: $after) { nodes { id } } }', { after }, ours.keys.ADMIN), { status: 400, code: 'INVALID_CURSOR' }, after);
    }
  });
  test('content types other than JSON', async () => {
    const body = '{"query":"{ viewer { role } }"}';
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/graphql', 'application/xml', 'x', 'application/jsonx', '']) {
      refused(await post('/graphql', body, { 'content-type': type }), {}, type);
    }
    expect((await post('/graphql', body, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
    expect((await post('/graphql', body, { 'content-type': 'APPLICATION/JSON' })).status).toBe(200);
    refused(await post('/graphql', body, { 'content-type': 'application/json', 'content-encoding': 'gzip' }), {}, 'content-encoding');
    refused(await post('/graphql', body, { 'content-type': 'application/json; charset=utf-16' }), {}, 'charset');
  });
  test('methods other than GET and POST, and a mutation by GET', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const answer = await reply(await fetch(`${server.address}/graphql`, { method, body: '{}', headers: { ...json, authorization: `Bearer ${ours.keys.ADMIN}` } }));
      refused(answer, { status: 405 }, method);
      expect(answer.headers.get('allow')).toMatch(/POST/);
    }
    for (const method of ['TRACE', 'PROPFIND', 'QUERY']) expect(await rawStatus(`${method} /graphql HTTP/1.1\r\nhost: x\r\n\r\n`), method).toMatch(/^4\d\d|^50[15]/);
    const get = async (search: string, headers: Record<string, string> = { 'apollo-require-preflight': '1' }) => reply(await fetch(`${server.address}/graphql?${search}`, { headers: { authorization: `Bearer ${ours.keys.ADMIN}`, ...headers } }));
    const name = 'Made by GET';
    refused(await get(new URLSearchParams({ query: `mutation { createTeam(input: { name: "${name}" }) { userErrors { code } } }` }).toString()), { status: 405 });
    expect((await server.ask('{ teams { nodes { name } } }', null, ours.keys.ADMIN)).teams.nodes).not.toContainEqual({ name });
    for (const search of ['', 'query=', 'query=%7B', 'query=%ff', 'query={viewer{role}}&variables={', 'query={viewer{role}}&variables=5', 'query=a&query=b', 'query={viewer{role}}&extensions=[']) refused(await get(search), {}, search);
    // A browser sends such a request without asking first: cross-site request forgery.
    refused(await get('query={viewer{role}}', { 'content-type': 'text/plain' }), { status: 400 });
    expect((await get('query={viewer{role}}')).status).toBe(200);
  });
  test('bodies larger than the limit, and bodies that lie about their length', async () => {
    refused(await post('/graphql', JSON.stringify({ query: '{ viewer { role } }', variables: { x: 'x'.repeat(1_100_000) } }), json), { status: 413, code: 'TOO_LARGE' });
    refused(await post('/graphql', JSON.stringify({ query: `{ viewer { role } } #${'x'.repeat(70_000)}` }), json), { status: 413, code: 'TOO_LARGE' });
    for (const head of ['content-length: 9999999999', 'content-length: -1', 'content-length: x', 'content-length: 5\r\ncontent-length: 6', 'transfer-encoding: nonsense', 'content-length: 4\r\ntransfer-encoding: chunked']) {
      expect(await rawStatus(`POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ours.keys.ADMIN}\r\ncontent-type: application/json\r\n${head}\r\n\r\n{}\r\n`), head).toMatch(/^(4\d\d|501)/);
    }
  });
  test('requests that are hardly HTTP', async () => {
    for (const head of [
      'GET /%ff HTTP/1.1\r\nhost: x\r\n\r\n', 'GET // HTTP/1.1\r\nhost: x\r\n\r\n', 'GET /graphql/ide/%ff HTTP/1.1\r\nhost: x\r\n\r\n', 'GET /hooks/%ff/%ff HTTP/1.1\r\nhost: x\r\n\r\n', 'POST /hooks/twilio/%00 HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n',
      'GET http://[:/graphql HTTP/1.1\r\nhost: x\r\n\r\n', 'GET * HTTP/1.1\r\nhost: x\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'hello\r\n\r\n', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
      'GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n', 'GET // HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n', 'GET /graphql HTTP/1.1\r\nhost: \0\r\n\r\n',
      `OPTIONS /graphql HTTP/1.1\r\nhost: [\r\norigin: http://[\r\n\r\n`,
    ]) expect(await rawStatus(head), head.slice(0, 60)).toMatch(/^(4\d\d|204|30\d)/);
  });
});

describe('/hooks', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const signed = (url: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    post(url, new URLSearchParams(fields).toString(), { ...form, 'x-twilio-signature': twilioSignature(AUTH_TOKEN, url, fields), ...headers });

  test('addresses that nobody has', async () => {
    for (const path of ['/hooks', '/hooks/', '/hooks/twilio', '/hooks/twilio/', `/hooks/twilio/end_${'0'.repeat(32)}`, '/hooks/twilio/9223372036854775808', "/hooks/twilio/'%20or%201=1", '/hooks/twilio/%00', '/hooks/%00/%00', '/hooks/__proto__/constructor', hooks.sms.replace(server.address, '').replace('twilio', 'mime'), hooks.mail.replace(server.address, '').replace('mime', 'MIME'), `/hooks/twilio/${'a'.repeat(5_000)}`]) {
      refused(await post(path, 'x', form), {}, path);
    }
    for (const method of ['PUT', 'DELETE', 'PATCH']) refused(await reply(await fetch(hooks.sms, { method })), {}, method);
  });
  test('requests that their provider did not sign, whatever is in them', async () => {
    const fields = { MessageSid: `SM${'1'.repeat(32)}`, From: '+4915112345678', To: '+493012345678', Body: 'Hi', AccountSid: `AC${'1'.repeat(32)}` };
    for (const url of [hooks.sms, hooks.voice]) {
      const body = new URLSearchParams(fields).toString();
      for (const signature of [undefined, '', 'x', 'AAAA', '\u00ff', twilioSignature('b'.repeat(32), url, fields), twilioSignature(AUTH_TOKEN, `${url}?`, fields)]) {
        refused(await post(url, body, { ...form, ...(signature === undefined ? {} : { 'x-twilio-signature': signature }) }), {}, `${signature}`);
      }
      for (const bytes of ['', '%', '%ff', 'a=%00', '&&&&', '='.repeat(1_000), Buffer.from([0, 255, 254]), 'x'.repeat(100_000)]) refused(await post(url, bytes, form), {}, String(bytes).slice(0, 20));
    }
    for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: `Bearer ${ours.keys.ADMIN}` }, { authorization: 'Basic !!!' }, { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }] as Record<string, string>[]) {
      refused(await post(hooks.mail, 'Subject: x\r\n\r\nx', { 'content-type': 'message/rfc822', ...headers }), {}, JSON.stringify(headers));
    }
    refused(await post(hooks.chat, '{}', json));
    const [{ count }] = await server.db.owner<{ count: number }[]>`select count(*)::int as count from deliveries`;
    expect(count).toBe(0);
  });
  test('signed requests that cannot be read are kept, listed with the reason, and refused', async () => {
    for (const fields of [{}, { x: 'y' }, { MessageSid: '' }, { MessageSid: `SM${'2'.repeat(32)}`, From: '', To: '' }] as Record<string, string>[]) {
      const answer = await signed(hooks.sms, fields);
      refused(answer, { status: 422 }, JSON.stringify(fields));
      expect(answer.text).toMatch(/(dlv|inb)_[0-9a-f]{32}/);
    }
    const rows = await server.db.owner<{ state: string; error: string }[]>`select state, error from inbound_events`;
    expect(rows.length).toBe(4);
    for (const { state, error } of rows) {
      expect(state).toBe('UNPARSED');
      clean(error, 'stored');
    }
  });
  test('signed text messages of characters that PostgreSQL cannot hold arrive without them', async () => {
    const answer = await signed(hooks.sms, {
      MessageSid: `SM${'3'.repeat(32)}`, SmsSid: `SM${'3'.repeat(32)}`, From: '+4915112345678', To: '+493012345678', Body: 'a\0b\ufffec', AccountSid: `AC${'1'.repeat(32)}`, NumMedia: '0', SmsStatus: 'received', ApiVersion: '2010-04-01',
    });
    expect(answer.status, answer.text).toBe(200);
    await expect.poll(async () => (await server.db.owner<{ text: string }[]>`select text from messages where channel = 'SMS'`)[0]?.text, { timeout: 5_000, interval: 20 }).toMatch(/^a.?b.*c$/);
  });
  test('mails of every shape are taken, and mails nested 1,000 deep end nothing', async () => {
    const nested = Array.from({ length: 1_000 }, (_, depth) => `Content-Type: multipart/mixed; boundary="b${depth}"\r\n\r\n--b${depth}\r\n`).join('');
    const mails: (string | Buffer)[] = [
      '', '\r\n', 'x', Buffer.from([0, 1, 2, 255]), `From: a@b.example\r\nSubject: ${'x'.repeat(20_000)}\r\n\r\nx`, `From: a@b.example\r\nTo: support@acme.example\r\nMessage-ID: <n@b.example>\r\n${nested}x`,
      'From: a@b.example\r\nContent-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!', 'From: =?x?q?=00?= <a@b.example>\r\nSubject: =?utf-8?b?/////w==?=\r\n\r\n\0\0',
      `From: ${'a@b.example, '.repeat(5_000)}\r\n\r\nx`, 'From: a@b.example\r\nDate: Thu, 99 Foo 99999 99:99:99 +9999\r\n\r\nx', `References: ${'<x@y.example> '.repeat(20_000)}\r\nFrom: a@b.example\r\n\r\nx`,
    ];
    for (const mail of mails) {
      const answer = await post(hooks.mail, mail, { 'content-type': 'message/rfc822', authorization: `Bearer ${MAIL_SECRET}` });
      clean(answer.text, String(mail).slice(0, 40));
      expect(answer.status, `${String(mail).slice(0, 40)} ${answer.text}`).toBeLessThan(500);
      if (answer.status >= 400) refused(answer);
    }
    refused(await post(hooks.mail, Buffer.alloc(51 * 1024 * 1024, 'x'), { 'content-type': 'message/rfc822', authorization: `Bearer ${MAIL_SECRET}` }), { status: 413, code: 'TOO_LARGE' });
    refused(await post(hooks.sms, Buffer.alloc(41 * 1024 * 1024, 'x'), {}), { status: 413, code: 'TOO_LARGE' });
  });
  test('a mail of more than 40 MB is read only from who shows the secret', async () => {
    const head = `POST ${new URL(hooks.mail).pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: message/rfc822\r\ncontent-length: ${45 * 1024 * 1024}\r\n`;
    // Nothing of the body is sent: who is refused is refused before it.
    for (const [headers, status] of [['', 401], ['authorization: Bearer wrong\r\n', 403]] as const) expect(await answerTo(`${head}${headers}\r\n`)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(await answerTo(`${head.replace('/end_', '/end_0')}\r\n`)).toMatch(/^HTTP\/1.1 404 /);
    expect(await answerTo(`${head.replace(/content-length.*\r\n/, 'transfer-encoding: chunked\r\n')}\r\n5\r\nhello\r\n`)).toMatch(/^HTTP\/1.1 401 /);
  });
});

/** The beginning of what the server answers to a request that isn't finished. */
async function answerTo(text: string): Promise<string> {
  const socket = connect(Number(new URL(server.address).port), '127.0.0.1');
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

describe('sockets', () => {
  test('the same documents and values are refused by the same words as over HTTP', async () => {
    const cases: [string, Record<string, unknown> | undefined][] = [
      ['select 1', undefined], ['{ viewer { secret } }', undefined], ['fragment F on Query { viewer { role } }', undefined],
      ['query ($x: String!) { search(query: $x) { kind } }', { x: 'a\0b' }], ['query ($x: String!) { search(query: $x) { kind } }', { x: '\ud800' }], ['query ($x: Int) { customers(first: $x) { nodes { id } } }', { x: 9_223_372_036_854_775_808 }],
      ['query ($id: ID!) { node(id: $id) { id } }', { id: '9223372036854775808' }], ['query ($after: String) { teams(after: $after) { nodes { id } } }', { after: 'forged' }],
      ['query ($x: String!) { search(query: $x) { kind } }', {}],
    ];
    for (const [document, variables] of cases) {
      const socket = server.socket(ours.keys.ADMIN);
      const { errors } = await socket.run(document, variables);
      const http = await server.query(document, variables, ours.keys.ADMIN);
      expect(errors?.length, document).toBeGreaterThan(0);
      expect(errors!.map((error) => error.message), document).toEqual(http.errors.map((error) => error.message));
      for (const error of errors!) expect(error.extensions?.code, JSON.stringify(errors)).toMatch(/^(?!INTERNAL)[A-Z_]+$/);
      clean(JSON.stringify(errors), document);
      expect((await socket.run('{ viewer { role } }')).data.viewer.role).toBe('ADMIN');
      await socket.close();
    }
  });
});

/** The status line's code and what follows it, of a request written by hand; '' when the connection was just closed. */
function rawStatus(text: string): Promise<string> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    const done = (got: string) => {
      socket.destroy();
      clean(got, text.slice(0, 60));
      resolve(got.replace(/^HTTP\/1\.1 /, ''));
    };
    socket.on('data', (chunk) => done(chunk.toString()));
    socket.on('error', () => done(''));
    socket.on('close', () => done(''));
    socket.setTimeout(5_000, () => done('no answer'));
  });
}
