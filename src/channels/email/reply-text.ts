// Plain text -> what the sender wrote now, what he quotes, and his signature. Pure. The whole text is always kept beside it.
import EmailReplyParser from 'email-reply-parser';

export interface ReplyText {
  visible: string;
  quoted: string | null;
  signature: string | null;
}

/**
 * The library's expressions read every line backwards; beyond this a text is no letter, and a regular expression must not hold the
 * process up.
 */
const LENGTH_MAX = 60_000;
const LINES_MAX = 2_000;
const LINE_MAX = 1_000;

/**
 * Splits a reply. A mail that is nothing but a quote (a forward without a word) is shown whole, since that is what was sent.
 * A text that is too long is searched in its first 60,000 characters; when nothing is quoted there, all of it is visible.
 */
export function splitReply(text: string): ReplyText {
  const whole = text.replace(/\r\n?/g, '\n');
  const { head, rest } = searchable(whole);
  let visible: string[] = [];
  let quoted: string[] = [];
  const signature: string[] = [];
  for (const fragment of new EmailReplyParser().read(head).getFragments()) {
    const content = fragment.getContent();
    if (!fragment.isHidden()) visible.push(content);
    else if (fragment.isSignature()) signature.push(content);
    else quoted.push(content);
  }
  if (rest !== '') {
    if (quoted.length) quoted.push(rest);
    else visible = [whole];
  }
  let shown = trimmed(visible.join('\n'));
  const attribution = quoted[0]?.trimStart().startsWith('>') ? ATTRIBUTION.exec(shown.slice(-700))?.[1] : undefined;
  if (attribution !== undefined) {
    shown = shown.slice(0, -attribution.length).trimEnd();
    quoted.unshift(attribution);
  }
  if (shown === '') {
    shown = trimmed([...visible, ...quoted].join('\n')) || trimmed(signature.join('\n'));
    if (quoted.length) quoted = [];
  }
  return { visible: shown, quoted: trimmed(quoted.join('\n')) || null, signature: trimmed(signature.join('\n')) || null };
}

function searchable(text: string): { head: string; rest: string } {
  let end = Math.min(text.length, LENGTH_MAX);
  let at = 0;
  for (let lines = 0; at < end; lines++) {
    const next = text.indexOf('\n', at);
    const stop = next < 0 ? text.length : next;
    if (lines === LINES_MAX || stop - at > LINE_MAX) {
      end = at;
      break;
    }
    at = stop + 1;
  }
  return end >= text.length ? { head: text, rest: '' } : { head: text.slice(0, end), rest: text.slice(end) };
}

/**
 * The line above a quote, in any language: a name or date, an address, a few words, a colon; some clients break it before the last word.
 */
const ATTRIBUTION = /(?:^|\n)((?:(?:On|Am|Le|El|Il|Em|Op|Den|W dniu)\b[^\n]{0,100}\n(?:[^\n]{1,100}\n){0,2}?)?[^\n]{0,300}<?[^\s<>@]{1,64}@[^\s<>]{1,255}>?[^\n]{0,60}(?:\n[^\n]{1,60})?:)[ \t]*$/u;

/** Without empty lines around it, and with no more than one between paragraphs. */
const trimmed = (text: string): string => text.replace(/^(?:[ \t]*\n)+/, '').trimEnd().replace(/\n(?:[ \t]*\n){2,}/g, '\n\n');
