// A data directory that is recovered to a point in time, as backups of files are: the cluster is the same one, and PostgreSQL begins a new timeline in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor, openLog } from '../../src/events/log.ts';
import { openPool } from '../../src/platform/db.ts';
import { startEmbedded } from '../../src/platform/embedded-postgres.ts';
import { newId } from '../../src/platform/ids.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { SECRET_KEY } from '../harness/server.ts';

test('cursors of before it get RESYNC, also where the log is as long as it was; after a mere restart they count', { timeout: 60_000 }, async () => {
  initSecrets(SECRET_KEY);
  const dataDir = mkdtempSync(join(tmpdir(), 'throughline-recovered-'));
  const workspaceId = newId();
  let cluster = dataDir;
  /** Starts it, reads which log it is, and stops it. */
  const cursorOf = async (settings: Record<string, string> = {}): Promise<string> => {
    const postgres = await startEmbedded({ dataDir, say: () => {}, settings: { fsync: 'off', ...settings } });
    cluster = postgres.dir;
    await migrate(postgres.url);
    const app = openPool({ url: postgres.url, role: 'throughline_app', max: 1, applicationName: 'test app' });
    await openLog(app);
    await app.end({ timeout: 1 });
    await postgres.stop();
    return encodeCursor(workspaceId, 0);
  };
  try {
    const before = await cursorOf();
    expect(await cursorOf()).toBe(before);
    expect(decodeCursor(workspaceId, before)).toBe(0);
    writeFileSync(join(cluster, 'recovery.signal'), '');
    expect(await cursorOf({ restore_command: 'false' })).not.toBe(before);
    expect(() => decodeCursor(workspaceId, before)).toThrow(expect.objectContaining({ code: 'RESYNC' }));
  } finally {
    rmSync(cluster, { recursive: true, force: true });
    rmSync(dataDir, { recursive: true, force: true });
  }
});
