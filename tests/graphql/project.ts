// The project's own schema over data of its own doors: the demo, a workspace in which everything happened, odd texts and moments that tie in
// it, and another workspace like it. And those who ask there: every role, a narrowed key, a visitor.
import { viewerOf } from '../../src/access/keys.ts';
import { PERMISSIONS } from '../../src/access/permissions.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { inWorkspace, type Sql } from '../../src/platform/db.ts';
import { publicId } from '../../src/platform/ids.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { makeWorld, quiet, TABLE_OF, type World } from '../guarantees/world.ts';
import type { TestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

export interface Project {
  viewers: [name: string, viewer: Viewer][];
  /** Ids of what the viewers' workspaces have, at most sixty of a type and workspace. */
  ids: string[];
  /** Ids of the other workspace. */
  foreignIds: string[];
  /** Addresses, words and keys by which things are found, by the names of arguments. */
  texts: Record<string, string[]>;
}

/** Fills the database, which is empty, and leaves it at rest. */
export async function makeProject(db: TestDatabase): Promise<Project> {
  const server = await startTestServer({ db, demo: true });
  const world = await makeWorld(server, 'Quokkaville');
  const other = await makeWorld(server, 'Zirconbury');
  await oddThings(server, world);
  await oddRows(db.owner, world.id);
  await quiet(server);
  const viewers = await those(db, world, server.server.demo!.workspaceId);
  for (const { twilio } of [world, other]) await twilio.close();
  await server.stop();
  return {
    viewers,
    ids: [...Object.values(world.ids), ...(await idsOf(db, [world.id, server.server.demo!.workspaceId]))],
    foreignIds: Object.values(other.ids),
    texts: {
      channel: ['SMS', 'EMAIL', 'VOICE', 'LIVE_CHAT', 'MESSENGER'], system: ['shop'], type: ['order'], externalId: ['odd 3', `order ${world.mark}`, '48821'], number: [`4711${world.mark}`, '48821'], query: [world.mark, world.email, '48821', 'tracking', 'Ada'], tag: ['billing', world.mark, 'odd "1"'],
      value: [world.email, world.phone, 'ada@lovelace.example', '+447700900123'], address: [world.email, world.phone, 'ada@lovelace.example', '+447700900123'], kind: ['EMAIL', 'PHONE'],
    },
  };
}

async function those(db: TestDatabase, world: World, demoId: string): Promise<Project['viewers']> {
  const { key } = await inWorkspace(db.app, world.id, (tx) => createApiKey(tx, world.actor, { name: 'Narrow', role: 'ADMIN', scopes: ['customers:read', 'messages:read', 'conversations:read'] }));
  const credentials: [string, string][] = [
    ['an administrator', world.keys.ADMIN], ['a member', world.member.token], ['an integrator', world.keys.INTEGRATOR], ['reporting', world.keys.REPORTING], ['a narrowed key', key],
    ['a visitor', world.visitor.token], ['the publishable key', world.publishable],
  ];
  const made: Project['viewers'] = [['everybody in the demo', await everybodyIn(db, demoId)], ['everybody', await everybodyIn(db, world.id)]];
  for (const [name, credential] of credentials) made.push([name, await viewerOf(db.app, `Bearer ${credential}`)]);
  return made;
}

/** Nobody may do all of this, and every field can be asked for at once. */
async function everybodyIn(db: TestDatabase, workspaceId: string): Promise<Viewer> {
  const [member] = await db.owner`select id from members where workspace_id = ${workspaceId} order by created_at, id limit 1`;
  const identities = await db.owner`select identity_id as id from conversation_participants where workspace_id = ${workspaceId} order by 1 limit 3`;
  const [account] = await db.owner`select id from channel_accounts where workspace_id = ${workspaceId} and channel = 'LIVE_CHAT' limit 1`;
  return {
    workspaceId, role: 'ADMIN', permissions: new Set(PERMISSIONS), actor: { workspaceId, kind: 'MEMBER', id: member!.id }, memberId: member!.id,
    identityIds: identities.map(({ id }) => id as string), accountId: account!.id as string, permissionKey: 'all', expiresAtMs: null,
  };
}

async function idsOf({ owner }: TestDatabase, workspaceIds: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const workspaceId of workspaceIds) {
    for (const [prefix, table] of Object.entries(TABLE_OF)) {
      const found = await owner<{ id: string }[]>`select id from ${owner(table)} where ${owner(table === 'workspaces' ? 'id' : 'workspace_id')} = ${workspaceId} order by md5(id::text) limit 60`;
      ids.push(...found.map(({ id }) => publicId(prefix, id)));
    }
    const written = await owner<{ id: string; conversationId: string }[]>`select id, conversation_id from messages where workspace_id = ${workspaceId} and channel = 'LIVE_CHAT'`;
    for (const { id, conversationId } of written) ids.push(publicId('vmg', id), publicId('vcn', conversationId));
  }
  return ids;
}

const ODD = ['"', "it's", '\\', '\\u0041', 'a\nb\tc', '\u2028', '😀 \u0001', '{"json":true}', ' ', 'ü'.repeat(50), '<b>', 'null'];
async function oddThings(server: Pick<Awaited<ReturnType<typeof startTestServer>>, 'ask'>, world: World): Promise<void> {
  const messages = ODD.flatMap((text, i) => [0, 1].map((n) => ({
    channel: 'SMS', address: { kind: 'PHONE', value: `+49151155500${10 + (i % 4)}` }, text: `${n} ${text}`, externalId: `odd ${i} ${n}`, occurredAt: `2026-03-0${1 + (i % 2)}T10:00:00.00${n}Z`,
  })));
  await server.ask('mutation ($messages: [IngestMessageInput!]!) { ingestMessages(input: { messages: $messages }) { userErrors { message } messages { userErrors { message } } } }', { messages }, world.keys.INTEGRATOR);
  for (const [i, odd] of ODD.entries()) {
    const text = odd.replaceAll(/[\p{Cc}\u2028]/gu, ' ');
    const { upsertCustomer } = await server.ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { customer { id } userErrors { message } } }', {
      i: { identity: { kind: 'PHONE', value: `+49151155500${10 + (i % 4)}` }, name: `Odd ${text}`, company: `Odd ${text}`, tags: [`odd "${i % 3}"`], attributes: { [`k.${i}`]: [text, null, 1.5, { 'é "': -0.1, [text]: 1 }], e: {} } },
    }, world.keys.ADMIN);
    await server.ask('mutation ($i: UpsertExternalRecordInput!) { upsertExternalRecord(input: $i) { userErrors { message } } }', {
      i: { system: 'shop', type: 'order', externalId: `odd ${i}`, title: `Odd ${text}`, status: i % 2 ? 'PAID' : 'SHIPPED', customerId: upsertCustomer.customer.id, fields: { text, n: [1e21, null] } },
    }, world.keys.INTEGRATOR);
  }
}

/** What no door of the world brings about, or not in a week. */
async function oddRows(owner: Sql, id: string): Promise<void> {
  const at = '2026-03-05T10:00:00.001Z';
  const odd = 'odd "\\" \u2028 😀';
  await owner`update api_keys set revoked_at = ${at}, expires_at = ${at} where workspace_id = ${id} and name like 'Key %'`;
  await owner`update channel_accounts set disconnected_at = ${at} where workspace_id = ${id} and name like '% spare'`;
  await owner`update attempts set error_code = 'PROVIDER', error_reason = ${odd} where workspace_id = ${id}`;
  await owner`update receipts set error_code = '30003', reason = ${odd} where workspace_id = ${id}`;
  await owner`update messages set error_code = '30003', error_reason = ${odd}, edited_at = ${at}, deleted_at = case when direction = 'OUTBOUND' then ${at}::timestamptz end where workspace_id = ${id} and (direction = 'OUTBOUND' or md5(id::text) < '8')`;
  await owner`update messages m set in_reply_to_message_id = (select o.id from messages o where o.workspace_id = m.workspace_id and o.conversation_id = m.conversation_id and o.id <> m.id order by o.id limit 1) where workspace_id = ${id}`;
  await owner`update message_parts set quoted_text = ${odd}, signature = ${odd}, html = ${odd} where workspace_id = ${id} and kind = 'TEXT' and md5(id::text) < '8'`;
  await owner`update calls set member_id = (select id from members where workspace_id = ${id} order by id limit 1) where workspace_id = ${id}`;
  await owner`update conversations set language = 'pt-BR', snoozed_until = ${at}, status = 'SNOOZED', related_conversation_id = (select id from conversations where workspace_id = ${id} order by id limit 1) where workspace_id = ${id} and id in (select id from conversations where workspace_id = ${id} order by created_at, id limit 3)`;
  await owner`update identities set username = ${odd}, trust = 'VERIFIED', verified_at = ${at}, verified_by_kind = 'SYSTEM' where workspace_id = ${id} and kind = 'PHONE' and md5(id::text) < '8'`;
  await owner`update identities set valid_to = ${at} where workspace_id = ${id} and kind = 'EXTERNAL_ID'`;
  await owner`update members set deactivated_at = ${at} where workspace_id = ${id} and name like 'Tom%'`;
  await owner`update notes set pinned_at = ${at}, pinned_by_kind = 'SYSTEM' where workspace_id = ${id}`;
  await owner`update channel_accounts set fault_at = ${at}, fault = ${odd} where workspace_id = ${id} and channel = 'SMS'`;
  await owner`update channel_accounts set notice_at = ${at}, notice = ${odd}, notice_details = ${owner.json({ code: odd })} where workspace_id = ${id} and channel = 'EMAIL'`;
  await owner`update receipts set occurred_at = ${at} where workspace_id = ${id}`;
  await owner`update external_record_versions set content = content || jsonb_build_object('url', ${odd}::text) where workspace_id = ${id} and version = 1`;
  await owner`update inbound_events set error = ${odd} where workspace_id = ${id}`;
  await owner`update routing_decisions set priority = 'HIGH' where workspace_id = ${id}`;
  await owner`
    insert into message_parts (workspace_id, id, message_id, version, ordinal, kind, mime, filename, size, sha256, url, media_state)
    select m.workspace_id, gen_random_uuid(), m.id, coalesce((select max(p.version) from message_parts p where p.workspace_id = m.workspace_id and p.message_id = m.id), 1), 50 + n, 'MEDIA', 'image/png', ${odd}, 1000 * n, repeat(n::text, 64), 'https://files.example/' || n,
      case n when 3 then 'PENDING' else 'STORED' end
    from messages m, generate_series(1, 3) n where m.workspace_id = ${id} and (m.channel = 'LIVE_CHAT' or md5(m.id::text) < '4')`;
  const [hours] = await owner`select id from business_hours where workspace_id = ${id} limit 1`;
  await owner`update routing_rules set actions = actions || '{"priority": "HIGH"}', conditions = conditions || jsonb_build_object('businessHours', jsonb_build_object('id', ${hours!.id as string}::text, 'state', 'OPEN')) where workspace_id = ${id}`;
  await owner`update routing_rules set conditions = conditions || '{"channelIn": ["SMS", "EMAIL"], "languageIn": ["en"], "tagsAny": ["a \\"b\\""]}' where workspace_id = ${id}`;
}
