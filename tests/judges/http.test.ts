// The judge of GraphQL over HTTP: graphql-http's audits, https://github.com/graphql/graphql-http/tree/main/implementations
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditServer } from 'graphql-http';
import { startTestServer, type TestServer } from '../harness/server.ts';

/**
 * Apollo Server answers an unreadable document, an invalid one and unfit variables with 400 where the specification says that it SHOULD be 200
 * for `Accept: application/json`: so do the figures that graphql-http publishes of it.
 */
const KNOWN_WARNINGS = ['572B', '7B9B', 'FDE2'];

let server: TestServer;
let key: string;
beforeAll(async () => {
  server = await startTestServer();
  key = (await server.workspace()).keys.ADMIN;
});
afterAll(() => server.stop());

test('graphql-http finds no error, and warns of nothing but what is known of Apollo Server', async () => {
  const results = await auditServer({
    url: `${server.address}/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) => fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${key}` } }),
  });
  const told = (status: string) => results.filter((result) => result.status === status).map(({ id, name, ...rest }) => `${id} ${name}: ${'reason' in rest ? rest.reason : ''}`);
  expect(results.length).toBeGreaterThan(55);
  expect(told('error')).toEqual([]);
  expect(told('warn').map((line) => line.slice(0, 4)).sort(), told('warn').join('\n')).toEqual(KNOWN_WARNINGS);
});
