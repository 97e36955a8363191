// Whether a PostgreSQL server and its logins are fit for Throughline: what is missing, and the SQL that mends it. Changes nothing.
import postgres from 'postgres';
import type { Role, Sql } from './db.ts';
import { pendingMigrations } from './migrate.ts';

export interface Problem {
  /** What was looked at, e.g. `role throughline_app`. */
  about: string;
  /** What was found, and what it leads to. */
  found: string;
  /** SQL for whoever administers the server, or a command; each line ready to be run. */
  remedy: string[];
  /** False: it runs, with the risk that `found` names. */
  blocking: boolean;
}

const ROLES: readonly Role[] = ['throughline_app', 'throughline_system'];
/** What the migrations create: trusted ones, for which the right to create in the database is enough. */
const EXTENSIONS: readonly string[] = ['pg_trgm', 'btree_gin'];
const NEEDED_CONNECTIONS = 40;

/**
 * Looks at a database through both logins.
 * @param url DATABASE_URL: serves, as the two roles
 * @param migrationUrl MIGRATION_DATABASE_URL: creates and owns what there is
 */
export async function examine(url: string, migrationUrl: string = url): Promise<Problem[]> {
  const serving = await connect(url, 'DATABASE_URL');
  if ('about' in serving) return [serving];
  const migrating = await connect(migrationUrl, 'MIGRATION_DATABASE_URL');
  try {
    if ('about' in migrating) return [migrating];
    const problems = [...(await server(serving.sql)), ...(await migrator(migrating.sql)), ...(await logins(serving.sql, migrating.sql))];
    if (!problems.some(({ blocking }) => blocking)) problems.push(...(await taking(url)), ...(await pending(migrationUrl)));
    return problems;
  } finally {
    await serving.sql.end({ timeout: 2 });
    if ('sql' in migrating) await migrating.sql.end({ timeout: 2 });
  }
}

/**
 * The second wall stands only where the pool's own role can't see past it.
 * @throws Error when the role that `sql` acts as is a superuser, passes row-level security, or owns (or may act as the owner of) the tables.
 */
export async function refuseUnconfined(sql: Sql): Promise<void> {
  const [of] = await sql<{ name: string; rolsuper: boolean; rolbypassrls: boolean; owns: boolean }[]>`
    select rolname::text as name, rolsuper as "rolsuper", rolbypassrls as "rolbypassrls",
      coalesce((select pg_has_role(current_user, relowner, 'usage') from pg_class where oid = to_regclass('public.workspaces')), false) as owns
    from pg_roles where rolname = current_user`;
  const why = of!.rolsuper ? 'is a superuser' : of!.rolbypassrls ? 'passes row-level security (BYPASSRLS)' : of!.owns ? 'has the rights of the tables\' owner' : null;
  if (!why) return;
  throw new Error(`The server would read and write as ${of!.name}, which ${why}: workspaces would not be kept apart. Run "throughline doctor" for the SQL that mends it.`);
}

/** For a terminal: one paragraph a problem. */
export const describeProblems = (problems: readonly Problem[]): string =>
  problems
    .map(({ about, found, remedy, blocking }) => `${blocking ? '✗' : '!'} ${about}: ${found}${remedy.map((line) => `\n    ${line}`).join('')}`)
    .join('\n');

async function connect(url: string, variable: string): Promise<{ sql: postgres.Sql } | Problem> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {}, connection: { application_name: 'throughline doctor' } });
  try {
    await sql`select 1`;
    return { sql };
  } catch (error) {
    await sql.end({ timeout: 1 });
    const { code, message } = error as { code?: string; message: string };
    const { hostname, port, pathname, username } = new URL(url);
    const name = decodeURIComponent(pathname.slice(1)) || username;
    const remedy =
      code === '3D000' ? [`create database "${name.replaceAll('"', '""')}";`]
      : code === '28P01' ? [`alter role "${decodeURIComponent(username).replaceAll('"', '""')}" password '…';`, `-- or correct the password in ${variable}`]
      : [`-- correct ${variable}, or start the server`];
    return { about: variable, found: `no connection to ${hostname}:${port || 5432}: ${message || code}`, remedy, blocking: true };
  }
}

async function server(sql: postgres.Sql): Promise<Problem[]> {
  const [is] = (await sql`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
      current_database() as database, format('%I', current_database()) as quoted, format('%I', session_user) as login,
      pg_encoding_to_char(encoding) as encoding, pg_is_in_recovery() as replica,
      current_setting('max_connections')::int as connections, current_setting('fsync') as fsync,
      current_setting('full_page_writes') as pages, current_setting('synchronous_commit') as commits,
      current_setting('default_transaction_read_only') as readonly, current_setting('idle_session_timeout', true) as idle
    from pg_database where datname = current_database()`) as unknown as [Record<string, string> & { number: number; connections: number; replica: boolean }];
  const problems: Problem[] = [];
  const add = (blocking: boolean, about: string, found: string, ...remedy: string[]): void => void problems.push({ about, found, remedy, blocking });
  if (is.number < 150_000) add(true, 'version', `PostgreSQL ${is.version}; 15 or newer is needed`, '-- upgrade the server');
  if (is.replica) add(true, 'server', 'a replica, which takes no writes', '-- name the primary server');
  if (is.encoding !== 'UTF8') {
    add(true, 'encoding', `the database is ${is.encoding}; messages need every character`, `create database ${is.quoted}_utf8 encoding 'UTF8' template template0;`);
  }
  if (is.readonly === 'on') add(true, 'default_transaction_read_only', 'on: nothing can be written', `alter database ${is.quoted} reset default_transaction_read_only;`);
  if (is.connections < NEEDED_CONNECTIONS) {
    add(false, 'max_connections', `${is.connections}; a server of Throughline uses up to ${NEEDED_CONNECTIONS}`, `alter system set max_connections = 100; -- then restart PostgreSQL`);
  }
  for (const [name, value] of [['fsync', is.fsync], ['full_page_writes', is.pages]] as const) {
    if (value === 'off') add(false, name, 'off: a crash of the machine can destroy the database', `alter system set ${name} = on;`, 'select pg_reload_conf();');
  }
  if (is.commits === 'off') {
    add(false, 'synchronous_commit', 'off: what was acknowledged can be lost in a crash', `alter database ${is.quoted} set synchronous_commit = on;`);
  }
  if (is.idle && is.idle !== '0') add(false, 'idle_session_timeout', `${is.idle}: pooled connections are cut`, `alter role ${is.login} set idle_session_timeout = 0;`);
  return problems;
}

async function migrator(sql: postgres.Sql): Promise<Problem[]> {
  const [is] = (await sql`
    select format('%I', current_user) as login, format('%I', current_database()) as database,
      has_database_privilege(current_database(), 'create') as "mayCreate", has_schema_privilege('public', 'create') as "maySchema",
      (select format('%I', pg_get_userbyid(relowner)) from pg_class where oid = to_regclass('public.workspaces')
        and not pg_has_role(current_user, relowner, 'usage')) as "otherOwner"`) as unknown as [
    { login: string; database: string; mayCreate: boolean; maySchema: boolean; otherOwner: string | null },
  ];
  const extensions = await sql<{ name: string; available: boolean; schema: string | null; quoted: string | null }[]>`
    select name, exists (select from pg_available_extensions a where a.name = e.name) as available, n.nspname as schema
    from unnest(${EXTENSIONS as string[]}::text[]) with ordinality as e (name, at)
    left join pg_extension x on x.extname = e.name left join pg_namespace n on n.oid = x.extnamespace order by e.at`;
  const problems: Problem[] = [];
  const add = (about: string, found: string, ...remedy: string[]): void => void problems.push({ about, found, remedy, blocking: true });
  if (!is.mayCreate) add('database', `${is.login} may not create schemas in ${is.database}`, `grant create on database ${is.database} to ${is.login};`);
  if (!is.maySchema) add('schema public', `${is.login} may not create tables`, `grant usage, create on schema public to ${is.login};`);
  if (is.otherOwner) {
    add('tables', `they belong to ${is.otherOwner}, so ${is.login} can't migrate them`, `grant ${is.otherOwner} to ${is.login};`, '-- or let MIGRATION_DATABASE_URL log in as their owner');
  }
  for (const { name, available, schema } of extensions) {
    const about = `extension ${name}`;
    const create = `create extension ${name} schema public;`;
    if (schema === null && !available) {
      add(about, 'the server does not have it', "-- install PostgreSQL's contrib package (Debian: postgresql-contrib), then:", create);
    } else if (schema === null && !is.mayCreate) add(about, `${is.login} may not create it`, create);
    // The search's functions name its operators there.
    else if (schema !== null && schema !== 'public') add(about, `it is in the schema ${schema}; it is looked for in public`, `alter extension ${name} set schema public; -- as a superuser`);
  }
  return problems;
}

async function logins(serving: postgres.Sql, migrating: postgres.Sql): Promise<Problem[]> {
  const problems: Problem[] = [];
  const add = (about: string, found: string, ...remedy: string[]): void => void problems.push({ about, found, remedy, blocking: true });
  const [{ mayMake, login }] = (await migrating`
    select (rolcreaterole or rolsuper) as "mayMake", format('%I', rolname) as login from pg_roles where rolname = current_user`) as unknown as [{ mayMake: boolean; login: string }];
  const sameLogin = (await nameOf(serving)) === (await nameOf(migrating));
  for (const role of ROLES) {
    const [is] = await serving<{ rolsuper: boolean; rolbypassrls: boolean; granted: boolean; login: string; newer: boolean }[]>`
      select rolsuper, rolbypassrls, format('%I', current_user) as login, current_setting('server_version_num')::int >= 160000 as newer,
        pg_has_role(current_user, oid, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) as granted
      from pg_roles where rolname = ${role}`;
    if (!is) {
      const [{ user }] = (await serving`select format('%I', current_user) as user`) as unknown as [{ user: string }];
      const remedy = [`create role ${role} nologin;`, `grant ${role} to ${user};`, ...(sameLogin ? [] : [`grant ${role} to ${login};`])];
      // A login that may make roles makes them when it migrates; it can't grant them to another login than its own.
      if (!mayMake) add(`role ${role}`, `there is none, and ${login} may not make roles (CREATEROLE)`, ...remedy);
      else if (!sameLogin) add(`role ${role}`, `there is none, and the migration grants it to ${login} only`, ...remedy);
      continue;
    }
    if (is.rolsuper || is.rolbypassrls) {
      add(`role ${role}`, `${is.rolsuper ? 'a superuser' : 'BYPASSRLS'}: workspaces would not be kept apart`, `alter role ${role} nosuperuser nobypassrls;`);
    }
    const migratesAlone = mayMake && sameLogin && !is.newer;
    if (!is.granted && !migratesAlone) add(`role ${role}`, `${is.login} may not act as it`, `grant ${role} to ${is.login};`);
  }
  return problems;
}

const nameOf = async (sql: postgres.Sql): Promise<string> => (await sql<{ name: string }[]>`select current_user::text as name`)[0]!.name;

/** Takes the roles on as the pools do, in the start packet: a PgBouncer in between refuses that. */
async function taking(url: string): Promise<Problem[]> {
  for (const role of ROLES) {
    const sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {}, connection: { role } });
    try {
      const [row] = await sql<{ name: string }[]>`select current_user::text as name`;
      if (row!.name !== role) return [pooler(`the connection asked to act as ${role} and acts as ${row!.name}`)];
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      // 22023: the roles are not made yet; the migration makes them.
      if (code === '22023') continue;
      return [code === '08P01' ? pooler(message) : { about: `role ${role}`, found: message, remedy: [`grant ${role} to the login of DATABASE_URL;`], blocking: true }];
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
  return [];
}

const pooler = (found: string): Problem => ({
  about: 'connection',
  found: `${found}; a pooler in transaction mode is not supported`,
  remedy: ['-- let DATABASE_URL name PostgreSQL itself'],
  blocking: true,
});

async function pending(url: string): Promise<Problem[]> {
  const missing = await pendingMigrations(url);
  if (!missing.length) return [];
  return [{ about: 'migrations', found: `${missing.length} to apply (${missing[0]} …); a start applies them`, remedy: ['throughline migrate'], blocking: false }];
}
