// In every test process: names other than this machine's own lead nowhere. No test reaches another host, also where a recorded payload names one.
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

/** Names of this machine, and what is no name but an address in one of its spellings. */
const LOCAL = /^(localhost\.?|[0-9.]+|0x[0-9a-f.x]+|[0-9a-f:.]*:[0-9a-f:.]*)$/i;
const refused = (name: string) => Object.assign(new Error(`A test may not ask for ${name}.`), { code: 'ENOTFOUND', hostname: name });

const { lookup } = dns;
dns.lookup = ((name: string, ...rest: unknown[]) => {
  if (LOCAL.test(name)) return (lookup as (...args: unknown[]) => void)(name, ...rest);
  (rest.at(-1) as (error: Error) => void)(refused(name));
}) as typeof dns.lookup;
const { lookup: promised } = dns.promises;
dns.promises.lookup = (async (name: string, ...rest: unknown[]) => {
  if (!LOCAL.test(name)) throw refused(name);
  return (promised as (...args: unknown[]) => Promise<unknown>)(name, ...rest);
}) as typeof dns.promises.lookup;
syncBuiltinESMExports();
