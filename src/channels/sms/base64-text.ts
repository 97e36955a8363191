// Pure: some carriers hand on a long message as base64 of its text. Told apart from what somebody really wrote by being strict.

const LENGTH_MIN = 60;

/**
 * The text behind one that is base64 and nothing else; null when it isn't, or when what it encodes isn't ordinary writing (a key, a file: its
 * sender meant the base64). The last character may be cut off. The caller keeps the original beside it, since this is a guess.
 */
export function textBehindBase64(text: string): string | null {
  const bare = text.replace(/\r?\n/g, '');
  if (bare.length < LENGTH_MIN || bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(bare)) return null;
  const bytes = Buffer.from(bare, 'base64');
  for (let cut = 0; cut <= 3; cut++) {
    try {
      const plain = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytes.length - cut));
      return isWriting(plain) ? plain : null;
    } catch {
      // An unfinished character of up to three bytes at the end; anything else fails every time.
    }
  }
  return null;
}

function isWriting(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/.test(text)) return false;
  const letters = text.match(/[\p{L}\p{M}\s]/gu)?.length ?? 0;
  const blanks = text.match(/\s/g)?.length ?? 0;
  return letters / [...text].length > 0.8 && blanks / text.length > 0.04;
}
