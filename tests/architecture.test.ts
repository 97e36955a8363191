import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A folder imports itself and what stands before it (ARCHITECTURE.md). */
const ORDER = [
  'schema', 'platform', 'events', 'access', 'graphql', 'workspaces', 'identities', 'customers', 'channels', 'conversations', 'messages', 'calls', 'crm', 'parting', 'knowledge', 'routing', 'automation',
  'merging', 'inbound', 'visitors', 'timeline', 'analytics', 'realtime', 'desk', 'webhooks', 'live', 'sandbox', 'simulate', 'server', 'main.ts', 'cli.ts',
];
/** Types that everybody may name: who acts, and what a channel says. */
const TYPES_ANYWHERE = new Set(['src/access/viewer.ts', 'src/access/permissions.ts', 'src/channels/channel.ts']);

const filesBelow = (dir: string): string[] =>
  readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesBelow(join(dir, entry.name)) : /\.tsx?$/.test(entry.name) ? [join(dir, entry.name)] : []));
const sources = [...filesBelow('src'), ...filesBelow('schema')];
const roomOf = (file: string): string => (file.startsWith('schema/') ? 'schema' : file.split('/')[1]!);

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}
const imports: Import[] = sources.flatMap((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'/gms)].map(([, type, path]) => ({
    from: file, to: relative(ROOT, resolve(join(ROOT, dirname(file)), path!)), typeOnly: type !== undefined,
  }));
});

describe('the house', () => {
  it('every import names a file that is there', () => {
    expect(imports.filter(({ to }) => !existsSync(join(ROOT, to)))).toEqual([]);
    expect(imports.length).toBeGreaterThan(200);
  });

  it('every folder stands in the import order', () => {
    expect([...new Set(sources.map(roomOf))].filter((room) => !ORDER.includes(room))).toEqual([]);
  });

  it('no folder imports a later one', () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => ORDER.indexOf(roomOf(to)) > ORDER.indexOf(roomOf(from)) && !(typeOnly && TYPES_ANYWHERE.has(to)));
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('inside a folder, actions and pure files know nothing of the graph', () => {
    const wrong = imports.filter(({ from, to }) => /\/(fields|mutations|actor)\.ts$/.test(to) && roomOf(from) === roomOf(to) && !/\/(fields|mutations|subscriptions|actor)\.ts$/.test(from) && roomOf(from) !== 'server');
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('files are named for what they do', () => {
    expect(sources.filter((file) => /(^|\/)(utils?|helpers?|common|misc|shared|manager|service|index)s?(\/|\.ts$)/i.test(file))).toEqual([]);
  });

  it('no file is longer than a reader can take in', () => {
    const long = sources.filter((file) => !file.endsWith('.generated.ts') && readFileSync(join(ROOT, file), 'utf8').split('\n').length > 420);
    expect(long).toEqual([]);
  });

  it('only its own folder writes a table', () => {
    const owners: Record<string, string[]> = {
      customers: ['identities', 'customers'], identities: ['identities'], claims: ['identities'], attribute_observations: ['identities', 'customers'], conversations: ['conversations', 'events'],
      conversation_participants: ['conversations'], conversation_changes: ['parting'], conversation_change_items: ['parting'], referrals: ['messages'], reactions: ['messages'], blobs: ['messages'], messages: ['messages'], message_parts: ['messages'], attempts: ['messages'], receipts: ['messages'], watermarks: ['messages'], threads: ['messages'], calls: ['calls'], call_steps: ['calls'],
      notes: ['crm'], external_records: ['crm'], event_outbox: ['events'], timeline_entries: ['events'], deliveries: ['inbound'], inbound_events: ['inbound'], inbound_keys: ['inbound'],
      channel_accounts: ['channels'], channel_endpoints: ['channels'], routing_rules: ['routing'], routing_decisions: ['routing'], api_keys: ['workspaces'], idempotency_keys: ['graphql'],
    };
    const wrong = sources.flatMap((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      return [...text.matchAll(/\b(?:insert into|update|delete from)\s+([a-z_]+)\b/g)]
        .filter(([, table]) => owners[table!] && !owners[table!]!.includes(roomOf(file)))
        .map(([, table]) => `${file} writes ${table}`);
    });
    // The seed writes history in bulk, the demo marks its past as sent, housekeeping forgets: all in server/, which knows everything.
    expect(wrong.filter((line) => !/^src\/server\/(seed|demo|housekeeping)\.ts/.test(line))).toEqual([]);
  });
});
