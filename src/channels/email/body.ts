// A mail's texts -> the text part that agents see: all of it, what is new, what is quoted, the signature, and the HTML as it came.
import type { Part } from '../channel.ts';
import { storable } from './clean.ts';
import { htmlPieces } from './html-text.ts';
import { splitReply } from './reply-text.ts';

export type TextPart = Extract<Part, { type: 'text' }>;

/**
 * Null when the mail holds no text at all. Plain text is preferred when there is any; HTML alone is rendered as plain text, its quotes
 * marked by `> `.
 */
export function textPart(text: string | null, html: string | null): TextPart | null {
  const part = splitText(text, html);
  // Where a limit cut a text, it may have cut a surrogate pair.
  return part && {
    ...part,
    text: storable(part.text),
    visibleText: storable(part.visibleText ?? ''),
    quotedText: part.quotedText && storable(part.quotedText),
    signature: part.signature && storable(part.signature),
  };
}

function splitText(text: string | null, html: string | null): TextPart | null {
  const plain = text !== null && text.trim() !== '' ? text.replace(/\r\n?/g, '\n').trimEnd() : null;
  if (plain !== null) {
    const { visible, quoted, signature } = splitReply(plain);
    return { type: 'text', text: plain, visibleText: visible, quotedText: quoted, signature, html };
  }
  return html === null || html.trim() === '' ? null : fromHtml(html);
}

/**
 * What the client marked as a quote is left out; the line that announces it ("On … wrote:") stands outside of the mark in many clients,
 * so each
 * piece before a quote is split as if the quote followed it.
 */
function fromHtml(html: string): TextPart {
  const pieces = htmlPieces(html);
  const whole = pieces.map((piece) => (piece.quoted ? prefixed(piece.text) : piece.text)).join('').trim();
  const visible: string[] = [];
  const quoted: string[] = [];
  const signatures: string[] = [];
  pieces.forEach((piece, i) => {
    if (piece.quoted) {
      quoted.push(piece.text.trim());
      return;
    }
    const own = piece.text.trim();
    if (own === '') return;
    const before = pieces[i + 1]?.quoted === true;
    const reply = splitReply(before ? `${own}\n> ${QUOTE_FOLLOWS}` : own);
    const announced = before && reply.visible.includes(QUOTE_FOLLOWS);
    const shown = announced ? reply.visible.replace(`> ${QUOTE_FOLLOWS}`, '').trim() : reply.visible;
    if (shown !== '' && !(announced && ATTRIBUTION.test(shown))) visible.push(shown);
    const rest = (reply.quoted ?? '').replace(`> ${QUOTE_FOLLOWS}`, '').trim();
    if (rest !== '') quoted.push(rest);
    if (reply.signature) signatures.push(reply.signature);
  });
  const shown = visible.join('\n\n').trim();
  return {
    type: 'text',
    text: whole,
    visibleText: shown === '' ? pieces.map((piece) => piece.text).join('').trim() : shown.replace(/\n{3,}/g, '\n\n'),
    quotedText: shown === '' ? null : quoted.filter((text) => text !== '').join('\n\n') || null,
    signature: signatures.join('\n') || null,
    html,
  };
}

const QUOTE_FOLLOWS = 'the quote';
/** A piece that is only the line above a quote. */
const ATTRIBUTION = /^[^\n]{0,300}(?:\n[^\n]{0,200})?:\s*$/;

const prefixed = (text: string): string => text.replace(/^(?=.)/gm, '> ');
