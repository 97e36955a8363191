// HTML from outside -> HTML that an agent's screen may show (guarantee G14). The raw stays apart, in the delivery.
//
// What a screen has to know of the result:
//   nothing runs: no script, event handler, form, frame, embedded object or style sheet; a style attribute holds only the properties below;
//   nothing is loaded: the address of a remote image stands in `data-remote-src` (the reader may choose to put it into `src`);
//   `src="cid:…"` stays, for the message's part of that content id; `data:` images of the four common kinds stay;
//   links open elsewhere (`target="_blank" rel="noopener noreferrer nofollow"`), by http, https, mailto or tel only.
import sanitize from 'sanitize-html';
import { storable } from './clean.ts';
import { isTooDeep } from './html-text.ts';

/** Characters. A longer mail is a machine's; agents read its plain text. */
const HTML_MAX = 2_000_000;
/** Deeper elements are dropped with their content: browsers lay out no letter that deep, and recursion ends somewhere. */
const NESTING_MAX = 250;

const SIZE = /^-?\d{1,4}(?:\.\d{1,4})?(?:px|em|rem|pt|%|ex|ch|in|cm|mm)?$/i;
const SIZES = /^(?:(?:-?\d{1,4}(?:\.\d{1,4})?(?:px|em|rem|pt|%)?|auto)\s*){1,4}$/i;
const COLOR = /^(?:#[0-9a-f]{3,8}|[a-z]{3,20}|rgba?\(\s*[\d.]{1,5}%?(?:\s*,\s*[\d.]{1,5}%?){2,3}\s*\))$/i;
const WORD = /^[a-z-]{1,20}$/i;
const BORDER = /^[\w\s#.,()%-]{1,60}$/;
const FONT = /^[\p{L}\d\s"',-]{1,200}$/u;

const STYLES: Record<string, RegExp[]> = {
  color: [COLOR], 'background-color': [COLOR], background: [COLOR], 'font-size': [SIZE, WORD], 'font-weight': [WORD, /^\d{3}$/], 'font-style': [WORD], 'font-family': [FONT],
  'text-align': [WORD], 'text-decoration': [WORD], 'vertical-align': [WORD], 'line-height': [SIZE], 'white-space': [WORD], 'list-style-type': [WORD], direction: [WORD],
  width: [SIZE], height: [SIZE], 'max-width': [SIZE], 'min-width': [SIZE], margin: [SIZES], padding: [SIZES], 'border-collapse': [WORD], 'border-spacing': [SIZES], display: [/^(?:block|inline|inline-block|none|table|table-row|table-cell|list-item)$/i],
  ...Object.fromEntries(['top', 'right', 'bottom', 'left'].flatMap((side) => [[`margin-${side}`, [SIZES]], [`padding-${side}`, [SIZES]], [`border-${side}`, [BORDER]]])),
  border: [BORDER], 'border-color': [BORDER], 'border-width': [SIZES], 'border-style': [WORD], 'border-radius': [SIZES],
};

const OPTIONS: sanitize.IOptions = {
  allowedTags: [
    'a', 'abbr', 'address', 'article', 'aside', 'b', 'bdi', 'bdo', 'blockquote', 'br', 'caption', 'center', 'cite', 'code', 'col',
    'colgroup', 'dd', 'del', 'dfn', 'div', 'dl', 'dt', 'em',
    'figcaption', 'figure', 'font', 'footer', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'header', 'hr', 'i', 'img', 'ins', 'kbd', 'li',
    'main', 'mark', 'ol', 'p', 'pre', 'q', 's', 'samp',
    'section', 'small', 'span', 'strike', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'time', 'tr',
    'tt', 'u', 'ul', 'var', 'wbr',
  ],
  allowedAttributes: {
    '*': ['style', 'dir', 'lang', 'title', 'align', 'valign', 'width', 'height', 'bgcolor', 'color'],
    a: ['href', 'target', 'rel', 'name'],
    img: ['src', 'alt', 'data-remote-src', 'border'],
    font: ['face', 'size'],
    table: ['border', 'cellpadding', 'cellspacing', 'summary'],
    td: ['colspan', 'rowspan', 'nowrap'],
    th: ['colspan', 'rowspan', 'nowrap', 'scope'],
    ol: ['start', 'type'],
    blockquote: ['type'],
    time: ['datetime'],
  },
  allowedSchemes: ['http', 'https', 'mailto', 'tel'],
  allowedSchemesByTag: { img: ['cid', 'data'] },
  allowedSchemesAppliedToAttributes: ['href', 'src'],
  allowProtocolRelative: false,
  allowedStyles: { '*': STYLES },
  nonTextTags: ['script', 'style', 'textarea', 'option', 'noscript', 'title', 'template', 'xmp', 'noembed', 'noframes', 'plaintext', 'svg', 'math', 'object', 'iframe', 'frameset', 'select'],
  disallowedTagsMode: 'discard',
  enforceHtmlBoundary: false,
  nestingLimit: NESTING_MAX,
  parseStyleAttributes: true,
  transformTags: {
    a: (tagName, { target: _target, rel: _rel, href, ...attribs }) => ({
      tagName,
      // eslint-disable-next-line no-control-regex
      attribs: /^(?:https?:\/\/|mailto:|tel:)/i.test((href ?? '').replace(/[\u0000-\u0020]+/g, '')) ? { ...attribs, href: href!.trim(), target: '_blank', rel: 'noopener noreferrer nofollow' } : attribs,
    }),
    img: (tagName, attribs) => ({ tagName, attribs: shownImage(attribs) }),
  },
};

/** Safe HTML for display. Never throws; of HTML that is too long or too deep nothing is left (the plain text part holds what it says). */
export function sanitizeHtml(html: string): string {
  if (html.length > HTML_MAX || isTooDeep(html)) return '';
  try {
    return storable(sanitize(storable(html), OPTIONS)).trim();
  } catch {
    // The tokenizer's own limits; the text part is shown instead.
    return '';
  }
}

/** What was made safe before comes out the same: a remote address that waits goes on waiting. */
function shownImage({ src, 'data-remote-src': waiting, ...attribs }: Record<string, string>): Record<string, string> {
  // eslint-disable-next-line no-control-regex
  const address = (src || waiting || '').replace(/[\u0000-\u0020]+/g, '');
  if (/^cid:[^<>"']{1,300}$/i.test(address)) return { ...attribs, src: address };
  if (/^data:image\/(?:png|jpe?g|gif|webp);base64,[a-z0-9+/=]*$/i.test(address)) return { ...attribs, src: address };
  if (/^https?:\/\/[^\s"'<>]{1,4000}$/i.test(address)) return { ...attribs, 'data-remote-src': address };
  return /^\/\/[^\s"'<>]{1,4000}$/.test(address) ? { ...attribs, 'data-remote-src': `https:${address}` } : attribs;
}
