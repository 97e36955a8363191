// An mbox file -> its mails, one after the other, in bounded memory. RFC 4155 and the mboxrd convention for `From ` lines in bodies.
import type { Readable } from 'node:stream';

const FROM = Buffer.from('From ');
const LF = 0x0a;

export interface MboxMail {
  /** Null when the mail is larger than allowed: it was passed over. */
  raw: Buffer | null;
  /** Of the mail's `From ` line, in bytes from the beginning of the file: where a resumed import begins. */
  offset: number;
  bytes: number;
}

/**
 * Yields the mails of an mbox. A mail begins at a line `From …` at the beginning of the file or after an empty line; `>From ` and
 * `>>From ` in a body
 * lose one `>`. Holds one mail in memory; of one larger than `bytesMax` (default 100 MB) only its place is told.
 */
export async function* mboxMails(input: Readable | AsyncIterable<Buffer>, options: { bytesMax?: number; offset?: number } = {}): AsyncGenerator<MboxMail> {
  const bytesMax = options.bytesMax ?? 100 * 1024 * 1024;
  let position = options.offset ?? 0;
  let mail: { lines: Buffer[]; bytes: number; kept: number; offset: number } | null = null;
  let afterEmpty = true;

  const finished = (current: NonNullable<typeof mail>): MboxMail => ({
    raw: current.kept > bytesMax ? null : withoutLastEmptyLine(Buffer.concat(current.lines)),
    offset: current.offset,
    bytes: current.bytes,
  });
  for await (const line of lines(input, bytesMax)) {
    const begins = afterEmpty && line.subarray(0, 5).equals(FROM);
    if (begins) {
      if (mail) yield finished(mail);
      mail = { lines: [], bytes: line.length, kept: 0, offset: position };
    } else if (mail) {
      const unescaped = isEscapedFrom(line) ? line.subarray(1) : line;
      mail.bytes += line.length;
      mail.kept += unescaped.length;
      if (mail.kept <= bytesMax) mail.lines.push(unescaped);
      else mail.lines.length = 0;
    }
    position += line.length;
    afterEmpty = isEmpty(line);
  }
  if (mail) yield finished(mail);
}

/** Lines with their ends. A line beyond the limit comes in pieces, so that a file without line ends can't fill the memory. */
async function* lines(input: AsyncIterable<Buffer | string>, lengthMax: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const piece of input) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    let start = 0;
    for (let end = chunk.indexOf(LF, start); end >= 0; end = chunk.indexOf(LF, start)) {
      const tail = chunk.subarray(start, end + 1);
      yield parts.length ? Buffer.concat([...parts, tail]) : tail;
      parts = [];
      held = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      held += chunk.length - start;
    }
    if (held > lengthMax) {
      yield Buffer.concat(parts);
      parts = [];
      held = 0;
    }
  }
  if (parts.length) yield Buffer.concat(parts);
}

const isEmpty = (line: Buffer): boolean => line.length === 1 || (line.length === 2 && line[0] === 0x0d);

/** `>`, then any more of them, then `From `. */
function isEscapedFrom(line: Buffer): boolean {
  let at = 0;
  while (line[at] === 0x3e) at++;
  return at > 0 && line.subarray(at, at + 5).equals(FROM);
}

/** The empty line before the next `From ` belongs to the file, not to the mail. */
function withoutLastEmptyLine(mail: Buffer): Buffer {
  if (mail.length >= 4 && mail.subarray(-4).toString('latin1') === '\r\n\r\n') return mail.subarray(0, -2);
  return mail.length >= 2 && mail[mail.length - 1] === LF && mail[mail.length - 2] === LF ? mail.subarray(0, -1) : mail;
}
