// The limit: what PostgreSQL and a bare node:http can do when every query is one hand-written statement that returns the answer's JSON.
// The workspace is in every reference; there is no authentication, no permission, no policy and no limit. FORM=text writes the JSON by
// concatenation instead of json_build_object.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import postgres from 'postgres';
import { WORKSPACE } from '../data.ts';

const sql = postgres(process.env.DATABASE_URL!, {
  max: 10, fetch_types: false, onnotice: () => {}, connection: { timezone: 'UTC', plan_cache_mode: 'force_generic_plan', application_name: 'bench limit' },
});

const id = (prefix: string, value: string) => `'${prefix}_' || replace(${value}::text, '-', '')`;
const moment = (value: string) => `to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const CONVERSATIONS = `select v.* from (select distinct p.conversation_id from identities h
    join conversation_participants p on p.workspace_id = $1::uuid and p.identity_id = h.id where h.workspace_id = $1::uuid and h.customer_id = c.id) mine
  join conversations v on v.workspace_id = $1::uuid and v.id = mine.conversation_id order by v.last_activity_at desc, v.id desc limit 10`;
const MESSAGES = `select m.* from messages m where m.workspace_id = $1::uuid and m.conversation_id = v.id order by m.occurred_at desc, m.tie desc, m.id desc limit 20`;
const IDENTITIES = `select i.* from identities i where i.workspace_id = $1::uuid and i.customer_id = c.id and i.kind <> 'SELF' order by i.created_at, i.id limit 20`;
const INBOX = `select v.* from conversations v where v.workspace_id = $1::uuid and v.status = 'OPEN' order by v.last_activity_at desc, v.id desc limit 51`;
const JOINED = `join identities i on i.workspace_id = $1::uuid and i.id = v.identity_id join customers c on c.workspace_id = $1::uuid and c.id = i.customer_id
  left join messages m on m.workspace_id = $1::uuid and m.id = v.last_message_id`;
const ENTRIES = `select e.*, row_number() over (order by e.occurred_at desc, e.tie desc, e.id desc) as n from (
  select y.* from timeline_sources h cross join lateral (select t.* from timeline_entries t where t.workspace_id = $1::uuid and t.identity_id = h.id
    order by t.occurred_at desc, t.tie desc, t.id desc limit 51) y
  where h.workspace_id = $1::uuid and h.customer_id = c.id order by y.occurred_at desc, y.tie desc, y.id desc limit 51) e`;
const CUSTOMER = `from customers c where c.workspace_id = $1::uuid and c.id = $2::uuid`;
const subject = (member: (kind: string) => string) => `case e.kind
  when 'MESSAGE' then (select ${member('MESSAGE')} from messages m where m.workspace_id = $1::uuid and m.id = e.ref_id)
  when 'NOTE' then (select ${member('NOTE')} from notes m where m.workspace_id = $1::uuid and m.id = e.ref_id) end`;

const BUILT: Record<string, string> = {
  Customer: `select '{"data":' || json_build_object('customer', (select json_build_object('id', ${id('cus', 'c.id')}, 'name', c.name,
    'identities', json_build_object('nodes', (select coalesce(json_agg(json_build_object('id', ${id('idn', 'i.id')}, 'kind', i.kind, 'value', i.value)), '[]') from (${IDENTITIES}) i)),
    'conversations', json_build_object('nodes', (select coalesce(json_agg(json_build_object('id', ${id('cnv', 'v.id')}, 'status', v.status, 'channels', v.channels,
      'lastActivityAt', ${moment('v.last_activity_at')}, 'messages', json_build_object('nodes', (select coalesce(json_agg(json_build_object('id', ${id('msg', 'm.id')},
        'channel', m.channel, 'direction', m.direction, 'occurredAt', ${moment('m.occurred_at')}, 'text', m.text)), '[]') from (${MESSAGES}) m)))), '[]') from (${CONVERSATIONS}) v))) ${CUSTOMER})) || '}'`,
  Inbox: `select '{"data":' || json_build_object('conversations', (select json_build_object('nodes', coalesce(json_agg(json_build_object('id', ${id('cnv', 'v.id')}, 'status', v.status,
      'channels', v.channels, 'lastActivityAt', ${moment('v.last_activity_at')}, 'customer', json_build_object('id', ${id('cus', 'c.id')}, 'name', c.name),
      'lastMessage', case when m.id is not null then json_build_object('id', ${id('msg', 'm.id')}, 'direction', m.direction, 'text', m.text, 'occurredAt', ${moment('m.occurred_at')}) end)
      order by v.n) filter (where v.n <= 50), '[]'), 'pageInfo', json_build_object('hasNextPage', count(*) > 50))
    from (select v.*, row_number() over (order by v.last_activity_at desc, v.id desc) as n from (${INBOX}) v) v ${JOINED})) || '}'`,
  Timeline: `select '{"data":' || json_build_object('customer', (select json_build_object('id', ${id('cus', 'c.id')}, 'timeline', (select json_build_object('nodes',
      coalesce(json_agg(json_build_object('id', ${id('tle', 'e.id')}, 'kind', e.kind, 'occurredAt', ${moment('e.occurred_at')}, 'channel', e.channel, 'subject',
        ${subject((kind) => kind === 'NOTE'
          ? `json_build_object('__typename', 'Note', 'id', ${id('nte', 'm.id')}, 'body', m.body, 'createdAt', ${moment('m.created_at')})`
          : `json_build_object('__typename', 'Message', 'id', ${id('msg', 'm.id')}, 'direction', m.direction, 'text', m.text)`)})
        order by e.n) filter (where e.n <= 50), '[]'), 'pageInfo', json_build_object('hasNextPage', count(*) > 50)) from (${ENTRIES}) e)) ${CUSTOMER})) || '}'`,
};

const text = (value: string) => `coalesce(to_json(${value})::text, 'null')`;
const quoted = (value: string) => `coalesce('"' || ${value} || '"', 'null')`;
const listed = (value: string, order = '') => `'{"nodes":[' || coalesce(string_agg(${value}, ','${order}), '') || ']'`;

const WRITTEN: Record<string, string> = {
  Customer: `select '{"data":{"customer":' || coalesce((select '{"id":"' || ${id('cus', 'c.id')} || '","name":' || ${text('c.name')} || ',"identities":' ||
    (select ${listed(`'{"id":"' || ${id('idn', 'i.id')} || '","kind":"' || i.kind || '","value":' || ${text('i.value')} || '}'`)} || '}' from (${IDENTITIES}) i) || ',"conversations":' ||
    (select ${listed(`'{"id":"' || ${id('cnv', 'v.id')} || '","status":"' || v.status || '","channels":' || to_json(v.channels) || ',"lastActivityAt":"' || ${moment('v.last_activity_at')} || '","messages":' ||
      (select ${listed(`'{"id":"' || ${id('msg', 'm.id')} || '","channel":"' || m.channel || '","direction":"' || m.direction || '","occurredAt":"' || ${moment('m.occurred_at')} || '","text":' || ${text('m.text')} || '}'`)} || '}' from (${MESSAGES}) m) || '}'`)} || '}' from (${CONVERSATIONS}) v) || '}'
    ${CUSTOMER}), 'null') || '}}'`,
  Inbox: `select '{"data":{"conversations":' || (select ${listed(`'{"id":"' || ${id('cnv', 'v.id')} || '","status":"' || v.status || '","channels":' || to_json(v.channels) || ',"lastActivityAt":"' || ${moment('v.last_activity_at')} ||
      '","customer":{"id":"' || ${id('cus', 'c.id')} || '","name":' || ${text('c.name')} || '},"lastMessage":' || case when m.id is null then 'null' else
      '{"id":"' || ${id('msg', 'm.id')} || '","direction":"' || m.direction || '","text":' || ${text('m.text')} || ',"occurredAt":"' || ${moment('m.occurred_at')} || '"}' end || '}'`, ' order by v.n) filter (where v.n <= 50')}
      || ',"pageInfo":{"hasNextPage":' || (count(*) > 50)::text || '}}'
    from (select v.*, row_number() over (order by v.last_activity_at desc, v.id desc) as n from (${INBOX}) v) v ${JOINED}) || '}}'`,
  Timeline: `select '{"data":{"customer":' || coalesce((select '{"id":"' || ${id('cus', 'c.id')} || '","timeline":' || (select ${listed(`'{"id":"' || ${id('tle', 'e.id')} || '","kind":"' || e.kind || '","occurredAt":"' || ${moment('e.occurred_at')} ||
      '","channel":' || ${quoted('e.channel')} || ',"subject":' || coalesce(${subject((kind) => kind === 'NOTE'
        ? `'{"__typename":"Note","id":"' || ${id('nte', 'm.id')} || '","body":' || ${text('m.body')} || ',"createdAt":"' || ${moment('m.created_at')} || '"}'`
        : `'{"__typename":"Message","id":"' || ${id('msg', 'm.id')} || '","direction":"' || m.direction || '","text":' || ${text('m.text')} || '}'`)}, 'null') || '}'`, ' order by e.n) filter (where e.n <= 50')}
      || ',"pageInfo":{"hasNextPage":' || (count(*) > 50)::text || '}}' from (${ENTRIES}) e) || '}' ${CUSTOMER}), 'null') || '}}'`,
};

const statements = process.env.FORM === 'text' ? WRITTEN : BUILT;
const prepared = { prepare: true };
const uuid = (hex: string) => `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

const server = http.createServer((incoming, answer) => {
  let body = '';
  incoming.setEncoding('utf8');
  incoming.on('data', (chunk: string) => (body += chunk));
  incoming.on('end', () => {
    const { operationName, variables } = JSON.parse(body) as { operationName: string; variables?: { id: string } };
    const values = variables ? [WORKSPACE, uuid(variables.id.slice(4))] : [WORKSPACE];
    sql.unsafe(statements[operationName]!, values, prepared).values().then(
      ([[json]]: any) => {
        answer.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json as string) });
        answer.end(json);
      },
      (error: Error) => answer.writeHead(500).end(error.message),
    );
  });
});
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => process.exit(0));
