// Files in the encoding that mail had before MIME, which scanners, fax gateways and old programs still write: as a part that names it
// (`Content-Transfer-Encoding: x-uuencode`, which the MIME library hands on as it is) or in the middle of a text. POSIX `uuencode`.
const BEGIN = /^begin [0-7]{3,4} ([^\r\n]{1,255})\r?$/;

export interface UuFile {
  filename: string;
  content: Buffer;
}

/** The file that these bytes are, and nothing else; null when they aren't one. */
export function uuFile(bytes: Buffer): UuFile | null {
  if (!/^\s{0,20}begin [0-7]{3,4} /.test(bytes.subarray(0, 60).toString('latin1'))) return null;
  const { text, files } = withoutUuFiles(bytes.toString('latin1'));
  return files.length === 1 && text.trim() === '' ? files[0]! : null;
}

/** The text without the files in it, and the files. What begins one and never ends it stays text. */
export function withoutUuFiles(text: string): { text: string; files: UuFile[] } {
  if (!/^begin [0-7]{3,4} /m.test(text)) return { text, files: [] };
  const kept: string[] = [];
  const files: UuFile[] = [];
  const lines = text.split('\n');
  // Looked for once: without it, every `begin` of a hostile text would be read to its end.
  const lastEnd = lines.findLastIndex((line) => line.trimEnd() === 'end');
  for (let i = 0; i < lines.length; i++) {
    const filename = i < lastEnd ? BEGIN.exec(lines[i]!)?.[1] : undefined;
    const file = filename === undefined ? null : fileAt(lines, i + 1);
    if (!file) {
      kept.push(lines[i]!);
      continue;
    }
    files.push({ filename: filename!, content: file.content });
    i = file.end;
  }
  return { text: kept.join('\n'), files };
}

/** From the line after `begin` to `end`; null when a line among them can't be of a file. */
function fileAt(lines: string[], from: number): { content: Buffer; end: number } | null {
  const chunks: Buffer[] = [];
  for (let i = from; i < lines.length; i++) {
    const line = lines[i]!.trimEnd();
    if (line === 'end') return { content: Buffer.concat(chunks), end: i };
    const chunk = bytesOf(line);
    if (!chunk) return null;
    chunks.push(chunk);
  }
  return null;
}

/** A line says how many bytes it holds, at most 63, then four characters for three of them. Blanks at its end may have got lost. */
function bytesOf(line: string): Buffer | null {
  if (!/^[ -`]{0,90}$/.test(line)) return null;
  const count = line === '' ? 0 : (line.charCodeAt(0) - 32) & 63;
  if (line.length > Math.ceil(count / 3) * 4 + 2) return null;
  const bytes = Buffer.alloc(Math.ceil(count / 3) * 3);
  const sextet = (at: number) => (at < line.length ? (line.charCodeAt(at) - 32) & 63 : 0);
  for (let at = 1, to = 0; to < count; at += 4, to += 3) {
    bytes.writeUIntBE((sextet(at) << 18) | (sextet(at + 1) << 12) | (sextet(at + 2) << 6) | sextet(at + 3), to, 3);
  }
  return bytes.subarray(0, count);
}
