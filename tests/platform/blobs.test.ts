import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { newId } from '../../src/platform/ids.ts';

const folder = mkdtempSync(join(tmpdir(), 'throughline-blobs-'));
afterAll(() => rmSync(folder, { recursive: true }));
const blobs = folderBlobs(folder);

test('content is found under its hash, in its own workspace only', async () => {
  const [ours, theirs] = [newId(), newId()];
  const content = Buffer.from('a recording');
  const sha256 = await blobs.put(ours, content);
  expect(sha256).toBe(createHash('sha256').update(content).digest('hex'));
  expect(await blobs.get(ours, sha256)).toEqual(content);
  expect(await blobs.get(theirs, sha256)).toBeNull();
});

test('eight writers of the same content at once leave one file and nothing unfinished', async () => {
  const ws = newId();
  const written = await Promise.all(Array.from({ length: 8 }, () => blobs.put(ws, Buffer.alloc(100_000, 7))));
  expect(new Set(written).size).toBe(1);
  expect(readdirSync(join(folder, ws), { recursive: true }).filter((name) => String(name).includes('.'))).toEqual([]);
  expect(await blobs.get(ws, written[0]!)).toHaveLength(100_000);
});

test('removing is for good, and removing nothing is no error', async () => {
  const ws = newId();
  const sha256 = await blobs.put(ws, Buffer.from('x'));
  await blobs.remove(ws, sha256);
  await blobs.remove(ws, sha256);
  expect(await blobs.get(ws, sha256)).toBeNull();
});

test('a damaged file is an error, not an answer', async () => {
  const ws = newId();
  const sha256 = await blobs.put(ws, Buffer.from('as it was'));
  writeFileSync(join(folder, ws, sha256.slice(0, 2), sha256), 'as it is');
  await expect(blobs.get(ws, sha256)).rejects.toThrow(/damaged/);
});

test.each([['../../etc', 'a'.repeat(64)], [newId(), '../../../etc/passwd']])('no name leads out of the folder', async (ws, sha256) => {
  await expect(blobs.get(ws, sha256)).rejects.toThrow();
  await expect(blobs.remove(ws, sha256)).rejects.toThrow();
});
