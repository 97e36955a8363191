// G10 (b) and (c): every place of the API that takes an id, a cursor, an address or a name of somebody's is asked, as workspace B, with those of
// workspace A. The answer must be that to a thing which does not exist: same words, same nulls, and nothing of A in it, changed or not. Once as it
// is, once with all row-level security off (the predicates alone hold), once with the predicates given A while the context is B's (the policies do).
import { getNamedType, type GraphQLField, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ROLE_PERMISSIONS, type ViewerRole } from '../../src/access/permissions.ts';
import { viewerOf } from '../../src/access/keys.ts';
import { makeGraph } from '../../src/graphql/execute.ts';
import type { Sql, Tx } from '../../src/platform/db.ts';
import '../../src/server/graph.ts';
import { startTestServer, type Reply, type Socket, type TestServer } from '../harness/server.ts';
import { call, documentOf, idPaths, rootOf } from './documents.ts';
import { phantom, Places, shallow, type Place } from './places.ts';
import { credentialOf, MUTATIONS, QUERIES, SUBSCRIPTIONS } from './samples.ts';
import { makeWorld, quiet, type World } from './world.ts';

// Hundreds of requests a test.
vi.setConfig({ testTimeout: 120_000 });

let server: TestServer;
let schema: GraphQLSchema;
const worlds: World[] = [];
let a: World;
let b: World;
/** Asks with one wall only: nobody has asked in it before. */
let fresh: World;
/** Looks like the others and has nothing that exists. */
let nobody: World;
let places: Places;

beforeAll(async () => {
  server = await startTestServer();
  for (const mark of ['Quokkaville', 'Zirconbury', 'Wolframshire']) worlds.push(await makeWorld(server, mark));
  [a, b, fresh] = worlds as [World, World, World];
  ({ schema } = await makeGraph({ read: server.db.app, write: server.db.app }));
  nobody = phantom(b, 'Nobodyton', '+4915112345999');
  await quiet(server);
});
afterAll(async () => {
  for (const { twilio } of worlds) await twilio.close();
  await server.stop();
});

/** The answer with everything taken out that differs from one moment, one new row or one name to another. */
function told(text: string, w: World): string {
  let plain = text;
  for (const [of, by] of [[w.email, '<email>'], [w.email.replace(w.mark.toLowerCase(), w.mark), '<email>'], [w.phone, '<phone>'], [w.cursor, '<cursor>'], [w.mark, '<mark>'], [w.mark.toLowerCase(), '<mark>']] as const) plain = plain.replaceAll(of, by);
  return plain
    .replace(/v1\.[\w-]+\.[\w.-]+/g, '<cursor>').replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>').replace(/tl_\w+/g, '<key>')
    .replace(/[0-9a-f]{32}/g, '<id>').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>').replace(/"cost":\{[^}]*\}/g, '"cost"').replace(/"version":\d+/g, '"version"').replace(/hint":"[^"]*"/g, 'hint"').replace(/Key \S+/g, 'Key');
}

/** What of A stands in the answer, other than what was asked with. */
function leaked(text: string, asked: unknown): string[] {
  const sent = JSON.stringify(asked);
  const found = [...text.matchAll(/[0-9a-f]{32}/g)].map(([id]) => id).filter((id) => a.hexIds.has(id) && !sent.includes(id));
  for (const own of [a.mark, a.email, a.phone]) if (text.toLowerCase().includes(own.toLowerCase()) && !sent.toLowerCase().includes(own.toLowerCase())) found.push(own);
  return found;
}

/** A hash of every row of A's. */
async function stateOfA(): Promise<Record<string, string>> {
  const { owner } = server.db;
  const tables = await owner<{ name: string }[]>`select c.relname as name from pg_class c join pg_attribute t on t.attrelid = c.oid and t.attname = 'workspace_id' where c.relkind in ('r', 'p') order by 1`;
  const state: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await owner<{ n: number; hash: string }[]>`select count(*)::int as n, md5(string_agg(md5(t::text), '' order by md5(t::text))) as hash from ${owner(name)} t where workspace_id = ${a.id}`;
    state[name] = `${row!.n} ${row!.hash}`;
  }
  return state;
}

type Ask = (place: Pick<Place, 'document' | 'as'>, variables: Record<string, unknown>) => Promise<Reply>;
const asB: Ask = ({ document, as }, variables) => server.query(document, variables, credentialOf(b, as));

/** Asks each place with A's value and with one that does not exist; the places at which they differ, or something of A shows. */
async function crawl(places: readonly Place[], ask: Ask): Promise<string[]> {
  const faults: string[] = [];
  await each(places, async (place) => {
    const [mine, none] = [place.with(a), place.with(nobody)];
    const [answer, missing] = [await ask(place, mine), await ask(place, none)];
    const shown = leaked(answer.text, mine);
    if (shown.length > 0) faults.push(`${place.name} shows ${shown.join(', ')}: ${answer.text.slice(0, 400)}`);
    if (answer.status >= 500) faults.push(`${place.name} -> ${answer.status}`);
    // A list's cursor says where to go on, not whose it is.
    if (/(?:after|before)$/.test(place.name) && place.kind === 'query' && !place.name.includes(' changes ')) return;
    if (answer.status !== missing.status || told(answer.text, a) !== told(missing.text, nobody)) {
      faults.push(`${place.name} differs:\n  theirs  ${told(answer.text, a).slice(0, 400)}\n  nobody  ${told(missing.text, nobody).slice(0, 400)}`);
    }
  });
  return faults;
}

/** Reads side by side; what changes something in order. */
async function each(places: readonly Place[], visit: (place: Place) => Promise<void>): Promise<void> {
  const reads = places.filter(({ kind }) => kind === 'query');
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let place = reads.shift(); place; place = reads.shift()) await visit(place);
  }));
  for (const place of places) if (place.kind !== 'query') await visit(place);
}

let queries: Place[];
let changes: Place[];
let live: Place[];
async function findPlaces(): Promise<void> {
  places = new Places(schema, server, a, b, nobody);
  await places.learnCursors();
  queries = [...places.placesOf('query', QUERIES), ...places.nestedPlaces()];
  changes = places.placesOf('mutation', MUTATIONS);
  live = places.placesOf('subscription', SUBSCRIPTIONS);
}

describe('as another workspace', () => {
  test('every argument that takes an id or a cursor is crawled', async () => {
    await findPlaces();
    const crawled = new Set([...queries, ...changes, ...live].map(({ covers }) => covers));
    const wanted = Object.values(schema.getTypeMap()).flatMap((type) => ('getInterfaces' in type && !type.name.startsWith('__') ? Object.values(type.getFields()).flatMap((field) => idPaths(field as GraphQLField<unknown, unknown>)) : []));
    expect(wanted.filter((path) => !crawled.has(path))).toEqual([]);
    console.log(`${queries.length} places of queries, ${changes.length} of mutations, ${live.length} of subscriptions; ${wanted.length} arguments take ids or cursors.`);
  });

  test('the questions are right: each of its own things is found, and so differs from one that does not exist', async () => {
    const blind: string[] = [];
    await each(queries, async (place) => {
      const [own, none] = [await asB(place, place.own()), await asB(place, place.with(nobody))];
      if (own.errors.length > 0) blind.push(`${place.name}: ${own.text.slice(0, 300)}`);
      if (told(own.text, b) === told(none.text, nobody)) blind.push(`${place.name}: its own is as nothing: ${own.text.slice(0, 300)}`);
    });
    expect(blind).toEqual([]);
  });

  test("queries answer to A's ids, cursors, addresses and names as to those that do not exist", async () => {
    expect(await crawl(queries, asB)).toEqual([]);
  });

  test('so do subscriptions, and queries over a socket', async () => {
    for (const caller of ['ADMIN', 'VISITOR'] as const) {
      const socket = server.socket(credentialOf(b, caller));
      await socket.open;
      const own = (place: Place) => (place.as ?? 'ADMIN') === caller;
      expect(await crawl([...live.filter(own), ...queries.filter((place, index) => own(place) && index % 6 === 0)], over(socket))).toEqual([]);
      await socket.close();
    }
  });
});

/** A subscription that is not refused, and has nothing to tell, is silent: 150 ms of silence are its answer. */
function over(socket: Socket): Ask {
  return async ({ document }, variables) => {
    const { data, errors = [] } = await new Promise<{ data?: unknown; errors?: Reply['errors'] }>((resolve) => {
      let stop = () => {};
      const timer = setTimeout(() => end({}), document.startsWith('subscription') ? 150 : 10_000);
      const end = (answer: { data?: unknown; errors?: Reply['errors'] }) => {
        clearTimeout(timer);
        // A query ends by itself: a client of graphql-ws that is told so twice gives its socket back twice, and closes it under the others.
        if (document.startsWith('subscription')) stop();
        resolve(answer);
      };
      stop = socket.client.subscribe({ query: document, variables }, {
        next: (value) => end(value as never), error: (error) => end({ errors: Array.isArray(error) ? (error as never) : [{ message: String(error), extensions: { code: 'CLOSED' } }] }), complete: () => end({}),
      });
    });
    return { status: 200, text: JSON.stringify({ data, errors }), data, errors } as unknown as Reply;
  };
}

describe('as somebody who may less', () => {
  test.each([
    ["B's reporting key", 'REPORTING', () => b.keys.REPORTING],
    ["B's visitor", 'VISITOR', () => b.visitor.token],
    ["A's own visitor, of what is not his,", 'VISITOR', () => a.visitor.token],
  ] as [string, ViewerRole, () => string][])('%s learns nothing, not even what exists', async (_name, role, credential) => {
    const narrow = [...places.placesFor('query', QUERIES, ROLE_PERMISSIONS[role]), ...places.placesFor('mutation', MUTATIONS, ROLE_PERMISSIONS[role])];
    const own = credential() === a.visitor.token;
    // What the visitor said, was told, and is.
    const others = narrow.filter((place) => !own || !/"v(?:is|mg|cn)_/.test(JSON.stringify(place.with(a))));
    const before = await stateOfA();
    const faults = await crawl(others, ({ document }, variables) => server.query(document, variables, credential()));
    expect(faults.filter((fault) => !own || !/^\S+ (?:visitor|startChat|identifyVisitor)\w* /.test(fault))).toEqual([]);
    await quiet(server);
    if (!own) expect(await stateOfA()).toEqual(before);
  });

  test('nobody gets nothing', async () => {
    for (const place of [...queries, ...changes]) {
      const answer = await server.query(place.document, place.with(a), null);
      expect(answer, place.name).toMatchObject({ status: 401, data: null });
      expect(leaked(answer.text, place.with(a)), place.name).toEqual([]);
    }
  });
});

test('mutations refuse what is of A as what does not exist, and change nothing of A', async () => {
  const before = await stateOfA();
  expect(await crawl(changes, asB)).toEqual([]);
  await quiet(server);
  expect(await stateOfA()).toEqual(before);
});

describe('with one wall', () => {
  test('the predicates alone hold: all row-level security off, and every answer is as before', async () => {
    b = fresh;
    nobody = phantom(b, 'Nemoford', '+4915112345888');
    await findPlaces();
    const { owner, app } = server.db;
    const tables = await owner<{ name: string }[]>`select relname as name from pg_class where relrowsecurity and relnamespace = 'public'::regnamespace`;
    for (const { name } of tables) await owner`alter table ${owner(name)} disable row level security`;
    try {
      const [open] = await app<{ n: number }[]>`select count(*)::int as n from customers where workspace_id = ${a.id}`;
      expect(open!.n).toBeGreaterThan(0);
      const before = await stateOfA();
      expect(await crawl([...queries, ...changes], asB)).toEqual([]);
      await quiet(server);
      expect(await stateOfA()).toEqual(before);
    } finally {
      for (const { name } of tables) await owner`alter table ${owner(name)} enable row level security`;
    }
  });

  test("the policies alone hold: predicates that are given A's workspace find and change nothing in the context of B's", async () => {
    const pool = server.db.app;
    const crossed = await makeGraph({ read: pool, write: inContext(pool, b.id), log: () => {} });
    const { one, operation } = crossed.pool;
    crossed.pool.one = (text, values) => one.call(crossed.pool, text, values, b.id);
    crossed.pool.operation = () => operation.call(crossed.pool, b.id);
    const before = await stateOfA();
    const faults: string[] = [];
    const reached = { compiled: 0, loaders: 0 };
    for (const place of [...queries, ...changes]) {
      const viewer = await viewerOf(pool, `Bearer ${credentialOf(a, place.as)}`);
      const [document, variables] = [place.document.replaceAll(/[0-9a-f]{32}/g, (id) => ofA(id)), JSON.parse(JSON.stringify(place.with(a)).replaceAll(/[0-9a-f]{32}/g, (id) => ofA(id)))];
      const answer = await crossed.query(document, viewer, variables);
      const text = `${answer.data ?? ''}${JSON.stringify(answer.errors)}`;
      const shown = leaked(text, [document, variables]);
      if (shown.length > 0) faults.push(`${place.name} shows ${shown.join(', ')}: ${text.slice(0, 300)}`);
      if (answer.path !== 'refused') reached[answer.path]++;
    }
    expect(faults).toEqual([]);
    expect(reached.compiled).toBeGreaterThan(50);
    expect(reached.loaders).toBeGreaterThan(50);
    await quiet(server);
    expect(await stateOfA()).toEqual(before);
  });
});

/** A's thing in the place of B's. */
const ofA = (id: string): string => {
  const [name] = Object.entries(b.ids).find(([, own]) => own.endsWith(id)) ?? [];
  return name ? a.ids[name]!.slice(-32) : id;
};

/** A pool whose transactions take a workspace's context, whichever they ask for. */
function inContext(pool: Sql, workspaceId: string): Sql {
  const context = "select set_config('app.workspace_id', ";
  const within = (tx: Tx) => new Proxy(tx, { apply: (of, that, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) => Reflect.apply(of, that, [strings, ...(strings[0] === context ? [workspaceId] : values)]) as unknown });
  return new Proxy(pool, { get: (target, name) => (name === 'begin' ? (work: (tx: Tx) => Promise<unknown>) => target.begin((tx) => work(within(tx))) : (Reflect.get(target, name) as unknown)) });
}

const refusals = ({ data, errors }: Reply): string[] => [
  ...errors.map(({ extensions, message }) => `${extensions.code} ${message}`),
  ...[...JSON.stringify(data ?? null).matchAll(/"userErrors":\[\{[^\]]*?"code":"(\w+)","message":"([^"]*)"/g)].map(([, code, message]) => `${code} ${message}`),
];

test('whose things they are may do all of it: the samples are right', async () => {
  const wrong: string[] = [];
  for (const [kind, samples] of [['query', QUERIES], ['mutation', MUTATIONS]] as const) {
    for (const [name, mine] of Object.entries(samples)) {
      const field = rootOf(schema, kind).getFields()[name];
      if (!field) wrong.push(`There is no ${kind} ${name}.`);
      for (const sample of field ? mine : []) {
        const args = sample.args(a);
        const { declared, text } = call(field!, Object.keys(args), shallow(schema, getNamedType(field!.type)));
        const answer = await server.query(documentOf(kind, declared, text), args, credentialOf(a, sample.as));
        const codes = refusals(answer);
        if (sample.refused ? !codes[0]?.startsWith(sample.refused) : codes.length > 0) wrong.push(`${kind} ${name} ${JSON.stringify(args).slice(0, 120)}: ${codes.join(' ') || answer.text.slice(0, 200)}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});
