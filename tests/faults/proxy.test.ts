// The wire that the fault runs break: what it does to those at its ends.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Wire } from './proxy.ts';

let echo: Server;
let wire: Wire;
beforeAll(async () => {
  echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  wire = await Wire.open(() => (echo.address() as AddressInfo).port);
});
afterAll(async () => {
  await wire.close();
  echo.close();
});

async function joined(): Promise<Socket> {
  const socket = connect(wire.port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
const answer = async (socket: Socket, text: string): Promise<string> => {
  let got = '';
  const there = new Promise<void>((resolve) => socket.on('data', (chunk) => {
    got += chunk.toString();
    if (got.length >= text.length) resolve();
  }));
  socket.write(text);
  await there;
  return got;
};

test('what waited on a silent or trickling wire arrives whole and in order when it is healed', async () => {
  const socket = await joined();
  expect(await answer(socket, 'one')).toBe('one');
  wire.silence();
  const waiting = answer(socket, 'x'.repeat(5_000) + 'end');
  wire.trickle();
  wire.heal();
  expect(await waiting).toBe('x'.repeat(5_000) + 'end');
  expect(wire.farPorts()).toHaveLength(1);
  socket.destroy();
});

test('a reset is a reset, also in the middle of what is sent', async () => {
  const one = await joined();
  await answer(one, 'hello');
  const reset = once(one, 'error');
  wire.reset();
  expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
  const other = await joined();
  const cut = new Promise((resolve) => other.once('close', resolve));
  wire.resetWithin(4);
  other.write('0123456789');
  await cut;
  wire.heal();
  expect(await answer(await joined(), 'again')).toBe('again');
});

test('an abandoned connection is dead and nobody is told; new ones pass', async () => {
  const old = await joined();
  await answer(old, 'hello');
  const dead = wire.connections;
  wire.abandon();
  let heard = '';
  old.on('data', (chunk) => (heard += chunk.toString()));
  old.write('nobody hears this');
  expect(await answer(await joined(), 'new')).toBe('new');
  wire.heal();
  old.write('nor this');
  expect(await answer(await joined(), 'newer')).toBe('newer');
  expect(heard).toBe('');
  expect(old.destroyed || old.readableEnded).toBe(false);
  expect([wire.held('near'), wire.held('far')].map(({ length }) => length)).toEqual([dead, dead]);
  // One end has found out: the other isn't told.
  old.resetAndDestroy();
  await expect.poll(() => wire.held('near')).toHaveLength(dead - 1);
  expect(wire.held('far')).toHaveLength(dead);
});
