// Requests that leave: to providers' APIs, webhooks, media. An address that someone typed into the system may not lead into our own
// network, so a name is resolved once, every address that it has is judged, and the connection goes to the one that was judged.
import { lookup as systemLookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, isIPv4 } from 'node:net';

export interface HttpRequest {
  method: string;
  /** http or https, without credentials. */
  url: string;
  headers: Record<string, string>;
  body?: string | Buffer;
  /** For everything: resolving, redirects, the body's last byte. Default: the client's. */
  timeoutMs?: number;
  responseBytesMax?: number;
}

export interface HttpResponse {
  status: number;
  /** Lower-case names; repeated headers are joined by a comma. */
  headers: Record<string, string>;
  body: Buffer;
}

export interface HttpClient {
  /**
   * Any status is an answer, not an error. The body is as it came (no compression is asked for).
   * @throws OutgoingError
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * For what speaks another protocol (SMTP): the one address of a host name, or IP address, that may be connected to by the same rules (of
   * `allowPrivate`, `true` counts; an origin allows only requests). The connection must go to it, not to the name again.
   * @throws OutgoingError PRIVATE_ADDRESS, UNREACHABLE, TIMED_OUT; nothing was sent.
   */
  addressOf(hostname: string, o?: { timeoutMs?: number }): Promise<string>;
}

export type OutgoingErrorCode = 'INVALID_URL' | 'PRIVATE_ADDRESS' | 'UNREACHABLE' | 'TIMED_OUT' | 'TOO_LARGE' | 'TOO_MANY_REDIRECTS';

export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  constructor(
    readonly code: OutgoingErrorCode,
    message: string,
    /** False: surely nothing of the request reached the other side. True: it may have, and have had its effect. */
    readonly maybeReceived: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** What an administrator lets be private: names as they are written in an address (without a dot at the end), and networks. */
export interface OutgoingAllow {
  hosts: ReadonlySet<string>;
  networks: BlockList;
}

export interface OutgoingOptions {
  /** What may be private beside `allowPrivate`: an address in one of its networks, or whatever one of its names leads to. Default: nothing. */
  allow?: OutgoingAllow;
  /** True, or the origins (`http://10.0.0.5:8080`) that may be private: what an administrator configured by hand. Default: none. */
  allowPrivate?: boolean | readonly string[];
  /** Default: 10 s. */
  timeoutMs?: number;
  /** Default: 1 MiB. */
  responseBytesMax?: number;
  /** Default: 0, the redirect is the answer. */
  redirectsMax?: number;
  resolve?: (hostname: string) => Promise<{ address: string; family: number }[]>;
}

/** A client with connections of its own, kept alive. */
export function outgoing(options: OutgoingOptions = {}): HttpClient {
  const resolve = options.resolve ?? ((hostname) => systemLookup(hostname, { all: true, verbatim: true }));
  const agents = { 'http:': new http.Agent({ keepAlive: true, maxSockets: 32 }), 'https:': new https.Agent({ keepAlive: true, maxSockets: 32 }) };
  return {
    async request(first) {
      const timeoutMs = first.timeoutMs ?? options.timeoutMs ?? 10_000;
      const limit = first.responseBytesMax ?? options.responseBytesMax ?? 1_048_576;
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), timeoutMs);
      const state = { sent: false, timedOut: () => new OutgoingError('TIMED_OUT', `No complete answer within ${timeoutMs} ms.`, state.sent) };
      try {
        let request = first;
        for (let redirects = 0; ; redirects++) {
          const url = checkedUrl(request.url, state.sent);
          // The URL parser has brought 2130706433, 0x7f.1 and 127.1 to 127.0.0.1 already.
          const address = await judged(url.hostname.replace(/^\[|\]$/g, ''), resolve, mayBePrivate(url, options.allowPrivate), options.allow, deadline.signal, state);
          const response = await exchange(url, address, request, agents[url.protocol as 'http:' | 'https:'], limit, deadline.signal, state);
          const location = response.headers.location;
          if (!options.redirectsMax || location === undefined || ![301, 302, 303, 307, 308].includes(response.status)) return response;
          if (redirects >= options.redirectsMax) {
            throw new OutgoingError('TOO_MANY_REDIRECTS', `More than ${options.redirectsMax} redirects.`, true);
          }
          request = redirected(request, url, location, response.status);
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async addressOf(hostname, { timeoutMs = options.timeoutMs ?? 10_000 } = {}) {
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), timeoutMs);
      const state = { sent: false, timedOut: () => new OutgoingError('TIMED_OUT', `The name was not resolved within ${timeoutMs} ms.`, false) };
      try {
        return (await judged(hostname, resolve, options.allowPrivate === true, options.allow, deadline.signal, state)).address;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

interface State {
  sent: boolean;
  timedOut(): OutgoingError;
}

const mayBePrivate = (url: URL, allowed: OutgoingOptions['allowPrivate'] = false): boolean =>
  typeof allowed === 'boolean' ? allowed : allowed.includes(url.origin);

function checkedUrl(text: string, sent: boolean): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new OutgoingError('INVALID_URL', 'The address is not a URL.', sent, { cause: error });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutgoingError('INVALID_URL', `The address has the scheme ${url.protocol} where http: or https: was expected.`, sent);
  }
  if (url.username || url.password) throw new OutgoingError('INVALID_URL', 'The address carries credentials; send them as a header.', sent);
  return url;
}

/** The one address to connect to. A name with one private address among public ones is refused: it is made to look harmless. */
async function judged(
  hostname: string,
  resolve: NonNullable<OutgoingOptions['resolve']>,
  allowPrivate: boolean,
  allow: OutgoingAllow | undefined,
  signal: AbortSignal,
  state: State,
): Promise<{ address: string; family: number }> {
  const literal = isIP(hostname);
  const addresses = literal ? [{ address: hostname, family: literal }] : await named(resolve(hostname), signal, state);
  if (!addresses.length) throw new OutgoingError('UNREACHABLE', 'The name has no address.', state.sent);
  const mayBe = (address: string): boolean => allowPrivate || isPublic(address) || isAllowed(address, hostname, allow);
  if (!addresses.every(({ address }) => mayBe(address))) {
    throw new OutgoingError('PRIVATE_ADDRESS', 'The address leads to a private, local or reserved network.', state.sent);
  }
  return addresses[0]!;
}

function isAllowed(address: string, hostname: string, allow: OutgoingAllow | undefined): boolean {
  if (!allow) return false;
  if (allow.hosts.has(hostname.toLowerCase().replace(/\.$/, ''))) return true;
  const bare = address.replace(/%.*$/, '');
  return allow.networks.check(bare, isIPv4(bare) ? 'ipv4' : 'ipv6');
}

async function named<T>(resolving: Promise<T>, signal: AbortSignal, state: State): Promise<T> {
  const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(state.timedOut()), { once: true }));
  late.catch(() => {});
  try {
    return await Promise.race([resolving, late]);
  } catch (error) {
    if (error instanceof OutgoingError) throw error;
    throw new OutgoingError('UNREACHABLE', 'The name could not be resolved.', state.sent, { cause: error });
  }
}

// IANA's special-purpose registries (RFC 6890 and its updates).
const RESERVED_4 = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24],
  ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24],
  ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) RESERVED_4.addSubnet(network, bits, 'ipv4');

// Of IPv6 only what is given out for the world's unicast is public, without what carries an IPv4 address or serves documents.
const UNICAST_6 = new BlockList();
UNICAST_6.addSubnet('2000::', 3, 'ipv6');
const RESERVED_6 = new BlockList();
for (const [network, bits] of [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]] as const) RESERVED_6.addSubnet(network, bits, 'ipv6');

/** Whether an IP address is of the public internet; an IPv4 address mapped into IPv6 is judged as IPv4. */
export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !RESERVED_4.check(address, 'ipv4');
  const bare = address.replace(/%.*$/, '');
  if (isIP(bare) !== 6) return false;
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
    return isPublic(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
  }
  return UNICAST_6.check(bare, 'ipv6') && !RESERVED_6.check(bare, 'ipv6');
}

function exchange(
  url: URL,
  to: { address: string; family: number },
  request: HttpRequest,
  agent: http.Agent,
  limit: number,
  signal: AbortSignal,
  state: State,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(state.timedOut());
    const outgoingRequest = (url.protocol === 'https:' ? https : http).request(url, {
      method: request.method,
      headers: { 'accept-encoding': 'identity', 'user-agent': 'Throughline', ...request.headers },
      agent,
      // Node asks for all addresses or for one, by its version and settings.
      lookup: (_host, wanted, done) => (wanted.all ? done(null, [to]) : (done as (e: null, a: string, f: number) => void)(null, to.address, to.family)),
    });
    const fail = (error: OutgoingError): void => {
      signal.removeEventListener('abort', expire);
      outgoingRequest.destroy();
      reject(error);
    };
    const expire = (): void => fail(state.timedOut());
    signal.addEventListener('abort', expire, { once: true });
    outgoingRequest.on('socket', (socket) => {
      if (!socket.connecting) state.sent = true;
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => (state.sent = true));
    });
    outgoingRequest.on('error', (error) => fail(new OutgoingError('UNREACHABLE', 'The connection failed.', state.sent, { cause: error })));
    outgoingRequest.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > limit) return fail(new OutgoingError('TOO_LARGE', `The answer is larger than ${limit} bytes.`, true));
        chunks.push(chunk);
      });
      response.on('error', (error) => fail(new OutgoingError('UNREACHABLE', 'The answer broke off.', true, { cause: error })));
      response.on('end', () => {
        signal.removeEventListener('abort', expire);
        const headers = Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]);
        resolve({ status: response.statusCode!, headers: Object.fromEntries(headers), body: Buffer.concat(chunks) });
      });
    });
    outgoingRequest.end(request.body);
  });
}

// RFC 9110, 15.4. Credentials stay with the origin that they were meant for.
function redirected(request: HttpRequest, from: URL, location: string, status: number): HttpRequest {
  let to: URL;
  try {
    to = new URL(location, from);
  } catch (error) {
    throw new OutgoingError('INVALID_URL', 'The redirect leads to what is not a URL.', true, { cause: error });
  }
  const becomesGet = status === 303 ? request.method !== 'HEAD' : [301, 302].includes(status) && request.method === 'POST';
  const dropped = new Set([
    ...(to.origin === from.origin ? [] : ['authorization', 'cookie', 'proxy-authorization']),
    ...(becomesGet ? ['content-type', 'content-length', 'content-encoding'] : []),
    'host',
  ]);
  return {
    ...request,
    url: to.href,
    method: becomesGet ? 'GET' : request.method,
    body: becomesGet ? undefined : request.body,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !dropped.has(name.toLowerCase()))),
  };
}
