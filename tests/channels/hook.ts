// A webhook address of ours on loopback: keeps what a provider calls it with.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpReply, RawRequest } from '../../src/channels/channel.ts';

export interface Hook {
  url: string;
  /** Every request that came, in order. */
  received: RawRequest[];
  /** What the next ones are answered; at first, an empty 200. */
  answer: (request: RawRequest) => HttpReply | Promise<HttpReply>;
  close(): Promise<void>;
}

export async function hook(): Promise<Hook> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const raw: RawRequest = { method: request.method!, url: `http://${request.headers.host}${request.url}`, headers: request.headers as Record<string, string>, body: Buffer.concat(chunks) };
      ours.received.push(raw);
      void Promise.resolve(ours.answer(raw)).then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ours: Hook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/provider/end_1`, received: [], answer: () => ({ status: 200, headers: {}, body: '' }),
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
  return ours;
}
