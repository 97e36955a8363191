// G10 (b) and (c): every place of the API that takes an id, a cursor, an address or a name of somebody's is asked, as workspace B, with those of
// workspace A. The answer must be that to a thing which does not exist: same words, same nulls, and nothing of A in it, changed or not. Once as it
// is, once with all row-level security off (the predicates alone hold), once with the predicates given A while the context is B's (the policies do).
import { buildClientSchema, getIntrospectionQuery, getNamedType, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ROLE_PERMISSIONS, type Permission, type ViewerRole } from '../../src/access/permissions.ts';
import { viewerOf } from '../../src/access/keys.ts';
import { makeGraph } from '../../src/graphql/execute.ts';
import { inWorkspace, type Sql, type Tx } from '../../src/platform/db.ts';
import '../../src/server/graph.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { proven } from '../harness/proven.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { startTestServer, type Reply, type Socket, type TestServer } from '../harness/server.ts';
import { call, documentOf, idPathsOf, rootOf, type Kind } from './documents.ts';
import { CRAWLS_ALL, phantom, Places, shallow, type Place } from './places.ts';
import { credentialOf, MUTATIONS, QUERIES, SUBSCRIPTIONS, type Caller } from './samples.ts';
import { withoutRowSecurity } from './walls.ts';
import { leaked, makeWorld, quiet, stateOf, type World } from './world.ts';

// Hundreds of requests a test.
vi.setConfig({ testTimeout: 120_000 });

const SEED = seedOfRun();
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
let [crawledArguments, wrongIds] = [0, 0];
/** B's key for a few things. */
let narrow: string;
const SCOPES: Permission[] = ['customers:read', 'messages:read', 'conversations:read', 'conversations:write', 'any'];

beforeAll(async () => {
  server = await startTestServer();
  for (const mark of ['Quokkaville', 'Zirconbury', 'Wolframshire']) worlds.push(await makeWorld(server, mark));
  [a, b, fresh] = worlds as [World, World, World];
  ({ schema } = await makeGraph({ read: server.db.app, write: server.db.app }));
  narrow = await narrowKey();
  nobody = phantom(b, 'Nobodyton', '+4915112345999');
  await quiet(server);
});
afterAll(async () => {
  proven({ arguments: crawledArguments, wrongIds });
  for (const { twilio } of worlds) await twilio.close();
  await server.stop();
});

/** Of B, as it is now. */
const narrowKey = async (): Promise<string> => (await inWorkspace(server.db.app, b.id, (tx) => createApiKey(tx, b.actor, { name: 'Narrow', role: 'ADMIN', scopes: SCOPES.filter((scope) => scope !== 'any') }))).key;

/** The answer with everything taken out that differs from one moment, one new row or one name to another. */
function told(text: string, w: World): string {
  let plain = text;
  for (const [of, by] of [[w.email, '<email>'], [w.email.replace(w.mark.toLowerCase(), w.mark), '<email>'], [w.phone, '<phone>'], [w.cursor, '<cursor>'], [w.mark, '<mark>'], [w.mark.toLowerCase(), '<mark>']] as const) plain = plain.replaceAll(of, by);
  return plain
    .replace(/v1\.[\w-]+\.[\w.-]+/g, '<cursor>').replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>').replace(/tl_\w+/g, '<key>')
    .replace(/[0-9a-f]{32}/g, '<id>').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>').replace(/"cost":\{[^}]*\}/g, '"cost"').replace(/"version":\d+/g, '"version"').replace(/hint":"[^"]*"/g, 'hint"').replace(/Key \S+/g, 'Key');
}

const shownOfA = (text: string, asked: unknown): string[] => leaked(a, text, asked);
const stateOfA = (): Promise<Record<string, string>> => stateOf(server.db, a.id);

/** `patienceMs`: how long a subscription must be silent before that is its answer. */
type Ask = (place: Pick<Place, 'document' | 'as'>, variables: Record<string, unknown>, patienceMs?: number) => Promise<Reply>;
/** Of a machine that does much else, too. */
const PATIENT_MS = 4_000;
const asB: Ask = ({ document, as }, variables) => server.query(document, variables, credentialOf(b, as));

/** Asks each place with A's value and with one that does not exist; the places at which they differ, or something of A shows. */
async function crawl(places: readonly Place[], ask: Ask): Promise<string[]> {
  const faults: string[] = [];
  await each(places, async (place) => {
    const [mine, none] = [place.with(a), place.with(nobody)];
    let [answer, missing] = [await ask(place, mine), await ask(place, none)];
    // A refusal that comes late is none that is missing.
    if (place.kind === 'subscription' && told(answer.text, a) !== told(missing.text, nobody)) [answer, missing] = [await ask(place, mine, PATIENT_MS), await ask(place, none, PATIENT_MS)];
    const shown = shownOfA(answer.text, mine);
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

/** Reads side by side, and what mostly waits; what changes something in order. */
async function each(places: readonly Place[], visit: (place: Place) => Promise<void>): Promise<void> {
  const reads = places.filter(({ kind }) => kind === 'query');
  const waiting = places.filter(({ kind }) => kind === 'subscription').map(visit);
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let place = reads.shift(); place; place = reads.shift()) await visit(place);
  }));
  await Promise.all(waiting);
  for (const place of places) if (place.kind === 'mutation') await visit(place);
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
    // As clients see the schema.
    const { data } = await server.query(getIntrospectionQuery(), null, b.keys.ADMIN);
    const wanted = idPathsOf(buildClientSchema(data as never));
    expect([...wanted].filter((path) => !crawled.has(path))).toEqual([]);
    expect([...wanted].filter((path) => crawled.has(path))).toHaveLength(idPathsOf(schema).size);
    console.log(`${queries.length} places of queries, ${changes.length} of mutations, ${live.length} of subscriptions; ${wanted.size} arguments take ids or cursors.`);
    crawledArguments = wanted.size;
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

  test('so do all of them, and every subscription, over a socket', async () => {
    expect(await crawlOverSockets([...live, ...queries])).toEqual([]);
  });
});

/** As B, each as who may ask it. */
async function crawlOverSockets(all: readonly Place[]): Promise<string[]> {
  const faults: string[] = [];
  for (const caller of CALLERS) {
    const socket = server.socket(credentialOf(b, caller));
    await socket.open;
    faults.push(...(await crawl(all.filter((place) => (place.as ?? 'ADMIN') === caller), over(socket))));
    await socket.close();
  }
  return faults;
}
const CALLERS: Caller[] = ['ADMIN', 'MEMBER', 'VISITOR', 'PUBLISHABLE'];

/** A subscription that is not refused, and has nothing to tell, is silent: for ten times as long as a query takes that is asked beside it. */
function over(socket: Socket): Ask {
  return async ({ document }, variables, patienceMs = 250) => {
    const isSubscription = document.startsWith('subscription');
    const { data, errors = [] } = await new Promise<{ data?: unknown; errors?: Reply['errors'] }>((resolve) => {
      let stop = () => {};
      const end = (answer: { data?: unknown; errors?: Reply['errors'] }) => {
        clearTimeout(timer);
        // Later: a client of graphql-ws that ends what the server ends in the same breath gives its socket back twice, and closes it under the others.
        setImmediate(() => stop());
        resolve(answer);
      };
      const timer = setTimeout(() => end({ errors: [{ message: 'No answer.', extensions: { code: 'SILENT' } }] as never }), 30_000);
      stop = socket.client.subscribe({ query: document, variables }, {
        next: (value) => end(value as never),
        error: (error) => end({ errors: Array.isArray(error) ? (error as never) : [{ message: String(error), extensions: { code: 'CLOSED' } }] }),
        complete: () => end({}),
      });
      const began = performance.now();
      const quietly = () => setTimeout(end, Math.max(patienceMs, 10 * (performance.now() - began)), {});
      if (isSubscription) void socket.run('{ viewer { role } }').then(quietly, () => {});
    });
    return { status: 200, text: JSON.stringify({ data, errors }), data, errors } as unknown as Reply;
  };
}

const ROLES: [name: string, role: ViewerRole, credential: () => string][] = [
  ["B's reporting key", 'REPORTING', () => b.keys.REPORTING],
  ["B's agents' key", 'AGENT', () => b.keys.AGENT],
  ["B's member", 'AGENT', () => b.member.token],
  ["B's integrator", 'INTEGRATOR', () => b.keys.INTEGRATOR],
  ["B's narrowed key", 'ADMIN', () => narrow],
  ["B's publishable key", 'VISITOR', () => b.publishable],
  ["B's visitor", 'VISITOR', () => b.visitor.token],
  ["A's own visitor, of what is not his,", 'VISITOR', () => a.visitor.token],
];

/** All places as the role, over HTTP and by a socket, asking for what it may be told. */
async function crawlAs(kinds: readonly Kind[], role: ViewerRole, credential: string): Promise<string[]> {
  const may = credential === narrow ? new Set(SCOPES) : ROLE_PERMISSIONS[role];
  const samples = { query: QUERIES, mutation: MUTATIONS, subscription: SUBSCRIPTIONS };
  const own = credential === a.visitor.token;
  // What the visitor said, was told, and is.
  const others = kinds.flatMap((kind) => places.placesFor(kind, samples[kind], may)).filter((place) => !own || !/"v(?:is|mg|cn)_/.test(JSON.stringify(place.with(a))));
  const socket = server.socket(credential);
  await socket.open;
  // In the short run each role asks at every second place, this one at those that the one before left out, and again over a socket at every sixth.
  const turn = ROLES.findIndex(([, , of]) => of() === credential);
  const faults = await crawl(others.filter(({ kind }, index) => kind !== 'subscription' && (CRAWLS_ALL || index % 2 === turn % 2)), ({ document }, variables) => server.query(document, variables, credential));
  faults.push(...(await crawl(others.filter(({ kind }, index) => CRAWLS_ALL || kind === 'subscription' || index % 6 === turn % 6), over(socket))));
  await socket.close();
  return faults.filter((fault) => !own || !/^\S+ (?:visitor|startChat|identifyVisitor)\w* /.test(fault));
}

describe('as somebody who may less', () => {
  test.each(ROLES)('%s learns nothing, not even what exists', async (_name, role, credential) => {
    expect(await crawlAs(['query', 'subscription'], role, credential())).toEqual([]);
  });

  test('nobody gets nothing', async () => {
    for (const place of [...queries, ...changes]) {
      const answer = await server.query(place.document, place.with(a), null);
      expect(answer, place.name).toMatchObject({ status: 401, data: null });
      expect(shownOfA(answer.text, place.with(a)), place.name).toEqual([]);
    }
    // A socket that doesn't say who it is is shown out before anything is asked by it.
    await each(live, async (place) => expect(JSON.parse((await over(server.socket(null))(place, place.with(a))).text), place.name).toMatchObject({ errors: [{ extensions: { code: 'CLOSED' } }] }));
  });
});

describe('ids of the wrong type', () => {
  test('are refused at every argument that takes an id, in inputs of any depth too, and are never another thing of the same number', async () => {
    const before = [await stateOfA(), await stateOf(server.db, b.id)];
    const taking = [...queries, ...changes, ...live].filter((place) => isId(place.put(null), place.own()));
    expect(new Set(taking.map(({ covers }) => covers))).toEqual(idPathsOf(schema, 'ID'));
    const sockets = new Map(CALLERS.map((caller) => [caller, server.socket(credentialOf(b, caller))]));
    const ask: Ask = (place, variables) => (place.document.startsWith('subscription') ? over(sockets.get(place.as ?? 'ADMIN')!)(place, variables, PATIENT_MS) : asB({ ...place, document: place.document.replace(/\bresult\b/, 'result userErrors { code message }') }, variables));
    const faults: string[] = [];
    let asked = 0;
    await each(taking, async (place) => {
      const index = taking.indexOf(place);
      const mine = isId(place.put(null), place.own())!;
      const missing = told((await ask(place, place.with(nobody))).text, nobody);
      const other = OTHERS.map((_, n) => OTHERS[(index + n) % OTHERS.length]!).filter((prefix) => prefix !== mine.slice(0, 3)).slice(0, 3);
      const wrong = [`${other[0]}_${mine.slice(4)}`, b.ids[other[1]!]!, a.ids[other[2]!]!];
      // What names no type takes all of them: there a number is nobody's under another type's name.
      const isAny = /^query nodes? /.test(place.name);
      // In the short run one of them, by turns.
      for (const id of (isAny ? [wrong[0]!, wrong[2]!] : wrong).filter((_, n, all) => CRAWLS_ALL || n === index % all.length)) {
        asked++;
        const answer = await ask(place, place.put(id));
        const codes = refusals(answer).map((refusal) => refusal.split(' ')[0]!);
        const shown = shownOfA(answer.text, id);
        if (answer.status >= 500 || shown.length > 0 || codes.includes('INTERNAL') || (isAny ? codes[0] !== 'FORBIDDEN' && told(answer.text, b) !== missing : codes.length === 0 || codes.some((code) => !['INVALID_ID', 'NOT_FOUND', 'FORBIDDEN'].includes(code)))) {
          faults.push(`${place.name} ${id} -> ${answer.status} ${codes.join()} ${answer.text.slice(0, 300)}`);
        }
      }
      // The right type's name before the number of something else.
      for (const [prefix, w] of ([[other[0]!, b], [other[1]!, a]] as const).filter((_, n) => CRAWLS_ALL || n === index % 2)) {
        asked++;
        const answer = await ask(place, place.put(`${mine.slice(0, 3)}_${w.ids[prefix]!.slice(4)}`));
        if (answer.status >= 500 || told(answer.text, nobody).replaceAll(b.mark, '<mark>') !== missing.replaceAll(b.mark, '<mark>')) faults.push(`${place.name} ${mine.slice(0, 3)} with the number of ${prefix}:\n  ${told(answer.text, nobody).slice(0, 300)}\n  ${missing.slice(0, 300)}`);
      }
    });
    for (const socket of sockets.values()) await socket.close();
    console.log(`${taking.length} places that take ids, ${asked} ids of the wrong type.`);
    expect(faults).toEqual([]);
    wrongIds = asked;
    await quiet(server);
    expect([await stateOfA(), await stateOf(server.db, b.id)]).toEqual(before);
  });
});

/** Types whose numbers are those of no other type. */
const OTHERS = ['cus', 'tea', 'que', 'evt', 'cal', 'nte', 'rec', 'mem', 'bhr', 'att'];
/** The id that is asked for, where `hole` has none; undefined where it is no id. */
function isId(hole: unknown, own: unknown): string | undefined {
  if (hole === null) return typeof own === 'string' && /^[a-z]{3}_[0-9a-f]{32}$/.test(own) ? own : undefined;
  if (typeof hole !== 'object') return undefined;
  return Object.keys(hole as object).map((key) => isId((hole as Record<string, unknown>)[key], (own as Record<string, unknown>)[key])).find((id) => id !== undefined);
}

test('mutations refuse what is of A as what does not exist, and change nothing of A', async () => {
  const before = await stateOfA();
  expect(await crawl(changes, asB)).toEqual([]);
  expect(await crawlOverSockets(changes)).toEqual([]);
  await quiet(server);
  expect(await stateOfA()).toEqual(before);
});

test.each(ROLES)('so they do by %s', async (_name, role, credential) => {
  const before = await stateOfA();
  expect(await crawlAs(['mutation'], role, credential())).toEqual([]);
  await quiet(server);
  // His own chat is his to change.
  if (credential() !== a.visitor.token) expect(await stateOfA()).toEqual(before);
});

describe('with one wall', () => {
  test(`the predicates alone hold: all row-level security off, and every answer is as before (SEED=${SEED})`, { timeout: CRAWLS_ALL ? 1_800_000 : 120_000 }, async () => {
    b = fresh;
    narrow = await narrowKey();
    nobody = phantom(b, 'Nemoford', '+4915112345888');
    await findPlaces();
    await withoutRowSecurity(server.db, a.id, async () => {
      const before = await stateOfA();
      const others = ROLES.filter(([, , credential]) => credential() !== a.visitor.token);
      // In the short run one role: over all runs each.
      const roles = CRAWLS_ALL ? others : [others[SEED % others.length]!];
      expect(await crawl(queries, asB)).toEqual([]);
      expect(await crawlOverSockets(CRAWLS_ALL ? [...live, ...queries] : live)).toEqual([]);
      for (const [name, role, credential] of roles) expect(await crawlAs(['query', 'subscription'], role, credential()), name).toEqual([]);
      // Last: then what B has carries A's names, since it was asked to.
      expect(await crawl(changes, asB)).toEqual([]);
      if (CRAWLS_ALL) expect(await crawlOverSockets(changes)).toEqual([]);
      for (const [name, role, credential] of roles) expect(await crawlAs(['mutation'], role, credential()), name).toEqual([]);
      await quiet(server);
      expect(await stateOfA()).toEqual(before);
    });
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
      const shown = shownOfA(text, [document, variables]);
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
