// Providers to develop and test with: local servers that speak a provider's send API as its documents say, with its checks, its errors and its
// webhooks, signed. They share no code with the channels that talk to them. This is what all of them are made of; a file a provider stands beside.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SandboxRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}
export interface SandboxAnswer {
  status: number;
  headers?: Record<string, string>;
  /** An object is written as JSON. */
  body: string | Buffer | object;
}

/** What the next requests meet instead of an answer. Each is used once, or `times` times. */
export type Trouble =
  /** Nothing is taken: a provider's own error. */
  | { status: number; retryAfterSeconds?: number; times?: number }
  /** The connection is cut: before the request was taken, or after, when the client can't know that it was. */
  | { cut: 'before' | 'after'; times?: number }
  /** The request is taken and the answer isn't the provider's (a proxy's page). */
  | { answer: string; contentType?: string; times?: number };

/** What a request meets, asked of every one for which no trouble waits; null: nothing. */
export type Weather = (request: SandboxRequest) => Trouble | null;

export interface Sandbox {
  /** What an account's `apiBaseUrl` is set to; without a slash at the end. */
  url: string;
  /** Every request that came, in order, also those that met trouble. */
  requests: SandboxRequest[];
  trouble(trouble: Trouble): void;
  close(): Promise<void>;
}
export interface WebhookAnswer {
  status: number;
  body: string;
  contentType: string | null;
  /** Lower-case names. */
  headers: Record<string, string>;
}

const BODY_BYTES_MAX = 110 * 1024 * 1024;

/**
 * Listens on loopback. `take` does what the provider does with a request, and gives its answer; `refusal` writes the body of an error of that status as
 * the provider would.
 */
export async function openSandbox(o: {
  port?: number;
  weather?: Weather;
  take: (request: SandboxRequest) => SandboxAnswer | Promise<SandboxAnswer>;
  refusal: (status: number) => object;
}): Promise<Sandbox> {
  const troubles: Trouble[] = [];
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(o.port ?? 0, '127.0.0.1', resolve));
  const sandbox: Sandbox = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: [],
    trouble: (trouble) => void troubles.push({ ...trouble }),
    close: () => new Promise((resolve, reject) => {
      server.closeAllConnections();
      server.close((error) => (error ? reject(error) : resolve()));
    }),
  };

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await requestOf(incoming);
    sandbox.requests.push(request);
    const trouble = troubles[0] ?? o.weather?.(request);
    if (trouble && (trouble.times = (trouble.times ?? 1) - 1) <= 0 && trouble === troubles[0]) troubles.shift();
    if (trouble && 'status' in trouble) {
      const headers: Record<string, string> = trouble.retryAfterSeconds === undefined ? {} : { 'retry-after': String(trouble.retryAfterSeconds) };
      return write(response, { status: trouble.status, headers, body: o.refusal(trouble.status) });
    }
    if (trouble && 'cut' in trouble && trouble.cut === 'before') return void incoming.socket.destroy();
    const answer = await o.take(request);
    if (trouble && 'cut' in trouble) return void incoming.socket.destroy();
    write(response, trouble && 'answer' in trouble ? { status: 200, headers: { 'content-type': trouble.contentType ?? 'text/html' }, body: trouble.answer } : answer);
  }
  return sandbox;
}

/** Calls a webhook of ours, as the provider would: the caller signs. */
export async function callWebhook(url: string, body: string | Buffer, headers: Record<string, string>, method = 'POST'): Promise<WebhookAnswer> {
  // eslint-disable-next-line no-restricted-globals -- a provider calls whatever address it was given, here on loopback
  const response = await fetch(url, { method, headers, ...(method === 'GET' ? {} : { body: body as string }) });
  return { status: response.status, body: await response.text(), contentType: response.headers.get('content-type'), headers: Object.fromEntries(response.headers) };
}

function write(response: ServerResponse, { status, headers = {}, body }: SandboxAnswer): void {
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  response.writeHead(status, { ...(isJson ? { 'content-type': 'application/json' } : {}), ...headers });
  response.end(isJson ? JSON.stringify(body) : body);
}

async function requestOf(incoming: IncomingMessage): Promise<SandboxRequest> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new Error('The body is larger than any provider takes.');
    chunks.push(chunk as Buffer);
  }
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
  return { method: incoming.method ?? 'GET', url: incoming.url ?? '/', headers, body: Buffer.concat(chunks) };
}
