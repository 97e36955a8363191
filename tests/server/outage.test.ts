// The database goes away under a running server and comes back: nobody is told anything but to try again, and nothing has to be restarted.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { within } from '../events/make.ts';
import { Wire } from '../faults/proxy.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

/** The way to the database, which can be closed. */
interface Way {
  url: string;
  close(): Promise<void>;
  open(): Promise<void>;
}
async function wayTo(url: string): Promise<Way> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const listen = (at: number) =>
    new Promise<Server>((resolve) => {
      const made: Server = createServer((near) => {
        const far = connect(Number(port), hostname);
        for (const [one, two] of [[near, far], [far, near]] as const) {
          sockets.add(one);
          one.on('data', (chunk) => two.write(chunk)).on('end', () => two.end()).on('error', () => two.destroy()).on('close', () => (sockets.delete(one), two.destroy()));
        }
      }).listen(at, '127.0.0.1', () => resolve(made));
    });
  let server = await listen(0);
  const { port: ours } = server.address() as AddressInfo;
  const through = new URL(url);
  through.host = `127.0.0.1:${ours}`;
  return {
    url: through.href,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
    open: async () => {
      server = await listen(ours);
    },
  };
}

let db: TestDatabase;
let way: Way;
let server: TestServer;
let ours: TestWorkspace;
beforeAll(async () => {
  db = await testDatabase();
  way = await wayTo(db.url);
  server = await startTestServer({ db, databaseUrl: () => way.url });
  ours = await server.workspace();
});
afterAll(() => db.close());

const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { kind } } }';
const TEAM = 'mutation ($name: String!) { createTeam(input: { name: $name }) { team { id } userErrors { code message } } }';

test('while the database is away requests are 503 and new sockets are told to come again; when it is back all goes on, subscriptions too', async () => {
  const socket = server.socket(ours.keys.ADMIN);
  const { cursor } = (await socket.run('{ cursor }')).data;
  const events = socket.subscribe(EVENTS, { after: cursor });
  await server.ask(TEAM, { name: 'before' }, ours.keys.ADMIN);
  const first = (await events.next()).events;

  await way.close();
  // What is remembered of a key lasts for seconds; a key that was never seen has to be looked up.
  for (const [document, variables, key] of [['{ teams { nodes { name } } }', null, ours.keys.ADMIN], ['{ viewer { role } }', null, ours.keys.REPORTING], [TEAM, { name: 'never' }, ours.keys.ADMIN]] as const) {
    const { status, errors, headers, text } = await server.query(document, variables, key);
    expect(status, text).toBe(503);
    expect(errors[0]!.extensions).toMatchObject({ code: 'OVERLOADED', retryable: true });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(text).not.toMatch(/ECONN|127\.0\.0\.1|postgres|socket/i);
  }
  expect((await fetch(`${server.address}/readyz`)).status).toBe(503);
  // A provider is told to send again.
  const door = await fetch(`${server.address}/hooks/mime/end_${'0'.repeat(32)}`, { method: 'POST', body: 'From: ada@customer.example\r\n\r\nHello' });
  expect([door.status, door.headers.get('retry-after'), await door.json()]).toEqual([503, expect.stringMatching(/^\d+$/), { error: { code: 'OVERLOADED', message: expect.any(String) } }]);
  expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
  expect((await within(5_000, 'The close', server.socket(ours.keys.INTEGRATOR).closed)).code).toBe(1013);
  expect((await socket.run('{ teams { nodes { name } } }')).errors![0].extensions.code).toBe('OVERLOADED');
  // However long it lasts and however many ask: each is refused, and none of it is waited for afterwards.
  for (let round = 0; round < 15; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => server.query('{ teams { nodes { name } } }', null, ours.keys.ADMIN)));
    for (const { status } of answers) expect(status).toBe(503);
  }

  await way.open();
  const back = performance.now();
  await expect.poll(async () => (await fetch(`${server.address}/readyz`)).status, { timeout: 5_000, interval: 50 }).toBe(200);
  await expect.poll(async () => (await server.query(TEAM, { name: `after ${Math.trunc(performance.now())}` }, ours.keys.ADMIN)).status, { timeout: 5_000, interval: 50 }).toBe(200);
  const told = (await events.next()).events;
  expect(told.cursor).not.toBe(first.cursor);
  expect(performance.now() - back).toBeLessThan(5_000);
  expect((await server.ask('{ teams { nodes { name } } }', null, ours.keys.REPORTING)).teams.nodes.map((team: { name: string }) => team.name)).not.toContain('never');
  await socket.close();
}, 30_000);

test('when every connection to the database is dead without a word, /readyz says so at once and all goes on within seconds, subscriptions and the log too', { timeout: 60_000 }, async () => {
  const wire = await Wire.open(() => Number(new URL(db.url).port));
  const other = await startTestServer({ db, databaseUrl: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${wire.port}` }).href });
  try {
    const socket = other.socket(ours.keys.ADMIN);
    const events = socket.subscribe(EVENTS, { after: (await socket.run('{ cursor }')).data.cursor });
    const team = (n: number) => other.query(TEAM, { name: `${wire.port} ${n}` }, ours.keys.ADMIN);
    await Promise.all(Array.from({ length: 12 }, (_, n) => team(n)));
    for (let n = 0; n < 12; n++) await events.next();
    wire.abandon();
    const began = performance.now();
    const asked = await fetch(`${other.address}/readyz`);
    expect([200, 503]).toContain(asked.status);
    expect(performance.now() - began).toBeLessThan(3_500);
    // Each that waits is told to come again; a shared machine gets twice the time that it takes.
    await expect.poll(async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => Promise.race([n % 2 ? team(100 + n) : other.query('{ teams { nodes { name } } }', null, ours.keys.AGENT), new Promise<null>((resolve) => setTimeout(resolve, 1_500, null))])));
      for (const answer of answers) if (answer && answer.status !== 200) expect([503, 429], answer.text).toContain(answer.status);
      return answers.every((answer) => answer?.status === 200);
    }, { timeout: 10_000, interval: 50 }).toBe(true);
    expect((await within(5_000, 'An event', events.next())).events.event.kind).toBe('TEAM_CREATED');
    expect((await fetch(`${other.address}/readyz`)).status).toBe(200);
    await socket.close();
  } finally {
    await other.stop();
    await wire.close();
  }
});

test('a server whose database is away stops all the same', async () => {
  await way.close();
  const began = performance.now();
  await server.stop();
  expect(performance.now() - began).toBeLessThan(15_000);
}, 40_000);
