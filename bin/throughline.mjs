#!/usr/bin/env node
// The command `throughline`: src/cli.ts, read by tsx, from whatever folder it is called.
process.env.NODE_ENV ??= 'production';
const { register } = await import('tsx/esm/api');
register();
await import('../src/cli.ts');
