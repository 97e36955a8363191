// Our door, as little of it as Meta needs: verifies, reads and answers what comes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InboundEvent, Provider, RawRequest } from '../../../src/channels/channel.ts';

export interface Receiver {
  url: string;
  requests: RawRequest[];
  events: InboundEvent[];
  close(): Promise<void>;
}

export async function openReceiver(provider: Provider, secrets: unknown[]): Promise<Receiver> {
  const receiver: Receiver = { url: '', requests: [], events: [], close: async () => void server.close() };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', async () => {
      const raw: RawRequest = { method: request.method!, url: new URL(request.url!, receiver.url).href, headers: request.headers as Record<string, string>, body: Buffer.concat(chunks) };
      receiver.requests.push(raw);
      const verified = await provider.verify(raw, { secrets });
      if (!verified.ok) return response.writeHead(verified.status).end(verified.reason);
      const parsed = await provider.parse(raw);
      receiver.events.push(...parsed.events);
      const { status, headers, body } = provider.respond(raw, parsed);
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/meta/end_1`;
  return receiver;
}
