// Large content outside the database: raw deliveries, attachments, recordings. Named by its own hash within a workspace, so writing the
// same content twice is writing it once, and a file never changes.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nowMs } from './clock.ts';
import { sha256Of } from './large-bytes.ts';

export interface Blobs {
  /** @returns the SHA-256, in hex, once the content would survive a power cut. */
  put(workspaceId: string, content: Buffer): Promise<string>;
  /** Null when the workspace has no such content. @throws Error when the file isn't what was written. */
  get(workspaceId: string, sha256: string): Promise<Buffer | null>;
  /** Nothing happens when it isn't there. */
  remove(workspaceId: string, sha256: string): Promise<void>;
  /** Removes it unless it was put, again or first, after `since` (RFC 3339): whoever put it may be about to say that he holds it. */
  removeUnused(workspaceId: string, sha256: string, since: string): Promise<void>;
}

/** Files under `dir/<workspace>/<first two digits>/<sha256>`. */
export function folderBlobs(dir: string): Blobs {
  return {
    async put(workspaceId, content) {
      const sha256 = await sha256Of(content);
      const path = pathOf(dir, workspaceId, sha256);
      if (await exists(path)) return sha256;
      await makeFolders(dirname(path));
      // Complete or not there: the final name appears by a rename, and the folder's entry is flushed like the content.
      const unfinished = `${path}.${randomBytes(6).toString('hex')}`;
      try {
        const file = await open(unfinished, 'wx', 0o600);
        try {
          await file.writeFile(content);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(unfinished, path);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      await flushFolder(dirname(path));
      return sha256;
    },
    async get(workspaceId, sha256) {
      const content = await readFile(pathOf(dir, workspaceId, sha256)).catch(missing);
      if (content && (await sha256Of(content)) !== sha256) throw new Error(`The stored file ${sha256} was damaged.`);
      return content;
    },
    async remove(workspaceId, sha256) {
      const path = pathOf(dir, workspaceId, sha256);
      await rm(path, { force: true });
      await flushFolder(dirname(path)).catch(missing);
    },
    async removeUnused(workspaceId, sha256, since) {
      const path = pathOf(dir, workspaceId, sha256);
      // Out of the way first: who puts it from here on writes it anew, and who put it before has left his mark on it.
      const aside = `${path}.${randomBytes(6).toString('hex')}`;
      const isThere = await rename(path, aside).then(() => true, missing);
      if (!isThere) return;
      if ((await stat(aside)).mtimeMs >= Date.parse(since)) await rename(aside, path);
      else await rm(aside, { force: true });
      await flushFolder(dirname(path)).catch(missing);
    },
  };
}

function pathOf(dir: string, workspaceId: string, sha256: string): string {
  if (!/^[0-9a-f-]{36}$/.test(workspaceId) || !/^[0-9a-f]{64}$/.test(sha256)) throw new Error('A blob is named by a workspace and a SHA-256.');
  return join(dir, workspaceId, sha256.slice(0, 2), sha256);
}

// Whoever wrote it may not have flushed the folder yet; a second flush is cheap and ends the doubt.
async function exists(path: string): Promise<boolean> {
  if (!(await stat(path).catch(missing))) return false;
  // That it was put again: it isn't removed as unused while whoever did so has yet to say that he holds it.
  const at = nowMs() / 1000;
  if (!(await utimes(path, at, at).then(() => true, missing))) return false;
  await flushFolder(dirname(path));
  return true;
}

/** Makes what is missing and flushes each parent that got a new entry. */
async function makeFolders(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (!first) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await flushFolder(dirname(at));
}

async function flushFolder(path: string): Promise<void> {
  // Windows can't open a folder; its file systems keep their entries in a journal.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function missing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
