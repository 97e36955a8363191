// `node --import tsx tests/schema/record-release.ts --address URL --key ADMIN_KEY --publishable KEY --customer ID --database URL --migrations N --commit C --secret TEXT > tests/fixtures/releases/C.json`
// What a release that runs (with its demo) has stored and answers, so that a later one can be held against it: run it at the release, keep the file.
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { ASKED, type Recorded } from './releases.ts';

const { values } = parseArgs({ options: Object.fromEntries(['address', 'key', 'publishable', 'customer', 'database', 'migrations', 'commit', 'secret'].map((name) => [name, { type: 'string' as const }])) });
const given = (name: string): string => {
  const value = values[name];
  if (typeof value !== 'string') throw new Error(`--${name} is missing.`);
  return value;
};

async function ask(query: string, variables: object, key: string): Promise<any> {
  const response = await fetch(`${given('address')}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ query, variables }) });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const key = given('key');
const customerId = given('customer');
// Somebody who will still be here with his token after the upgrade, and what the team writes by the API.
const { startChat } = await ask('mutation { startChat(input: { name: "Grace" }) { token } }', {}, given('publishable'));
await ask('mutation { sendVisitorMessage(input: { clientId: "before-1", text: "Written before the upgrade." }) { message { id } } }', {}, startChat.token);
const { cursor } = await ask('{ cursor }', {}, key);
await ask('mutation ($i: AddNoteInput!) { addNote(input: $i) { note { id } userErrors { message } } }', { i: { customerId, body: 'Noted before the upgrade.', idempotencyKey: 'before' } }, key);
await ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { customer { id } userErrors { message } } }', { i: { customerId, tier: 'gold', attributes: { size: 42 } } }, key);
await new Promise((resolve) => setTimeout(resolve, 3_000));

const answers: Recorded['answers'] = [];
for (const { by, query } of ASKED) {
  const variables = { customerId, cursor };
  answers.push(JSON.parse(JSON.stringify(await ask(query, variables, by === 'visitor' ? startChat.token : key))));
}
const sql = postgres(given('database'), { max: 1, onnotice: () => {} });
const names = await sql<{ name: string }[]>`select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1`;
const tables: Recorded['tables'] = {};
for (const { name } of names) {
  const [row] = await sql<{ rows: unknown[] }[]>`select coalesce(jsonb_agg(to_jsonb(t)), '[]') as rows from ${sql(name)} t`;
  if (row!.rows.length > 0) tables[name] = row!.rows;
}
const sequences = await sql<{ name: string; last: string }[]>`select sequencename as name, last_value::text as last from pg_sequences where schemaname = 'public' and last_value is not null`;
await sql.end();
const recorded: Recorded = {
  commit: given('commit'), migrations: Number(given('migrations')), secretKey: given('secret'), adminKey: key, visitorToken: startChat.token, variables: { customerId, cursor }, answers,
  tables, sequences: Object.fromEntries(sequences.map(({ name, last }) => [name, Number(last)])),
};
process.stdout.write(`${JSON.stringify(recorded, null, 1)}\n`);
