// Requests as the door hands them on, and the fixtures: ours, and those beside the project, which tests read when they are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawRequest } from '../../../src/channels/channel.ts';

export const HOOK = 'https://desk.example/hooks/twilio/end_00000000000000000000000000000001';

export const posted = (body: string | Buffer, o: Partial<RawRequest> = {}): RawRequest => ({
  method: 'POST', url: HOOK, headers: { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }, body: Buffer.from(body), ...o,
});

export const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();

/** Without lone surrogates, which UTF-8 can't carry. */
export const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

const OURS = fileURLToPath(new URL('../../fixtures/', import.meta.url));
/** A fixture of the project, posted. */
export const fixture = (name: string, o: Partial<RawRequest> = {}): RawRequest => posted(readFileSync(join(OURS, name)), o);

const SHARED = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));

export interface SharedFile {
  name: string;
  body: Buffer;
  /** What another project expects of it. */
  oracle: Record<string, unknown> | null;
}

/** Recorded payloads beside the project, below `folders`; null (and a line that says so) when they aren't there. */
export function sharedFiles(...folders: string[]): SharedFile[] | null {
  const missing = folders.filter((folder) => !existsSync(join(SHARED, folder)));
  if (missing.length > 0) {
    console.log(`Skipped: ../shared/fixtures has no ${missing.join(', ')}.`);
    return null;
  }
  return folders.flatMap((folder) =>
    readdirSync(join(SHARED, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const oracle = join(SHARED, folder, '_oracle', entry.name.replace(/\.\w+$/, '.expect.json'));
        return {
          name: `${folder}/${entry.name}`, body: readFileSync(join(SHARED, folder, entry.name)),
          oracle: existsSync(oracle) ? (JSON.parse(readFileSync(oracle, 'utf8')) as { expect: Record<string, unknown> }).expect : null,
        };
      }),
  );
}
