// The IDE at `/graphql`: Altair from the package's own files, so it works without the internet. Its windows are the canonical operations of
// schema/operations, and on loopback the demo's key is filled in.
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { getDistDirectory, renderAltair } from 'altair-static';
import type { FastifyInstance } from 'fastify';
import { packagePath } from '../platform/package-root.ts';

const OPERATIONS = packagePath('schema/operations/');
const TYPES: Record<string, string> = {
  '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.svg': 'image/svg+xml', '.png': 'image/png', '.json': 'application/json', '.woff': 'font/woff',
  '.woff2': 'font/woff2', '.ttf': 'font/ttf', '.ico': 'image/x-icon', '.map': 'application/json', '.wasm': 'application/wasm',
};

export interface IdeOptions {
  /** Shown in the windows' headers; null: an empty place to paste one into. Only ever the demo's, and only on loopback. */
  demoKey: string | null;
  /** Variables that make the windows answer at once, by operation. */
  variables: Record<string, Record<string, unknown>>;
  /** Where the page's browser reaches this server; Altair takes no relative addresses. */
  origin: string;
}

/** The page itself; `/graphql` gives it to browsers. */
export function idePage(options: IdeOptions): string {
  const headers = { Authorization: `Bearer ${options.demoKey ?? '<your key>'}` };
  const endpointURL = `${options.origin}/graphql`;
  const subscriptionsEndpoint = endpointURL.replace(/^http/, 'ws');
  const windows = canonicalOperations().map(({ name, text }) => ({
    initialName: name, initialQuery: text, initialVariables: JSON.stringify(options.variables[name] ?? {}, null, 2), initialHeaders: headers,
    initialSubscriptionsPayload: headers, initialSubscriptionRequestHandlerId: 'graphql-ws' as const, endpointURL, subscriptionsEndpoint,
  }));
  return renderAltair({
    baseURL: '/graphql/ide/', endpointURL, subscriptionsEndpoint, initialHeaders: headers, initialSubscriptionsPayload: headers,
    initialSubscriptionRequestHandlerId: 'graphql-ws', initialWindows: windows as never, instanceStorageNamespace: 'throughline_', preserveState: false, disableAccount: true,
    initialSettings: { 'alert.disableUpdateNotification': true, 'banners.disable': true, 'schema.reloadOnStart': true } as never,
  });
}

/** The operations of schema/operations, by name. */
export function canonicalOperations(): { name: string; text: string }[] {
  return readdirSync(OPERATIONS)
    .filter((file) => file.endsWith('.graphql'))
    .sort()
    .map((file) => ({ name: file.replace(/\.graphql$/, ''), text: readFileSync(join(OPERATIONS, file), 'utf8') }));
}

/** Serves Altair's files under `/graphql/ide/`. */
export function addIdeFiles(server: FastifyInstance): void {
  const root = getDistDirectory();
  server.get('/graphql/ide/*', async (request, reply) => {
    const path = normalize(join(root, (request.params as { '*': string })['*']));
    const type = TYPES[extname(path)];
    // A file that isn't there, or can't be by its name.
    const content = type && path.startsWith(join(root, '/')) ? await readFile(path).catch(() => null) : null;
    if (content === null) return reply.code(404).send({ error: { code: 'NOT_FOUND', message: 'The IDE has no such file.' } });
    return reply.header('cache-control', 'public, max-age=3600').header('content-type', type).send(content);
  });
}
