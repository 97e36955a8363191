// A workspace in which everything happened once, by the public doors, so that every table holds a row of it. All texts, names and addresses carry
// its mark, so that whoever may not see it can be searched for it.
import { createHmac } from 'node:crypto';
import { publishableKey } from '../../src/access/tokens.ts';
import { publicId } from '../../src/platform/ids.ts';
import { fakeTwilio, newSid, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import type { TestServer, TestWorkspace } from '../harness/server.ts';

export interface World extends TestWorkspace {
  /** Stands in every text, name and address of the workspace. */
  mark: string;
  email: string;
  phone: string;
  /**
   * The public id of one thing of each prefix (`cus` → `cus_…`), a visitor's `vis_`, `vmg_`, `vcn_` among them. `cus` is Ada, `idn` her mail address,
   * `phone` her number, `chat` the visitor's address, `answer` what the team told him; `key`, `tok`, `mem` and `spare` (a mailbox) may be spoiled.
   */
  ids: Record<string, string>;
  /** Every id of the workspace, as 32 hexadecimal digits. */
  hexIds: Set<string>;
  /** A place in the workspace's log. */
  cursor: string;
  /** A place in the list of a figure's rows. */
  statsCursor: string;
  twilio: FakeTwilio;
  hooks: { mail: string; sms: string };
  mailSecret: string;
  /** What opens the workspace's chat to anybody. */
  publishable: string;
  /** What nobody may ever see again: the provider's token, the mail door's secret, the mail server's password. */
  secrets: string[];
}

/** In this process or another. */
export type WorldServer = Pick<TestServer, 'db' | 'workspace' | 'ask' | 'address'>;
let made = 0;

/** `mark`: 6 or more letters that stand nowhere else. */
export async function makeWorld(server: WorldServer, mark: string): Promise<World> {
  const n = ++made;
  const ws = await server.workspace(`${mark} Ltd`);
  const twilio = await fakeTwilio();
  const ask = (document: string, variables?: Record<string, unknown>, key: string = ws.keys.ADMIN) => server.ask(document, variables, key);
  const email = `ada.${mark.toLowerCase()}@customers.example`;
  const phone = `+491511234500${n}`;
  const mailSecret = `mail-door-secret-${mark}`;
  const smtpPassword = `smtp-password-${mark}`;
  const mailbox = `support.${mark.toLowerCase()}@acme.example`;
  const number = `+49301234567${n}`;

  const mail = await ws.connect({
    channel: 'EMAIL', provider: 'mime', name: `${mark} mailbox`, address: mailbox,
    settings: { fromName: mark, host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: mailSecret, user: 'support', password: smtpPassword },
  });
  const settings = { accountSid: twilio.accountSid, apiBaseUrl: twilio.url };
  const sms = await ws.connect({ channel: 'SMS', provider: 'twilio', name: `${mark} texts`, address: number, settings, secrets: { authToken: twilio.authToken } });
  await ws.connect({ channel: 'VOICE', provider: 'twilio', name: `${mark} phone`, address: number, settings, endpointId: sms.endpointId });
  const signingKey = `signing-key-of-the-desk-phones-${mark}`;
  const phones = await ws.connect({ channel: 'VOICE', provider: 'telephony', name: `${mark} desk phones`, address: `+49401234567${n}`, settings: {}, secrets: { signingKey } });
  const page = `10000000${n}`;
  const appSecret = `app-secret-${mark}`;
  const messenger = await ws.connect({
    channel: 'MESSENGER', provider: 'meta', name: `${mark} Page`, address: page, settings: {}, secrets: { appSecret, verifyToken: `verify-${mark}`, accessToken: `access-${mark}` },
  });
  const hooks = {
    mail: `${server.address}/hooks/mime/${publicId('end', mail.endpointId)}`,
    sms: `${server.address}/hooks/twilio/${publicId('end', sms.endpointId)}`,
  };

  // The team and its rules.
  const { createMember } = await ask('mutation ($i: CreateMemberInput!) { createMember(input: $i) { member { id } userErrors { message } } }', { i: { name: `Tom ${mark}`, email: `tom.${mark}@acme.example` } });
  const tom: string = createMember.member.id;
  const { createTeam } = await ask('mutation ($i: CreateTeamInput!) { createTeam(input: $i) { team { id } userErrors { message } } }', { i: { name: `Team ${mark}`, memberIds: [tom, ws.member.id] } });
  const { createBusinessHours } = await ask('mutation ($i: CreateBusinessHoursInput!) { createBusinessHours(input: $i) { businessHours { id } userErrors { message } } }',
    { i: { name: `Hours ${mark}`, timeZone: 'Europe/Berlin', hours: [{ day: 1, from: '09:00', to: '17:00' }] } });
  const { createQueue } = await ask('mutation ($i: CreateQueueInput!) { createQueue(input: $i) { queue { id } userErrors { message } } }',
    { i: { name: `Queue ${mark}`, description: mark, businessHoursId: createBusinessHours.businessHours.id, isDefault: true, idempotencyKey: `queue ${mark}` } });
  await ask('mutation ($i: CreateRoutingRuleInput!) { createRoutingRule(input: $i) { userErrors { message } } }',
    { i: { name: `Rule ${mark}`, conditions: { textContainsAny: [mark] }, actions: { queueId: createQueue.queue.id, addTags: [mark] } } });

  // Ada, known to the shop, and her order.
  await ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { userErrors { message } } }', {
    i: { identity: { kind: 'EMAIL', value: email }, externalId: { system: 'shop', value: `customer ${mark}` }, name: `Ada ${mark}`, company: mark, tier: 'gold', tags: [mark], attributes: { [mark]: mark }, identities: [{ kind: 'PHONE', value: phone }] },
  });
  const order = { system: 'shop', type: 'order', externalId: `order ${mark}`, number: `4711${mark}`, title: `Order of ${mark}`, identity: { kind: 'EMAIL', value: email } };
  const { upsertExternalRecord } = await ask('mutation ($i: UpsertExternalRecordInput!) { upsertExternalRecord(input: $i) { externalRecord { id } userErrors { message } } }', { i: { ...order, status: 'PAID', fields: { [mark]: mark } } });
  await ask('mutation ($i: UpsertExternalRecordInput!) { upsertExternalRecord(input: $i) { userErrors { message } } }', { i: { ...order, status: 'SHIPPED' } });

  // A visitor who says that he is Ada, who chats and is answered.
  const visitor = ws.visitor.token;
  await ask('mutation ($i: StartChatInput!) { startChat(input: $i) { userErrors { message } } }', { i: { clientId: 'form', name: `Ada ${mark}`, email, fields: { order: mark } } }, visitor);
  const said = await ask('mutation ($i: SendVisitorMessageInput!) { sendVisitorMessage(input: $i) { message { id conversation { id } } userErrors { message } } }', { i: { clientId: 'said', text: `Chat of ${mark}` } }, visitor);
  const chatId = said.sendVisitorMessage.message.conversation.id.replace('vcn_', 'cnv_');
  await ask('mutation ($i: SendMessageInput!) { sendMessage(input: $i) { userErrors { message } } }', { i: { conversationId: chatId, text: `Answer of ${mark}` } }, ws.member.token);
  await ask('mutation ($i: VisitorPageInput!) { visitorPage(input: $i) { userErrors { message } } }', { i: { clientId: 'page', url: `https://${mark.toLowerCase()}.example/` } }, visitor);

  // A mail with a file, and one that nobody can read.
  const letter = [
    `From: Ada ${mark} <${email}>`, `To: ${mailbox}`, `Subject: Mail of ${mark}`, `Message-ID: <mail.${mark}@customers.example>`, 'Date: Thu, 05 Mar 2026 10:00:00 +0100',
    'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: text/html; charset=utf-8', '', `<p>Mail of <b>${mark}</b></p>`, '--b',
    'Content-Type: text/plain; name=notes.txt', `Content-Disposition: attachment; filename="${mark}.txt"`, '', `File of ${mark}`, '--b--', '',
  ].join('\r\n');
  const posted = await fetch(hooks.mail, { method: 'POST', headers: { authorization: `Bearer ${mailSecret}`, 'content-type': 'message/rfc822' }, body: letter });
  if (posted.status !== 202) throw new Error(`The mail was refused: ${posted.status} ${await posted.text()}`);
  await twilio.post(hooks.sms, { Nonsense: mark });

  // Somebody else writes to the Page, likes what he wrote, and has seen everything.
  const written = { sender: { id: `77${n}` }, recipient: { id: page }, timestamp: Date.now() };
  const messaging = [
    { ...written, message: { mid: `m_${mark}`, text: `Page message of ${mark}`, referral: { ref: mark, source: 'ADS', type: 'OPEN_THREAD', ad_id: `66${n}` } } },
    { ...written, reaction: { mid: `m_${mark}`, action: 'react', reaction: 'love', emoji: '❤' } },
    { ...written, read: { watermark: Date.now() } },
  ];
  const told = JSON.stringify({ object: 'page', entry: [{ id: page, time: Date.now(), messaging }] });
  const taken = await fetch(`${server.address}/hooks/meta/${publicId('end', messenger.endpointId)}`, {
    method: 'POST', headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${createHmac('sha256', appSecret).update(told).digest('hex')}` }, body: told,
  });
  if (taken.status !== 200) throw new Error(`The Page's delivery was refused: ${taken.status} ${await taken.text()}`);
  await until('the reaction and the watermark to be there', async () => (await server.db.owner`select 1 from reactions join watermarks using (workspace_id) where workspace_id = ${ws.id}`)[0]);

  // A text message, its answer by Twilio, the report on that; a call that was taken, recorded and transcribed.
  const text = await twilio.text(hooks.sms, { from: phone, to: number, body: `Text of ${mark}` });
  if (text.status !== 200) throw new Error(`The text was refused: ${text.status} ${text.body}`);
  const call = { CallSid: newSid('CA'), AccountSid: twilio.accountSid, From: phone, To: number, Caller: phone, Called: number, ApiVersion: '2010-04-01', Direction: 'inbound' };
  const recording = { RecordingSid: newSid('RE'), RecordingUrl: `${twilio.url}/recording` };
  for (const fields of [
    { ...call, CallStatus: 'ringing', CallerName: `ADA ${mark}` },
    { ...call, CallSid: newSid('CA'), ParentCallSid: call.CallSid, To: '+14155550177', Direction: 'outbound-dial', CallStatus: 'in-progress', SequenceNumber: '2', CallbackSource: 'call-progress-events' },
    { ...call, CallStatus: 'completed', CallDuration: '71', SequenceNumber: '3', CallbackSource: 'call-progress-events' },
    { CallSid: call.CallSid, AccountSid: twilio.accountSid, RecordingStatus: 'completed', RecordingDuration: '40', RecordingSource: 'DialVerb', ...recording },
    { ...call, TranscriptionSid: newSid('TR'), TranscriptionText: `Voice of ${mark}`, TranscriptionStatus: 'completed', CallStatus: 'completed', ...recording },
  ]) {
    const { status, body } = await twilio.post(hooks.sms, fields);
    if (status >= 300) throw new Error(`The call was refused: ${status} ${body}`);
  }
  // One that waits in a queue of the house's own telephone system.
  const queued = Buffer.from(JSON.stringify({ id: `queued-${n}`, type: 'queued', at: new Date().toISOString(), queue: mark, call: { id: `call-${n}`, direction: 'inbound', from: phone, to: `+49401234567${n}` } }));
  const seconds = Math.floor(Date.now() / 1_000);
  const answered = await fetch(`${server.address}/hooks/telephony/${publicId('end', phones.endpointId)}`, {
    method: 'POST', headers: { 'x-throughline-signature': `t=${seconds},v1=${createHmac('sha256', signingKey).update(`${seconds}.`).update(queued).digest('hex')}` }, body: queued,
  });
  if (answered.status !== 202) throw new Error(`The telephone system was refused: ${answered.status} ${await answered.text()}`);
  await until('the call to wait', async () => (await server.db.owner`select 1 from call_steps where workspace_id = ${ws.id}`)[0]);
  const conversationId = await until('the text message to be applied', async () => {
    const [row] = await server.db.owner<{ id: string }[]>`select conversation_id as id from messages where workspace_id = ${ws.id} and channel = 'SMS'`;
    return row && publicId('cnv', row.id);
  });
  await ask('mutation ($i: SendMessageInput!) { sendMessage(input: $i) { userErrors { message } } }', { i: { conversationId, channel: 'SMS', text: `SMS answer of ${mark}`, clientId: `client ${mark}` } }, ws.member.token);
  const sent = await until('Twilio to take the answer', () => twilio.messages[0]);
  await until('the answer to be accepted', async () => (await server.db.owner`select 1 from attempts where workspace_id = ${ws.id} and state = 'ACCEPTED'`)[0]);
  await twilio.report(sent.sid, 'delivered');

  // Notes, tags, readers, assignments.
  const noted = await ask('mutation ($i: AddNoteInput!) { addNote(input: $i) { note { id } userErrors { message } } }', { i: { conversationId, body: `Note of ${mark}`, externalRecordIds: [upsertExternalRecord.externalRecord.id] } }, ws.member.token);
  await ask('mutation ($i: EditNoteInput!) { editNote(input: $i) { userErrors { message } } }', { i: { noteId: noted.addNote.note.id, body: `Edited note of ${mark}` } }, ws.member.token);
  await ask('mutation ($i: MarkReadInput!) { markRead(input: $i) { userErrors { message } } }', { i: { conversationId } }, ws.member.token);
  await ask('mutation ($i: AssignConversationInput!) { assignConversation(input: $i) { userErrors { message } } }', { i: { conversationId, assigneeId: tom, teamId: createTeam.team.id } });
  await ask('mutation ($i: SetConversationStatusInput!) { setConversationStatus(input: $i) { userErrors { message } } }', { i: { conversationId, status: 'PENDING' } });

  // Two matters of somebody else's, parted and joined again.
  const apart = await ask('mutation ($m: [IngestMessageInput!]!) { ingestMessages(input: { messages: $m }) { messages { message { id conversation { id } } userErrors { message } } userErrors { message } } }',
    { m: ['first', 'second'].map((which) => ({ channel: 'EMAIL', address: { kind: 'EMAIL', value: `apart.${email}` }, text: `The ${which} matter of ${mark}`, externalId: `${which} ${mark}` })) });
  const [first, second] = apart.ingestMessages.messages.map((row: { message: unknown }) => row.message);
  const apartNote = await ask('mutation ($i: AddNoteInput!) { addNote(input: $i) { note { id } userErrors { message } } }', { i: { conversationId: first.conversation.id, body: `Apart of ${mark}` } }, ws.member.token);
  const parted = await ask('mutation ($i: SplitConversationInput!) { splitConversation(input: $i) { change { id } userErrors { message } } }', { i: { conversationId: first.conversation.id, messageIds: [second.id] } });
  await ask('mutation ($i: UndoConversationChangeInput!) { undoConversationChange(input: $i) { userErrors { message } } }', { i: { changeId: parted.splitConversation.change.id } });

  // What may be spoiled.
  const spare = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: `${mark} spare`, address: `spare.${mark.toLowerCase()}@acme.example`, settings: { fromName: mark, host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: mailSecret } });
  const spareKey = await ask('mutation ($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey { id } userErrors { message } } }', { i: { name: `Key ${mark}`, role: 'REPORTING' } });
  const spareToken = await ask('mutation ($i: CreateMemberTokenInput!) { createMemberToken(input: $i) { tokenId userErrors { message } } }', { i: { memberId: tom } });

  // A consumer that failed at an event: no door leads to it.
  await quiet(server);
  await server.db.owner`
    insert into consumer_failures (consumer, workspace_id, position, error, failed_at)
    select 'routing', workspace_id, position, 'Error', occurred_at from events where workspace_id = ${ws.id} order by position limit 1 on conflict do nothing`;
  const { cursor } = await ask('{ cursor }');
  const stats = await ask('{ conversationStatsRows(figure: MESSAGES_IN, range: { from: "2026-01-01T00:00:00Z", to: "2030-01-01T00:00:00Z" }, first: 1) { cursor } }');
  const [texted] = await server.db.owner<{ id: string }[]>`select id from messages where workspace_id = ${ws.id} and channel = 'SMS' and direction = 'INBOUND'`;
  const [entry] = await server.db.owner<{ id: string }[]>`select id from timeline_entries where workspace_id = ${ws.id} and kind = 'NOTE'`;
  return {
    ...ws, mark, email, phone, cursor, statsCursor: stats.conversationStatsRows[0].cursor, twilio, hooks, mailSecret, publishable: publishableKey(ws.id, ws.chat.accountId), secrets: [twilio.authToken, mailSecret, smtpPassword, appSecret, `verify-${mark}`, `access-${mark}`, signingKey],
    ids: {
      ...(await oneOfEach(server, ws)), cnv: conversationId, tea: createTeam.team.id, que: createQueue.queue.id, nte: noted.addNote.note.id, mem: tom, tle: publicId('tle', entry!.id), quoted: publicId('msg', texted!.id),
      ccg: parted.splitConversation.change.id, apart: first.conversation.id, first: first.id, second: second.id, apartNote: apartNote.addNote.note.id,
      cha: publicId('cha', sms.accountId), end: publicId('end', sms.endpointId), spare: publicId('cha', spare.accountId), key: spareKey.createApiKey.apiKey.id, tok: spareToken.createMemberToken.tokenId,
    },
    hexIds: await everyId(server, ws.id),
  };
}

/** Prefix → table. `vis`, `vmg` and `vcn` are a visitor's own. */
export const TABLE_OF: Record<string, string> = {
  att: 'attempts', bhr: 'business_hours', cal: 'calls', cha: 'channel_accounts', clm: 'claims', cnv: 'conversations', cus: 'customers', dlv: 'deliveries', evt: 'events', idn: 'identities',
  inb: 'inbound_events', key: 'api_keys', leg: 'call_legs', mem: 'members', msg: 'messages', nte: 'notes', prt: 'message_parts', que: 'queues', rcd: 'recordings', rcp: 'receipts', rct: 'reactions', stp: 'call_steps',
  ccg: 'conversation_changes', rfr: 'referrals',
  rec: 'external_records', rtd: 'routing_decisions', rul: 'routing_rules', tea: 'teams', tle: 'timeline_entries', trn: 'transcripts', wks: 'workspaces',
};

async function oneOfEach(server: WorldServer, ws: TestWorkspace): Promise<Record<string, string>> {
  const { owner } = server.db;
  const ids: Record<string, string> = {};
  for (const [prefix, table] of Object.entries(TABLE_OF)) {
    const [row] = await owner<{ id: string }[]>`select id from ${owner(table)} where ${owner(table === 'workspaces' ? 'id' : 'workspace_id')} = ${ws.id} order by id limit 1`;
    if (!row) throw new Error(`The world has no row of ${table}.`);
    ids[prefix] = publicId(prefix, row.id);
  }
  // The one who has a name, an order and messages by three channels.
  const [ada] = await owner<{ id: string; email: string }[]>`select customer_id as id, id as email from identities where workspace_id = ${ws.id} and kind = 'EMAIL' and valid_to is null order by created_at, id limit 1`;
  const [phone] = await owner<{ id: string }[]>`select id from identities where workspace_id = ${ws.id} and kind = 'PHONE' and customer_id = ${ada!.id}`;
  const [answer] = await owner<{ id: string }[]>`select id from messages where workspace_id = ${ws.id} and channel = 'LIVE_CHAT' and direction = 'OUTBOUND'`;
  const [unread] = await owner<{ id: string }[]>`select id from inbound_events where workspace_id = ${ws.id} and state = 'UNPARSED'`;
  const [said] = await owner<{ id: string; conversationId: string }[]>`
    select id, conversation_id from messages where workspace_id = ${ws.id} and channel = 'LIVE_CHAT' and direction = 'INBOUND' and provider_message_id is not null order by id desc limit 1`;
  return {
    ...ids, cus: publicId('cus', ada!.id), idn: publicId('idn', ada!.email), phone: publicId('idn', phone!.id), chat: publicId('idn', ws.visitor.identityId), answer: publicId('vmg', answer!.id), inb: publicId('inb', unread!.id),
    vis: publicId('vis', ws.visitor.identityId), vmg: publicId('vmg', said!.id), vcn: publicId('vcn', said!.conversationId),
  };
}

/** A hash of all rows of the workspace, by table. */
export async function stateOf({ owner }: WorldServer['db'], workspaceId: string): Promise<Record<string, string>> {
  const tables = await owner<{ name: string }[]>`select c.relname as name from pg_class c join pg_attribute t on t.attrelid = c.oid and t.attname = 'workspace_id' where c.relkind in ('r', 'p') order by 1`;
  const state: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await owner<{ n: number; hash: string }[]>`select count(*)::int as n, md5(string_agg(md5(t::text), '' order by md5(t::text))) as hash from ${owner(name)} t where workspace_id = ${workspaceId}`;
    state[name] = `${row!.n} ${row!.hash}`;
  }
  return state;
}

/** What of the world stands in the answer, other than what was asked with. */
export function leaked(a: World, text: string, asked: unknown): string[] {
  const sent = JSON.stringify(asked);
  const found = [...text.matchAll(/[0-9a-f]{32}/g)].map(([id]) => id).filter((id) => a.hexIds.has(id) && !sent.includes(id));
  for (const own of [a.mark, a.email, a.phone]) if (text.toLowerCase().includes(own.toLowerCase()) && !sent.toLowerCase().includes(own.toLowerCase())) found.push(own);
  return found;
}

/** Of every row of every table of the workspace. */
export async function everyId(server: WorldServer, workspaceId: string): Promise<Set<string>> {
  const { owner } = server.db;
  const columns = await owner<{ table: string; column: string }[]>`
    select c.table_name as table, c.column_name as column from information_schema.columns c
    where c.table_schema = 'public' and c.data_type = 'uuid' and c.column_name like '%id'
      and exists (select from information_schema.columns w where w.table_schema = 'public' and w.table_name = c.table_name and w.column_name = 'workspace_id')`;
  const ids = new Set<string>();
  for (const { table, column } of columns) {
    for (const { id } of await owner<{ id: string }[]>`select distinct ${owner(column)} as id from ${owner(table)} where workspace_id = ${workspaceId} and ${owner(column)} is not null`) ids.add(id.replaceAll('-', ''));
  }
  return ids;
}

/** Everything that came in is applied, numbered, and heard by the consumers; no job waits to run now. */
export async function quiet(server: Pick<TestServer, 'db'>, withinMs = 20_000): Promise<void> {
  const { owner } = server.db;
  await until('the work to end', async () => {
    const [row] = await owner<{ busy: boolean }[]>`
      select exists (select from inbound_events where state = 'PENDING') or exists (select from event_outbox)
        or exists (select from graphile_worker.jobs where run_at <= statement_timestamp() or locked_at is not null)
        or exists (select from consumers c, log_state l where c.position < l.position) as busy`;
    return row!.busy ? undefined : true;
  }, withinMs);
}

/** Asks every 20 ms until there is an answer. @throws Error naming `what` */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, withinMs = 15_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${withinMs} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
