// Clients who send by drops, or nothing: their connection ends in time, and the others don't notice.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../harness/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** Sends `head`, then a drop each half second, until the server ends it; what it said then. */
function trickle(head: string, drop: string): Promise<string> {
  const { hostname, port } = new URL(server.address);
  const socket: Socket = connect(Number(port), hostname);
  let said = '';
  socket.on('connect', () => socket.write(head));
  const drops = setInterval(() => socket.write(drop), 500);
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('data', (data) => (said += data.toString()));
    socket.on('close', () => {
      clearInterval(drops);
      resolve(said);
    });
  });
}

// What each of them waits for is time.
describe.concurrent('who sends by drops is not waited for', () => {
  test('a head that never ends, many at once', { timeout: 20_000 }, async ({ expect: see }) => {
    const said = Promise.all(Array.from({ length: 100 }, () => trickle('POST /graphql HTTP/1.1\r\nHost: x\r\n', 'X-Drop: 1\r\n')));
    see((await fetch(`${server.address}/healthz`)).status).toBe(200);
    for (const answer of await said) see(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
  test('a body that never ends, at the API and at a door', { timeout: 45_000 }, async ({ expect: see }) => {
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`;
    const said = await Promise.all(['/graphql', `/hooks/mime/end_${'0'.repeat(32)}`].map((path) => trickle(head(path), ' ')));
    for (const answer of said) see(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
  test('answers that nobody reads, many at once', { timeout: 120_000 }, async ({ expect: see }) => {
    const { hostname, port } = new URL(server.address);
    // More than the system keeps of what is sent to a connection.
    const asked = `GET /graphql/ide/main.js HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(40);
    const bytes = (await (await fetch(`${server.address}/graphql/ide/main.js`)).arrayBuffer()).byteLength * 40;
    see(bytes).toBeGreaterThan(40_000_000);
    const unread = await Promise.all(Array.from({ length: 20 }, () => new Promise<Socket>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(asked, () => resolve(socket)));
      socket.pause();
      socket.on('error', () => {});
    })));
    // Fifteen seconds without progress, looked at twice; on a busy machine they begin late.
    await new Promise((resolve) => setTimeout(resolve, 55_000));
    const got = await Promise.all(unread.map((socket) => new Promise<number>((resolve) => {
      let read = 0;
      socket.on('data', (data) => (read += data.length) < bytes || socket.destroy()).on('close', () => resolve(read)).resume();
    })));
    for (const read of got) see(read).toBeLessThan(bytes);
  });
  test('a socket that never says who it is', { timeout: 15_000 }, async ({ expect: see }) => {
    const codes = await Promise.all(Array.from({ length: 50 }, () => new Promise<number>((resolve) => {
      const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      socket.on('close', resolve);
      socket.on('error', () => {});
    })));
    see(codes).toEqual(Array(50).fill(4408));
  });
});

test('and the server goes on', async () => {
  expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
});
