// How many sockets are let in, of all together and of an address that doesn't say who it is.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Crowd, SOCKETS_MAX, UNKNOWN_MAX, type Entered } from '../../src/server/crowd.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ours: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  ours = await server.workspace();
});
afterAll(() => server.stop());

test('all together are bounded, and whoever leaves makes room for one, however often he says so', () => {
  const crowd = new Crowd();
  const inside = Array.from({ length: SOCKETS_MAX }, (_, n) => crowd.enter(`10.0.${n >> 8}.${n & 255}`) as Entered);
  expect(crowd.enter('192.0.2.1')).toBe('ALL');
  inside[0]!.left();
  inside[0]!.left();
  inside[1]!.known();
  expect(typeof crowd.enter('192.0.2.1')).toBe('object');
  expect(crowd.enter('192.0.2.1')).toBe('ALL');
});

test('of an address those are bounded of whom nobody knows who they are', () => {
  const crowd = new Crowd();
  const unknown = Array.from({ length: UNKNOWN_MAX }, () => crowd.enter('192.0.2.1') as Entered);
  expect(crowd.enter('192.0.2.1')).toBe('ADDRESS');
  expect(typeof crowd.enter('192.0.2.2')).toBe('object');
  for (const one of unknown.slice(0, 2)) {
    one.known();
    one.known();
  }
  unknown[0]!.left();
  unknown[2]!.left();
  expect([1, 2, 3, 4].map(() => typeof crowd.enter('192.0.2.1'))).toEqual(['object', 'object', 'object', 'string']);
});

test('sockets that never say who they are leave those of other addresses in, and those of their own that say it', { timeout: 60_000 }, async () => {
  const open = (localAddress?: string) => new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', localAddress ? { localAddress } : {});
  const silent: WebSocket[] = [];
  try {
    // Before any of them is shown out for its silence.
    while (silent.length < UNKNOWN_MAX) {
      const some = Array.from({ length: 100 }, () => open('127.0.0.2'));
      await Promise.all(some.map((socket) => once(socket, 'open')));
      silent.push(...some);
    }
    const [, response] = (await once(open('127.0.0.2').on('error', () => {}), 'unexpected-response')) as [unknown, { statusCode: number; headers: Record<string, string> }];
    expect([response.statusCode, response.headers['retry-after']]).toEqual([429, '5']);
    const elsewhere = server.socket(ours.keys.AGENT);
    expect((await elsewhere.run('{ viewer { role } }')).data.viewer.role).toBe('AGENT');
    await elsewhere.close();
    // Who says it makes room for another.
    silent[0]!.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${ours.keys.AGENT}` } }));
    await once(silent[0]!, 'message');
    const next = open('127.0.0.2');
    await once(next, 'open');
    silent.push(next);
  } finally {
    for (const socket of silent) socket.terminate();
  }
});
