// G16 and G20: what is secret is nowhere to be read again (a dump, an answer, a log), and what people wrote, are called or can be reached at is in no
// log, however much is logged and whatever goes wrong. A server of its own logs at `trace`; everything happens in it, and everything that can go wrong.
import { getNamedType } from 'graphql';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeGraph } from '../../src/graphql/execute.ts';
import '../../src/server/graph.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { SECRET_KEY, spawnServer, testWorkspace, type Started } from '../harness/server.ts';
import { call, documentOf, isConnection, nodeOf, rootOf, selectionOf, type Kind } from './documents.ts';
import { credentialOf, MUTATIONS, QUERIES, SUBSCRIPTIONS } from './samples.ts';
import { makeWorld, quiet, until, type World } from './world.ts';

const MARK = 'Quokkaville';
/** A person whom only the mistakes know. */
const STRANGER = { email: 'mistaken.platypus@stranger.example', phone: '+4915199887766', name: 'Mistaken Platypus', text: 'platypus secret text' };

let db: TestDatabase;
let dataDir: string;
let server: Started & { smtpPort: number };
let world: World;
/** Every answer of the API, but for the creation of keys and tokens, which is when they are shown. */
const answers: { asked: string; text: string }[] = [];
const SHOWN_ONCE = /createApiKey|createMemberToken|createVisitorToken|startChat|identifyVisitor/;

beforeAll(async () => {
  db = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'throughline-canaries-'));
  await testWorkspace(db, 'Another');
  const started = await spawnServer({ DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: dataDir, PORT: '0', SMTP_PORT: '0', LOG_LEVEL: 'trace' }, { timeoutMs: 60_000 });
  server = { ...started, smtpPort: Number(/smtp:\/\/[^:]+:(\d+)/.exec(started.output())![1]) };
  world = await makeWorld({ ...server, db, workspace: (name) => testWorkspace(db, name) }, MARK);
  await everythingHappens();
  await everythingGoesWrong();
  await quiet({ db }, 30_000);
}, 120_000);
afterAll(async () => {
  server.kill('SIGTERM');
  await server.exited;
  await world.twilio.close();
  await db.close();
  await rm(dataDir, { recursive: true, force: true });
});

const ask = async (document: string, variables: Record<string, unknown> | null, key: string | null) => {
  const answer = await server.query(document, variables, key);
  if (!SHOWN_ONCE.test(document)) answers.push({ asked: document.slice(0, 60), text: answer.text });
  return answer;
};

async function everythingHappens(): Promise<void> {
  const { schema } = await makeGraph({ read: db.app, write: db.app });
  for (const [kind, samples] of [['query', QUERIES], ['mutation', MUTATIONS]] as const) {
    for (const field of Object.values(rootOf(schema, kind).getFields())) {
      const type = getNamedType(field.type);
      const selection = isConnection(type) ? ` { nodes${selectionOf(schema, nodeOf(type), 2)} }` : selectionOf(schema, type, kind === 'query' ? 2 : 1);
      // What ends the world's things is left out.
      if (/^(?:disconnectChannel|revoke|deactivate|rotate|deleteVisitor)/.test(field.name)) continue;
      for (const sample of samples[field.name] ?? [{ args: () => ({ first: 20 }) }]) {
        const args = sample.args(world);
        const { declared, text } = call(field, Object.keys(args), selection);
        await ask(documentOf(kind as Kind, declared, text), args, credentialOf(world, sample.as));
      }
    }
  }
  for (const [name, samples] of Object.entries(SUBSCRIPTIONS)) {
    const field = rootOf(schema, 'subscription').getFields()[name]!;
    const socket = server.socket(credentialOf(world, samples[0]!.as));
    await socket.open;
    const args = samples[0]!.args(world);
    const { declared, text } = call(field, Object.keys(args), selectionOf(schema, getNamedType(field.type), 1));
    const followed = socket.subscribe(documentOf('subscription', declared, text), args);
    if (args.after) await until('the first event', () => (followed.waiting.length > 0 ? true : undefined), 2_000).catch(() => {});
    answers.push({ asked: name, text: JSON.stringify(followed.waiting) });
    await socket.close();
  }
}

async function everythingGoesWrong(): Promise<void> {
  const { email, phone, name, text } = STRANGER;
  const { twilio, hooks } = world;
  const key = world.keys.ADMIN;
  const json = { 'content-type': 'application/json' };
  // Requests that are none.
  for (const [path, init] of [
    ['/graphql', { method: 'POST', headers: { ...json, authorization: `Bearer ${key}` }, body: `{"query": "{ customer(identity: { kind: EMAIL, value: \\"${email}\\" }) { ${name} ` }],
    ['/graphql', { method: 'POST', headers: { ...json, authorization: `Bearer ${text}` }, body: JSON.stringify({ query: `{ search(query: "${name}") { kind } }` }) }],
    ['/graphql', { method: 'POST', headers: { ...json, authorization: `Bearer ${key}x` }, body: JSON.stringify({ query: '{ viewer { role } }' }) }],
    [`/graphql?query=${encodeURIComponent(`{ search(query: "${name}") { kind } }`)}`, { headers: { authorization: `Bearer ${key}` } }],
    [`/nothing/${encodeURIComponent(email)}?name=${encodeURIComponent(name)}`, {}],
    [`/hooks/${encodeURIComponent(name)}/${encodeURIComponent(email)}`, { method: 'POST', body: text }],
    [new URL(hooks.mail).pathname, { method: 'POST', headers: { authorization: `Bearer ${text}` }, body: `From: ${email}\r\n\r\n${text}` }],
    [new URL(hooks.mail).pathname, { method: 'POST', headers: { authorization: `Bearer ${world.mailSecret}` }, body: Buffer.from([0, 1, 2, ...Buffer.from(`${text} ${email}`)]) }],
    [new URL(hooks.sms).pathname, { method: 'POST', headers: { 'x-twilio-signature': text }, body: `From=${phone}&Body=${text}` }],
  ] as [string, RequestInit][]) await (await fetch(server.address + path, init)).text();
  // Operations that are refused or make no sense.
  for (const [document, variables] of [
    [`{ ${name.replace(' ', '_')}(value: "${email}") }`, null],
    ['query ($v: DateTime) { customers(filter: { createdAfter: $v }) { nodes { id } } }', { v: `${name} ${email}` }],
    ['query ($v: String) { customers(after: $v) { nodes { id } } }', { v: `${name} ${email}` }],
    ['query ($v: ID!) { node(id: $v) { id } }', { v: `cus_${email}` }],
    ['query ($v: IdentityInput) { customer(identity: $v) { id } }', { v: { kind: 'PHONE', value: `${name} ${email}` } }],
    ['mutation ($v: CreateMemberInput!) { createMember(input: $v) { userErrors { message } } }', { v: { name, email: `${email} ${phone}` } }],
    ['mutation ($v: ConnectChannelInput!) { connectChannel(input: $v) { userErrors { message } } }', { v: { channel: 'SMS', provider: 'twilio', name, address: phone, settings: { [name]: email }, secrets: { authToken: text, [text]: text } } }],
    ['mutation ($v: AddNoteInput!) { addNote(input: $v) { userErrors { message } } }', { v: { customerId: world.ids.cus, body: `${text} \ud800` } }],
  ] as [string, Record<string, unknown> | null][]) await ask(document, variables, key);
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers: { authorization: `Bearer ${text}` } });
  await new Promise<void>((resolve) => socket.on('open', () => (socket.send(`{"type": "connection_init", "payload": {"Authorization": "${text} ${email}"`), resolve())));
  await new Promise((resolve) => socket.on('close', resolve));
  await new Promise<void>((resolve) => {
    const { hostname, port } = new URL(server.address);
    const raw = connect(Number(port), hostname, () => raw.end(`GET /${name} HTTP/9.9\r\nX-${name}: ${email}\r\n\r\n`)).on('close', () => resolve()).on('error', () => resolve()).resume();
  });

  // The provider refuses, breaks, and says odd things; a mail server isn't there.
  const send = (body: string, channel = 'SMS') => ask('mutation ($v: SendMessageInput!) { sendMessage(input: $v) { userErrors { message } } }', { v: { conversationId: world.ids.cnv, channel, text: body } }, world.member.token);
  for (const trouble of [{ status: 400, code: 21211, message: `${name} ${phone} ${text}` }, { status: 500, message: text }, { answer: `<p>${text} ${email}</p>` }, { cut: 'before' as const }, { cut: 'after' as const }]) {
    const taken = twilio.requestCount;
    twilio.trouble(trouble);
    await send(text);
    await until('Twilio to be asked', () => (twilio.requestCount > taken ? true : undefined));
  }
  await send(text, 'EMAIL');
  await until('the mail to fail', async () => (await db.owner`select 1 from attempts a join messages m on m.id = a.message_id where m.channel = 'EMAIL' and a.finished_at is not null`)[0], 20_000);
  const mailer = createTransport({ host: '127.0.0.1', port: server.smtpPort, tls: { rejectUnauthorized: false } });
  for (const to of [`nobody.${email}`, 'not an address', `support.${MARK.toLowerCase()}@acme.example`]) await mailer.sendMail({ from: email, to, subject: name, text }).catch(() => {});
  mailer.close();

  // An event that no action can take, and a table that is away when it is needed.
  const [account] = await db.owner<{ address: string }[]>`select address from channel_accounts where workspace_id = ${world.id} and channel = 'SMS' order by created_at limit 1`;
  await twilio.text(hooks.sms, { from: phone, to: account!.address, body: text });
  await quiet({ db });
  await db.owner`update inbound_events set state = 'PENDING', attempts = 4, event = jsonb_set(jsonb_set(event, '{message}', 'null'), '{dedupeKey}', to_jsonb(${`${name} ${text}`}::text)) where workspace_id = ${world.id} and event #>> '{message,parts,0,text}' = ${text}`;
  await until('it to be dead', async () => (await db.owner`select 1 from inbound_events where workspace_id = ${world.id} and state = 'DEAD'`)[0]);
  await db.owner`alter table notes rename to notes_away`;
  await ask('mutation ($v: AddNoteInput!) { addNote(input: $v) { userErrors { message } } }', { v: { customerId: world.ids.cus, body: text } }, key);
  await ask('query ($v: ID!) { customer(id: $v) { notes { nodes { body } } } }', { v: world.ids.cus }, key);
  await db.owner`alter table notes_away rename to notes`;
  await db.owner`alter table customers add constraint names_are_checked check (name is null or name not like '%Platypus%')`;
  await ask('mutation ($v: UpsertCustomerInput!) { upsertCustomer(input: $v) { userErrors { message } } }', { v: { identity: { kind: 'EMAIL', value: email }, name } }, key);
  await db.owner`alter table customers drop constraint names_are_checked`;
}

/** Which of the texts stand there: as they are, as a part of an address, in hexadecimal, or in base64 from whatever place of its groups of three. */
function found(where: string, needles: readonly string[]): string[] {
  const lower = where.toLowerCase();
  return needles.filter((needle) => {
    const bytes = Buffer.from(needle);
    const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').slice(Math.ceil((shift * 8) / 6), -4));
    return lower.includes(needle.toLowerCase()) || where.includes(encodeURIComponent(needle)) || lower.includes(bytes.toString('hex')) || base64.some((text) => where.includes(text));
  });
}

const secretsOf = (): string[] => [
  ...world.secrets, SECRET_KEY, ...Object.values(world.keys).map((key) => key.split('_').slice(2).join('_')), world.member.token.split('.')[2]!, world.visitor.token.split('.')[2]!,
];

describe('a secret', () => {
  test('stands nowhere in a dump of the database', async () => {
    const { owner } = db;
    const tables = await owner<{ schema: string; name: string }[]>`select schemaname as schema, tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`;
    let dump = '';
    for (const { schema, name } of tables) for (const { row } of await owner<{ row: string }[]>`select t::text as row from ${owner(schema)}.${owner(name)} t`) dump += `${name} ${row}\n`;
    expect(tables.length).toBeGreaterThan(50);
    // What isn't secret is found, as text and as bytes: the search works.
    expect(found(dump, [MARK, `Mail of ${MARK}`])).toHaveLength(2);
    expect(dump).toContain(Buffer.from(`File of ${MARK}`).toString('hex'));
    expect(found(dump, secretsOf())).toEqual([]);
  });

  test('stands in no answer of the API, to whoever may do most', () => {
    expect(answers.length).toBeGreaterThan(120);
    const all = answers.map(({ asked, text }) => `${asked}\n${text}`).join('\n');
    expect(all).toContain(`Edited note of ${MARK}`);
    expect(found(all, secretsOf())).toEqual([]);
  });

  test('stands in no log', () => {
    expect(found(server.output(), secretsOf())).toEqual([]);
  });
});

describe('the log, at its most talkative', () => {
  test('tells what happened and what went wrong', () => {
    const lines = server.output().split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(100);
    const messages = new Set(lines.map((line) => (JSON.parse(line) as { msg: string }).msg));
    for (const told of ['A request was answered.', 'A fault of ours.', 'An inbound event is dead after its last try.']) expect([...messages]).toContain(told);
  });

  test('holds no text, name, address or number of anybody, and no query or value', () => {
    const lines = server.output().split('\n');
    const digits = (number: string) => number.replace('+', '');
    const needles = [MARK, world.email, digits(world.phone), STRANGER.email, STRANGER.name, 'platypus', digits(STRANGER.phone), STRANGER.text];
    expect(lines.filter((line) => found(line, needles).length > 0).map((line) => line.slice(0, 400))).toEqual([]);
    expect(lines.filter((line) => /\b(?:select|insert into|update|delete from) .{0,200}\b(?:from|values|set|where)\b/i.test(line)).map((line) => line.slice(0, 300))).toEqual([]);
  });
});
