// Whose request it is on the network: the socket's other end, or what a proxy that the configuration trusts says of it.
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import type { TrustProxy } from '../platform/config.ts';

/**
 * The caller's address; null when the socket is gone. `X-Forwarded-For` is read from its end, where the nearest proxy wrote, and each entry only
 * while the one that wrote it is trusted: a caller can put what he likes before it.
 */
export function callerAddress(request: Pick<IncomingMessage, 'headers' | 'socket'>, trust: TrustProxy): string | null {
  let address = plain(request.socket.remoteAddress ?? '');
  if (address === null || trust === null) return address;
  const named = [request.headers['x-forwarded-for'] ?? ''].flat().join(',').split(',').map((entry) => plain(entry.trim()));
  for (let hops = 0; named.length > 0; hops++) {
    if (typeof trust === 'number' ? hops >= trust : !trust.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')) break;
    const before = named.pop()!;
    if (before === null) break;
    address = before;
  }
  return address;
}

/** An IP address without port, brackets, zone and mapping into IPv6; null for what is none. */
function plain(text: string): string | null {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return isIP(address) ? address.toLowerCase() : null;
}
