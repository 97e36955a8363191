import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMail } from '../../../src/channels/email/parse.ts';
import { uuFile, withoutUuFiles } from '../../../src/channels/email/uuencode.ts';
import { mail } from './builders.ts';

/** As POSIX writes it; `zero` is what stands for six zero bits: a grave accent, or a blank by older programs. */
function encoded(filename: string, content: Buffer, zero = '`'): string {
  const character = (sextet: number) => (sextet === 0 ? zero : String.fromCharCode(32 + sextet));
  const lines: string[] = [];
  for (let at = 0; at < content.length; at += 45) {
    const line = content.subarray(at, at + 45);
    let text = character(line.length);
    for (let i = 0; i < line.length; i += 3) {
      const [a, b, c] = [line[i]!, line[i + 1] ?? 0, line[i + 2] ?? 0];
      text += [a >> 2, ((a & 3) << 4) | (b >> 4), ((b & 15) << 2) | (c >> 6), c & 63].map(character).join('');
    }
    lines.push(text);
  }
  return [`begin 644 ${filename}`, ...lines, zero, 'end'].join('\n');
}
const contents = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));

describe('a file in the encoding from before MIME', () => {
  test('is read whatever it holds, with either form of nothing, and with blanks lost at the ends of its lines', () => {
    fc.assert(fc.property(contents, fc.constantFrom('`', ' '), fc.boolean(), (content, zero, trimmed) => {
      const text = encoded('a b.bin', content, zero).split('\n').map((line) => (trimmed ? line.trimEnd() : line)).join('\r\n');
      expect(uuFile(Buffer.from(text, 'latin1'))).toEqual({ filename: 'a b.bin', content });
    }));
  });

  test('is taken out of the text around it', () => {
    fc.assert(fc.property(contents, contents, (one, two) => {
      const { text, files } = withoutUuFiles(`Hello\n${encoded('1.txt', one)}\nand\n${encoded('2.txt', two)}\nBye`);
      expect(text).toBe('Hello\nand\nBye');
      expect(files).toEqual([{ filename: '1.txt', content: one }, { filename: '2.txt', content: two }]);
    }));
  });

  test('that is none stays text', () => {
    for (const text of ['begin 644 x.txt\nwhat begins\nand never ends', 'begin 644 the work\n\tnow\nend', 'to begin 644 x\nend', 'begin 64 x\n`\nend', 'end\nbegin 644 x\n#0V%T']) {
      expect(withoutUuFiles(text)).toEqual({ text, files: [] });
      expect(uuFile(Buffer.from(text))).toBeNull();
    }
    fc.assert(fc.property(fc.string(), (text) => {
      if (!/^end\s*$/m.test(text)) expect(withoutUuFiles(text)).toEqual({ text, files: [] });
    }));
    const began = performance.now();
    withoutUuFiles(`${'begin 644 x\n'.repeat(50_000)}end`);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

test('a mail’s uuencoded part and the one in its text are attachments with what was encoded', async () => {
  const content = Buffer.from('%PDF-1.7 from the scanner \u0000\u00ff', 'latin1');
  const raw = mail({ From: 'scan@acme.example', To: 'support@acme.example', 'MIME-Version': '1.0', 'Content-Type': 'multipart/mixed; boundary=B' }, [
    '--B', 'Content-Type: text/plain', '', `Scanned.\n${encoded('text.bin', content)}`,
    '--B', 'Content-Type: application/pdf', 'Content-Transfer-Encoding: x-uuencode', 'Content-Disposition: attachment', '', encoded('scan.pdf', content),
    '--B', 'Content-Type: text/plain; name=kept.uue', 'Content-Disposition: attachment', '', encoded('kept.txt', content), '--B--'].join('\n'));
  const { events, files } = await parseMail(raw);
  expect(events[0]!.message!.parts).toMatchObject([
    { type: 'text', text: 'Scanned.' }, { type: 'media', filename: 'scan.pdf', mime: 'application/pdf', size: content.length }, { type: 'media', filename: 'kept.uue' },
    { type: 'media', filename: 'text.bin', mime: 'application/octet-stream', size: content.length },
  ]);
  expect(files[0]!.content).toEqual(content);
});
