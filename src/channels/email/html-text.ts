// HTML -> plain text, in pieces that are the sender's own words or a quote. One pass of a tolerant tokenizer; nothing is recursive.
import { Parser } from 'htmlparser2';

export interface Piece {
  quoted: boolean;
  text: string;
}

/** Characters of text; what comes after is left out of the plain text (the HTML itself is kept). */
const TEXT_MAX = 500_000;

const BLOCKS = new Set([
  'address', 'article', 'aside', 'blockquote', 'center', 'dd', 'div', 'dl', 'dt', 'fieldset', 'figure', 'footer', 'form', 'h1',
  'h2', 'h3', 'h4', 'h5', 'h6',
  'header', 'hr', 'li', 'main', 'nav', 'ol', 'p', 'pre', 'section', 'table', 'tr', 'ul',
]);
const UNSEEN = new Set(['head', 'script', 'style', 'title', 'template', 'noscript', 'object', 'svg', 'math', 'xml']);
const EMPTY = new Set(['area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'source', 'track', 'wbr']);

type Attributes = Record<string, string>;

/** Elements that hold the quoted message. What each client writes was read off its mails. */
const QUOTE_CLASSES = new Set([
  'gmail_quote', 'gmail_quote_container', 'gmail_extra_quote', 'yahoo_quoted', 'moz-cite-prefix', 'moz-forward-container',
  'protonmail_quote', 'tutanota_quote', 'zmail_extra',
  'x_gmail_quote', 'mail_quote', 'mailru-blockquote', 'yandex-quote', 'front-blockquote', 'hs_reply', 'airmail_ext_on',
  'bloop_markdown_quote', 'iwp-quote',
  'ms-outlook-mobile-reference-message', 'gmx_quote', 'qt', 'freshdesk_quote', 'zendesk-quote',
]);
const QUOTE_IDS = new Set([
  'olk_src_body_section', 'mail-editor-reference-message-container', 'isforwardcontent', 'isreplycontent', 'mailbox-conversation',
  '_rp_quote',
]);
/** From these on everything that follows in the mail is the quoted message (Outlook closes the element before it). */
const QUOTE_BEGINS_IDS = new Set(['divrplyfwdmsg', 'x_divrplyfwdmsg', 'appendonsend', 'x_appendonsend', 'replysplit', 'stopspelling']);

/** Outlook's and Windows Mail's rule above `From: … Sent: …`. */
const OUTLOOK_RULE = /border(?:-top)?:\s*(?:none;\s*border-top:\s*)?solid\s+(?:#b5c4df|#e1e1e1|rgb\(\s*225,\s*225,\s*225\s*\))|border-top-color:\s*rgb\(\s*229,\s*229,\s*229\s*\)/i;

const isQuote = (name: string, attributes: Attributes): boolean =>
  (name === 'blockquote' && (attributes.type?.toLowerCase() === 'cite' || attributes.cite !== undefined)) ||
  words(attributes.class).some((word) => QUOTE_CLASSES.has(word)) ||
  QUOTE_IDS.has(attributes.id?.toLowerCase() ?? '');

const beginsQuote = (name: string, attributes: Attributes): boolean =>
  QUOTE_BEGINS_IDS.has(attributes.id?.toLowerCase() ?? '') ||
  (name === 'div' && attributes.style !== undefined && attributes.style.length < 2000 && OUTLOOK_RULE.test(attributes.style));

const isHidden = (attributes: Attributes): boolean =>
  attributes.hidden !== undefined || (attributes.style !== undefined && /(?:^|;)\s*display\s*:\s*none/i.test(attributes.style.slice(0, 2000)));

/**
 * The text of an HTML mail in the order of the document, neighbours of one kind joined. A blockquote that no client marks as a quote is
 * text
 * whose lines begin with `> `, so that reply-text.ts can judge it by the line before.
 */
export function htmlPieces(html: string): Piece[] {
  if (isTooDeep(html)) return [{ quoted: false, text: html.replace(/<[^<>]{0,1000}>/g, ' ').replace(/\s+/g, ' ').slice(0, TEXT_MAX) }];
  const pieces: Piece[] = [];
  /** Open elements: what closing one ends. */
  const open: { name: string; quote: boolean; unseen: boolean; indent: boolean; pre: boolean }[] = [];
  let quotes = 0;
  let unseen = 0;
  let indent = 0;
  let pre = 0;
  let quotedToEnd = false;
  let length = 0;
  /** The line being written, in pieces: joining it at every word would take the square of its length. */
  let line: string[] = [];
  let lineLength = 0;
  let endsInBlank = true;
  let emptyLines = 0;
  let linkHref: string | null = null;
  let linkText = '';

  const put = (text: string) => {
    const quoted = quotedToEnd || quotes > 0;
    const last = pieces[pieces.length - 1];
    if (last?.quoted === quoted) last.text += text;
    else pieces.push({ quoted, text });
    length += text.length;
  };
  const endLine = (forced: boolean) => {
    const text = pre ? line.join('').trimEnd() : line.join('').trim();
    line = [];
    lineLength = 0;
    endsInBlank = true;
    if (text === '') {
      if (!forced || emptyLines > 0 || length === 0) return;
      emptyLines++;
      put('\n');
      return;
    }
    emptyLines = 0;
    put(`${'> '.repeat(Math.min(indent, 5))}${text}\n`);
  };
  const write = (text: string) => {
    if (unseen || length + lineLength > TEXT_MAX) return;
    if (!pre) {
      const joined = text.replace(/[\s\u00a0]+/g, ' ');
      const word = endsInBlank && joined.startsWith(' ') ? joined.slice(1) : joined;
      if (word === '') return;
      line.push(word);
      lineLength += word.length;
      endsInBlank = word.endsWith(' ');
      return;
    }
    const lines = text.split('\n');
    lines.forEach((part, i) => {
      line.push(part);
      lineLength += part.length;
      if (i < lines.length - 1) endLine(true);
    });
  };

  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (BLOCKS.has(name)) endLine(false);
        if (name === 'br') endLine(true);
        if (name === 'li') write('- ');
        if (name === 'td' || name === 'th') write(' ');
        if (name === 'img' && attributes.alt && !/^https?:/i.test(attributes.alt)) write(attributes.alt.slice(0, 200));
        if (name === 'a') {
          linkHref = attributes.href && /^https?:\/\//i.test(attributes.href) ? attributes.href.slice(0, 2000) : null;
          linkText = '';
        }
        if (!quotedToEnd && beginsQuote(name, attributes)) {
          endLine(false);
          quotedToEnd = true;
        }
        if (EMPTY.has(name)) return;
        const element = {
          name,
          quote: isQuote(name, attributes),
          unseen: UNSEEN.has(name) || isHidden(attributes),
          indent: name === 'blockquote' && !isQuote(name, attributes) && quotes === 0,
          pre: name === 'pre',
        };
        if (element.quote) {
          endLine(false);
          quotes++;
        }
        if (element.unseen) unseen++;
        if (element.indent) indent++;
        if (element.pre) pre++;
        open.push(element);
      },
      ontext(text) {
        if (linkHref !== null && linkText.length < 2100) linkText += text;
        write(text);
      },
      onclosetag(name) {
        // The parser closes what was left open, in order; an end without a beginning isn't told.
        if (name === 'a' && linkHref !== null) {
          const shown = linkText.trim();
          if (shown !== '' && !linkHref.includes(shown.replace(/^https?:\/\//i, ''))) write(` (${linkHref})`);
          linkHref = null;
        }
        if (EMPTY.has(name)) return;
        if (BLOCKS.has(name)) endLine(false);
        if (name === 'p' || /^h\d$/.test(name)) endLine(true);
        const element = open.pop();
        if (!element) return;
        if (element.quote) {
          endLine(false);
          quotes--;
        }
        if (element.unseen) unseen--;
        if (element.indent) indent--;
        if (element.pre) pre--;
      },
    },
    { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true, recognizeSelfClosing: false },
  );
  parser.write(html);
  parser.end();
  endLine(false);
  return pieces;
}

/** Elements that close themselves or each other: left open, they lie side by side. */
const UNNESTED = new Set([...EMPTY, 'p', 'li', 'td', 'th', 'tr', 'dd', 'dt', 'option', 'tbody', 'thead', 'tfoot']);
const DEPTH_MAX = 3_000;

/**
 * No letter is that deep, and the tokenizer's time grows with the square of the depth. Looks at the tags only; may err on HTML that
 * never closes anything.
 */
export function isTooDeep(html: string): boolean {
  let depth = 0;
  for (const [, end, name] of html.matchAll(/<(\/?)([a-z][a-z0-9-]{0,30})/gi)) {
    if (UNNESTED.has(name!.toLowerCase())) continue;
    depth = Math.max(0, depth + (end === '' ? 1 : -1));
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}

const words = (text: string | undefined): string[] => (text ? text.toLowerCase().split(/\s+/) : []);
