// How each contender is started: a process of its own, on the servers' cores, on the same database, with a pool of ten.
import { join } from 'node:path';
import { HERE, ROOT, SECRET_KEY, WORKSPACE, type Data } from '../data.ts';
import { startNode, type Running } from '../processes.ts';

const READY = /^ready ?(.*)/;

const serverEnv = (data: Data): Record<string, string> => ({
  DATABASE_URL: data.url, SECRET_KEY, PORT: '0', DATA_DIR: join(HERE, '.data', 'server'),
  // The limit stands and is counted; the load generator, one key for all, must not meet it.
  RATE_LIMIT_COST_PER_MINUTE: '999999999999',
  RATE_LIMIT_DELIVERIES_PER_MINUTE: '999999999999',
});

/** Our server as `npm start` starts it: keys, permissions, row-level security, limits and the log on. `said` of all of these is the address. */
export const startOurs = (data: Data): Promise<Running> =>
  startNode({ file: join(ROOT, 'bin/throughline.mjs'), args: ['start'], env: serverEnv(data), ready: /API and IDE\s+(http:\S+)\/graphql/ });
export const startLoaders = (data: Data): Promise<Running> => startNode({ file: join(HERE, 'contenders/loaders.ts'), env: serverEnv(data), ready: READY });
export const startLimit = (data: Data, form: 'object' | 'text'): Promise<Running> =>
  startNode({ file: join(HERE, 'contenders/limit.ts'), env: { DATABASE_URL: data.url, FORM: form }, ready: READY });
export const startPostgraphile = (data: Data): Promise<Running> =>
  startNode({ file: join(HERE, 'contenders/postgraphile.mjs'), env: { DATABASE_URL: data.url, WORKSPACE }, ready: READY });
/** Another program of the benches, on the same terms. */
export const startProgram = (file: string, data: Data, args: string[] = []): Promise<Running> =>
  startNode({ file: join(HERE, 'contenders', file), args, env: serverEnv(data), ready: READY });
