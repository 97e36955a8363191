import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // Packages load graphql as CommonJS and as ESM; two copies refuse each other's schemas.
    alias: [{ find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) }],
  },
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/harness/setup.ts'],
    setupFiles: ['tests/harness/loopback.ts'],
    pool: 'forks',
    // Two cores, and a third of the files wait for processes and sockets most of the time.
    maxWorkers: 3,
    // The driver throws from a timer when a backend dies under it; main.ts takes no notice of it either (platform/db.ts, isDriverFault).
    onUnhandledError: (error) => !/\bnextWrite\b/.test(error.stack ?? ''),
    testTimeout: 20_000,
    hookTimeout: 40_000,
    teardownTimeout: 20_000,
    server: { deps: { inline: [/@pothos/, /graphql-ws/, /@apollo/] } },
  },
});
