import type { Config } from '../platform/config.ts';
import { outgoing, type HttpClient } from '../platform/http.ts';
import { isLoopback } from './loopback.ts';

/** What the server speaks to the world by: private addresses are refused, but where the server itself is reached on loopback only (development, tests). */
export const outgoingClient = (config: Pick<Config, 'host' | 'publicUrl' | 'outgoingAllow'>, redirectsMax = 0): HttpClient =>
  outgoing({ allowPrivate: isLoopback(config.host) && isLoopback(config.publicUrl), allow: config.outgoingAllow, redirectsMax });
