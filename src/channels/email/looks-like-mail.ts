// Whether bytes are a mail at all: our doors and imports take nothing that has no header field of one. (`parse` reads a bare body too.)

const HEAD_BYTES_MAX = 64 * 1024;
/** Fields of which every mail has some (RFC 5322, 3.6), and those that servers put before them. */
const FIELD = /^(from|to|cc|subject|date|message-id|received|return-path|delivered-to|mime-version|sender|reply-to|x-[a-z0-9-]{1,60})[ \t]*:/im;

export function looksLikeMail(raw: Buffer): boolean {
  const head = raw.subarray(0, HEAD_BYTES_MAX).toString('latin1');
  const end = /\r?\n\r?\n/.exec(head)?.index ?? head.length;
  return FIELD.test(head.slice(0, end));
}
