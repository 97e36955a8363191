import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mboxMails } from '../../../src/channels/email/mbox.ts';

/** The file in pieces of `size` bytes. */
async function* pieces(file: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}
async function read(file: string, size = 7, options = {}) {
  const mails = [];
  for await (const one of mboxMails(pieces(Buffer.from(file), size), options)) mails.push({ ...one, raw: one.raw?.toString() ?? null });
  return mails;
}
const escaped = (body: string) => body.replace(/^(>*From )/gm, '>$1');

test('mails come out as they went in, however the file is cut', async () => {
  const line = fc.oneof(fc.constantFrom('', 'From here on', '>From there', '>>From deep', 'Fromage', ' From x', 'From: a@b'), fc.stringMatching(/^[ -~]{0,20}$/));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(line, { maxLength: 8 }), { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 40 }), async (bodies, size) => {
      const mails = bodies.map((lines, i) => `Subject: ${i}\n\n${lines.join('\n')}\n`);
      const file = mails.map((mail) => `From a@b.example Mon Jun  2 10:00:00 2025\n${escaped(mail)}\n`).join('');
      const found = await read(file, size);
      expect(found.map(({ raw }) => raw)).toEqual(mails);
      for (const { offset, bytes } of found) expect(file.slice(offset, offset + 5) === 'From ' && offset + bytes <= file.length).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('a resumed import begins where the last mail ended', async () => {
  const file = 'From a\nSubject: 1\n\none\n\nFrom b\nSubject: 2\n\ntwo\n\nFrom c\nSubject: 3\n\nthree\n';
  const [, second] = await read(file);
  const rest = [];
  for await (const one of mboxMails(pieces(Buffer.from(file).subarray(second!.offset), 5), { offset: second!.offset })) rest.push([one.offset, one.raw!.toString()]);
  expect(rest).toEqual([[second!.offset, 'Subject: 2\n\ntwo\n'], [second!.offset + second!.bytes, 'Subject: 3\n\nthree\n']]);
});

test('CRLF files, text before the first mail, no mail at all', async () => {
  expect((await read('From a\r\nSubject: 1\r\n\r\none\r\n\r\nFrom b\r\n\r\ntwo\r\n')).map(({ raw }) => raw)).toEqual(['Subject: 1\r\n\r\none\r\n', '\r\ntwo\r\n']);
  expect(await read('junk\n\nFrom a\nSubject: 1\n\none\n')).toMatchObject([{ raw: 'Subject: 1\n\none\n', offset: 6 }]);
  expect(await read('')).toEqual([]);
  expect(await read('nothing\n')).toEqual([]);
});

test('a mail that is too large is passed over and the next one found', async () => {
  const found = await read(`From a\n\n${'x'.repeat(60)}\n${'y\n'.repeat(100)}\nFrom b\n\ntwo\n`, 13, { bytesMax: 100 });
  expect(found.map(({ raw }) => raw)).toEqual([null, '\ntwo\n']);
});
