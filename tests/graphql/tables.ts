// The tables of domain.ts and odd rows in them: quotes, control characters, emoji, ties, missing rows, two workspaces alike.
import type { Viewer } from '../../src/access/viewer.ts';
import { PERMISSIONS } from '../../src/access/permissions.ts';
import type { TestDatabase } from '../harness/database.ts';

/** Deterministic ids: `table` 1 people, 2 addresses, 3 matters, 4 words, 5 memos, 6 happenings; each workspace has its own. */
export const uuid = (workspace: number, table: number, n: number): string => `01900000-000${workspace}-7${table.toString().padStart(3, '0')}-8000-${n.toString(16).padStart(12, '0')}`;
export const hexId = (prefix: string, workspace: number, table: number, n: number): string => `${prefix}_${uuid(workspace, table, n).replaceAll('-', '')}`;

const DDL = `
create table g_people (workspace_id uuid not null, id uuid not null, name text not null, email text, score int not null, weight double precision, paid_ms bigint, size_bytes bigint not null,
  attributes jsonb not null, extra jsonb, tags text[] not null, media text[] not null, mood text, active boolean not null, boss_id uuid, created_at timestamptz(3) not null, primary key (workspace_id, id));
create table g_friends (workspace_id uuid not null, person_id uuid not null, friend_id uuid not null);
create table g_reads (workspace_id uuid not null, person_id uuid not null, member_id uuid not null);
create table g_addresses (workspace_id uuid not null, id uuid not null, person_id uuid not null, kind text not null, value text not null, primary key (workspace_id, id));
create table g_matters (workspace_id uuid not null, id uuid not null, address_id uuid not null, medium text not null check (medium in ('MAIL', 'CHAT', 'PHONE')), state text not null check (state in ('OPEN', 'DONE')),
  owner_id uuid, flagged boolean not null, rank int not null, touched_at timestamptz(3) not null, by_kind text not null, by_id uuid, closed_kind text, closed_id uuid, last_word_id uuid, primary key (workspace_id, id));
create table g_words (workspace_id uuid not null, id uuid not null, matter_id uuid not null, sender_id uuid not null, body text not null, said_at timestamptz(3) not null, mood text, serial bigint not null, primary key (workspace_id, id));
create table g_memos (workspace_id uuid not null, id uuid not null, body text not null, said_at timestamptz(3) not null, primary key (workspace_id, id));
create table g_happenings (workspace_id uuid not null, id uuid not null, address_id uuid not null, at timestamptz(3) not null, tie smallint not null, kind text not null, ref_id uuid not null, medium text, matter_id uuid, primary key (workspace_id, id));
create view g_reach as select workspace_id, person_id, id as address_id from g_addresses where kind <> 'HIDDEN';
grant select on g_reach to throughline_app; alter view g_reach set (security_invoker = true);
create index on g_matters (workspace_id, address_id, touched_at, id);
create index on g_words (workspace_id, matter_id, said_at, serial, id);
create function g_id(w int, t int, n bigint) returns uuid language sql immutable as $$ select ('01900000-000' || w || '-7' || lpad(t::text, 3, '0') || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
`;
const ROWS = (workspace: string, w: number) => `
insert into g_people select '${workspace}', g_id(${w}, 1, i), (array['Zoë "Q" O''Neil', E'back\\\\slash / slash', E'tab\\tnew\\nline\\r\\b\\f', 'emoji 😀 ' || chr(8232) || chr(127) || chr(1), 'plain', ''])[1 + i % 6],
  case when i % 3 = 0 then null else 'o' || i || '@x.example' end, i % 4, (array[null, 1.5, 1e21, 0.1, -0.000001234567])[1 + i % 5], (array[null, 0, 9007199254740991])[1 + i % 3], i % 3 * 1000000000000,
  (array['{}', '{"a": 1, "b": [true, null, "x\\u0002y"], "2": {"é": 1.50}}', '"text"', '[1e2, -0]', 'null'])[case when i = 11 then 5 else 1 + i % 4 end]::jsonb, (array[null, 'null', '{"z": "\\u0001"}'])[1 + i % 3]::jsonb,
  (array['{}', '{vip}', '{"a b","c\\"d",","}'])[1 + i % 3]::text[], (array['{}', '{MAIL}', '{CHAT,MAIL}'])[1 + i % 3]::text[], (array[null, 'CALM', 'ANGRY'])[1 + i % 3], i % 2 = 0,
  case when i % 4 = 0 then g_id(${w}, 1, i / 2 + 1) end, '2026-01-01'::timestamptz + (i % 5) * interval '1 hour' from generate_series(1, 24) i;
insert into g_friends select '${workspace}', g_id(${w}, 1, i), g_id(${w}, 1, 1 + (i * k) % 24) from generate_series(1, 24) i, lateral generate_series(1, i % 5) k;
insert into g_reads select '${workspace}', g_id(${w}, 1, i), g_id(${w}, 9, i % 2) from generate_series(1, 24) i;
insert into g_addresses select '${workspace}', g_id(${w}, 2, i * 10 + k), g_id(${w}, 1, i), (array['SELF', 'NONE', 'HIDDEN', 'MAIL'])[1 + k % 4], E'v"\\\\' || i || '-' || k from generate_series(1, 24) i, lateral generate_series(0, i % 4) k;
insert into g_matters select '${workspace}', g_id(${w}, 3, i * 10 + k), g_id(${w}, 2, i * 10 + k % (1 + i % 4)), (array['MAIL', 'CHAT', 'PHONE'])[1 + k % 3], case when k % 2 = 0 then 'OPEN' else 'DONE' end,
  case when k % 3 = 0 then g_id(${w}, 1, k + 1) end, k % 4 = 0, k % 3, '2026-01-03'::timestamptz + (k / 3) * interval '1 ms', (array['CALM', 'ANGRY'])[1 + k % 2], case when k % 3 > 0 then g_id(${w}, 1, 1 + k % 24) end,
  case when k % 2 = 1 then 'CALM' end, case when k % 4 = 1 then g_id(${w}, 1, 2) end, null from generate_series(1, 24) i, lateral generate_series(1, i % 9) k;
insert into g_words select m.workspace_id, g_id(${w}, 4, m.n * 100 + k), m.id, m.address_id, (array['hi', '"quoted"', E'multi\\nline\\t', '\\u0041 not an escape', '{"json":true}', chr(2) || 'ctl' || chr(1), '', repeat('ü', 50)])[1 + (m.n + k) % 8],
  '2026-01-03'::timestamptz + ((m.n + k) / 4) * interval '1 ms', (array[null, 'CALM', 'ANGRY'])[1 + (m.n + k) % 3], k % 2
  from (select row_number() over (order by id) n, * from g_matters where workspace_id = '${workspace}') m, lateral generate_series(1, (m.n % 7)::int) k;
update g_matters m set last_word_id = (select id from g_words w where w.workspace_id = m.workspace_id and w.matter_id = m.id order by said_at desc, id desc limit 1) where workspace_id = '${workspace}';
insert into g_memos select '${workspace}', g_id(${w}, 5, i * 10 + k), 'memo ' || k || ' "x"', '2026-01-03'::timestamptz + (k / 2) * interval '1 ms' from generate_series(1, 24) i, lateral generate_series(1, i % 5) k;
insert into g_happenings select workspace_id, g_id(${w}, 6, row_number() over (order by id)), sender_id, said_at, 0, 'WORD', id, 'MAIL', matter_id from g_words where workspace_id = '${workspace}';
insert into g_happenings select '${workspace}', g_id(${w}, 6, 1000 + i * 10 + k), g_id(${w}, 2, i * 10), '2026-01-03'::timestamptz + (k / 2) * interval '1 ms', k % 2, (array['MEMO', 'GONE'])[1 + k % 2], g_id(${w}, 5, i * 10 + k), null, null
  from generate_series(1, 24) i, lateral generate_series(1, 1 + i % 5) k;
`;

const TABLES = ['g_people', 'g_friends', 'g_reads', 'g_addresses', 'g_matters', 'g_words', 'g_memos', 'g_happenings'];

/** Makes the tables with their policies, and the rows of two workspaces (1 and 2). */
export async function makeTables(db: TestDatabase): Promise<[string, string]> {
  // Fixed text of this file.
  await db.owner.unsafe(DDL);
  for (const table of TABLES) await db.owner`select secure_table(${table}::regclass, 'select, insert, update')`;
  const workspaces: string[] = [];
  for (const w of [1, 2]) {
    const { id } = await db.workspace(`Workspace ${w}`);
    await db.owner.unsafe(ROWS(id, w));
    workspaces.push(id);
  }
  await db.owner.unsafe('analyze');
  return workspaces as [string, string];
}

/** A viewer who may do everything, unless told otherwise: a member of workspace 1 or 2, with two addresses as a visitor's. */
export function viewerOf(workspaceId: string, w: number, more: Partial<Viewer> = {}): Viewer {
  const memberId = uuid(w, 9, 1);
  return {
    workspaceId, role: 'ADMIN', permissions: new Set(PERMISSIONS), actor: { workspaceId, kind: 'MEMBER', id: memberId }, memberId,
    identityIds: [uuid(w, 2, 50), uuid(w, 2, 51), uuid(w, 2, 70)], accountId: null, permissionKey: 'all', expiresAtMs: null, ...more,
  };
}
