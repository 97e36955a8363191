import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** What has a graph of its own, looks at a process as a whole, or is mostly other processes: each of these files runs in a world of its own. */
const ALONE = ['graphql', 'faults', 'model', 'soak', 'fuzz', 'verify'].map((folder) => `tests/${folder}/**/*.test.ts`);

const project = (test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  resolve: {
    // Packages load graphql as CommonJS and as ESM; two copies refuse each other's schemas.
    alias: [{ find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) }],
  },
  test: {
    setupFiles: ['tests/harness/loopback.ts', 'tests/harness/fresh.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 40_000,
    ...test,
  },
});

export default defineConfig({
  test: {
    globalSetup: ['tests/harness/setup.ts'],
    projects: [
      project({ name: 'alone', include: ALONE }),
      // The modules of the others are loaded once a worker: to load them for each file took a quarter of the time.
      project({ name: 'together', include: ['tests/**/*.test.ts'], exclude: ALONE, isolate: false }),
    ],
    // Two cores, and a third of the files wait for processes and sockets most of the time.
    maxWorkers: 3,
    // The driver throws from a timer when a backend dies under it; main.ts takes no notice of it either (platform/db.ts, isDriverFault).
    onUnhandledError: (error) => !/\bnextWrite\b/.test(error.stack ?? ''),
    teardownTimeout: 20_000,
  },
});
