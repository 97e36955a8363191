// Fixtures as the door hands them on: ours, and those beside the project, which tests read when they are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawRequest } from '../../src/channels/channel.ts';

const OURS = fileURLToPath(new URL('../fixtures/', import.meta.url));
const SHARED = fileURLToPath(new URL('../../../shared/fixtures/', import.meta.url));

export const json = (body: unknown, o: Partial<RawRequest> = {}): RawRequest => ({
  method: 'POST', url: 'https://desk.example/hooks/x/end_00000000000000000000000000000001', headers: { 'content-type': 'application/json' },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), ...o,
});
/** A fixture of the project, posted as JSON. */
export const fixture = (name: string, o: Partial<RawRequest> = {}): RawRequest => json(readFileSync(join(OURS, name), 'utf8'), o);

export interface SharedFile {
  name: string;
  body: Buffer;
  /** What another project expects of it, as it wrote it. */
  oracle: Record<string, unknown> | null;
}

/** Recorded payloads beside the project, below `folder`, with the oracle of the same name where there is one; null (and a line that says so) when they aren't there. */
export function sharedFiles(folder: string): SharedFile[] | null {
  const root = join(SHARED, folder);
  if (!existsSync(root)) {
    console.log(`Skipped: ../shared/fixtures has no ${folder}.`);
    return null;
  }
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/\/_(oracle|outbound)$/.test(entry.parentPath))
    .map((entry) => {
      const oracle = join(entry.parentPath, '_oracle', entry.name.replace(/\.\w+$/, '.expect.json'));
      return {
        name: join(entry.parentPath, entry.name).slice(root.length + 1), body: readFileSync(join(entry.parentPath, entry.name)),
        oracle: existsSync(oracle) ? (JSON.parse(readFileSync(oracle, 'utf8')) as Record<string, unknown>) : null,
      };
    });
}
