// What `throughline import` reads: .eml files of a folder and below, single ones, and mboxes, one mail at a time.
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { mboxMails } from '../../channels/email/mbox.ts';
import { UsageError } from './command.ts';

/** A mail above this isn't read. */
export const MAIL_BYTES_MAX = 100 * 1024 * 1024;

export interface FoundMail {
  /** Relative to what was named; of a mail in an mbox with the byte at which it begins: `2019.mbox#40962`. */
  file: string;
  /** Null when it is larger than `MAIL_BYTES_MAX`. */
  raw: Buffer | null;
}
export interface MailFiles {
  /** How many mails there are. */
  count: number;
  /** Files of a folder that are neither .eml nor .mbox. */
  passedOver: number;
  /** In the order of the files' names. */
  mails: AsyncGenerator<FoundMail>;
}
interface Source {
  path: string;
  name: string;
  isMbox: boolean;
}

/** @throws UsageError when there is nothing at the path */
export async function mailFiles(path: string): Promise<MailFiles> {
  const there = await stat(path).catch(() => null);
  if (!there) throw new UsageError(`There is no file or folder ${path}.`);
  const { sources, passedOver } = there.isDirectory() ? await inFolder(path) : { sources: [await single(path)], passedOver: 0 };
  let count = 0;
  for (const source of sources) count += source.isMbox ? await countMails(source.path) : 1;
  return { count, passedOver, mails: read(sources) };
}

async function inFolder(folder: string): Promise<{ sources: Source[]; passedOver: number }> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sources = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => ['.eml', '.mbox'].includes(extname(path).toLowerCase()))
    .map((path) => ({ path, name: relative(folder, path), isMbox: extname(path).toLowerCase() === '.mbox' }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { sources, passedOver: entries.length - sources.length };
}

/** An mbox has no name of its own: it begins with a line `From …`. */
async function single(path: string): Promise<Source> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(5), 0, 5, 0);
    return { path, name: basename(path), isMbox: extname(path).toLowerCase() === '.mbox' || buffer.toString('latin1', 0, bytesRead) === 'From ' };
  } finally {
    await file.close();
  }
}

async function countMails(path: string): Promise<number> {
  let count = 0;
  for await (const _mail of mboxMails(createReadStream(path), { bytesMax: MAIL_BYTES_MAX })) count++;
  return count;
}

async function* read(sources: readonly Source[]): AsyncGenerator<FoundMail> {
  for (const { path, name, isMbox } of sources) {
    if (isMbox) {
      for await (const { raw, offset } of mboxMails(createReadStream(path), { bytesMax: MAIL_BYTES_MAX })) yield { file: `${name}#${offset}`, raw };
    } else {
      const { size } = await stat(path);
      yield { file: name, raw: size > MAIL_BYTES_MAX ? null : await readFile(path) };
    }
  }
}
