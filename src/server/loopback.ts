// Who sits at the machine that this runs on: what is shown to nobody else.
import type { FastifyRequest } from 'fastify';

/** Whether a host, or the host of a URL, is this machine's own: what only who sits at it can reach. */
export function isLoopback(hostOrUrl: string): boolean {
  const host = URL.canParse(hostOrUrl) ? new URL(hostOrUrl).hostname : hostOrUrl;
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}

/**
 * Whether a request comes from who sits at the machine: not through a proxy, and under a name of loopback, so that no other site's name can be
 * pointed here (DNS rebinding).
 */
export function isOnTheMachine(request: FastifyRequest): boolean {
  const { host, forwarded } = request.headers;
  const proxied = forwarded !== undefined || Object.keys(request.headers).some((name) => name.startsWith('x-forwarded-') || name === 'x-real-ip' || name === 'via');
  return !proxied && isLoopback(`http://${host ?? ''}`) && isLoopback(request.ip.replace(/^::ffff:/, ''));
}
