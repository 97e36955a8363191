import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../src/platform/config.ts';
import { createLog } from '../src/platform/log.ts';
import { startServer, type Server } from '../src/server/start.ts';
import { testDatabase, type TestDatabase } from './harness/database.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = (language: string, text: string): string[] => [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!);

let db: TestDatabase;
let server: Server;
let dir: string;

beforeAll(async () => {
  db = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), 'throughline-readme-'));
  server = await startServer({
    config: readConfig({ PORT: '0', DATA_DIR: dir, SECRET_KEY: 'a secret of the tests, long enough for it' }),
    database: { url: db.url, migrationUrl: db.url, announce: async () => {}, close: async () => {} }, log: createLog({ level: 'silent' }),
  });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await db.close();
  await rm(dir, { recursive: true });
});

describe('the README', () => {
  it('begins with a query whose answer on the demo is the one that stands below it', async () => {
    const response = await fetch(`${server.address}/graphql`, {
      method: 'POST', headers: { authorization: `Bearer ${server.demo!.adminKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ query: blocks('graphql', README)[0] }),
    });
    const { data } = (await response.json()) as { data: unknown };
    expect({ data }).toEqual(JSON.parse(blocks('json', README)[0]!));
  });

  const tools = ['bash', 'curl', 'openssl'].filter((tool) => spawnSync(tool, ['--version']).error && spawnSync(tool, ['version']).error);
  it.skipIf(tools.length > 0)('has a journey whose commands, typed as they stand, show the three channels, the note and the order in one request', async () => {
    const journey = README.slice(README.indexOf('## The journey'), README.indexOf('## What holds'));
    const script = blocks('sh', journey).join('\n').replace('http://127.0.0.1:4000', server.address).replace('KEY=tl_…', `KEY=${server.demo!.adminKey}`);
    const { stdout: output } = await promisify(execFile)('bash', ['-eu', '-c', script], { timeout: 50_000 });
    const last = JSON.parse(output.slice(output.lastIndexOf('{"data":{"agentWorkspace"'))) as { data: { agentWorkspace: Record<string, any> } };
    const { customer, history, timeline, notes, externalRecords } = last.data.agentWorkspace;
    expect(customer.name).toBe('Grace Hopper');
    expect(new Set(history.nodes.flatMap((c: { channels: string[] }) => c.channels))).toEqual(new Set(['LIVE_CHAT', 'EMAIL', 'VOICE']));
    expect(timeline.nodes[0]).toMatchObject({ channel: 'VOICE', summary: 'The customer is calling' });
    expect(notes.nodes).toMatchObject([{ body: 'Tracking stuck in Leipzig.', externalRecords: [{ title: 'Order #48822' }] }]);
    expect(externalRecords.nodes).toMatchObject([{ title: 'Order #48822', status: 'SHIPPED' }]);
  }, 60_000);
});
