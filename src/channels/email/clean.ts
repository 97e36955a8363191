// Text as PostgreSQL can keep it: no NUL, no half of a surrogate pair. Both become U+FFFD, so that it shows that something was there.

const HALF_PAIRS = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** `text` with NUL and lone surrogates replaced by U+FFFD. */
export const storable = (text: string): string => text.replaceAll('\u0000', '\uFFFD').replace(HALF_PAIRS, '\uFFFD');

/**
 * One line of at most `lengthMax` UTF-16 units: control characters and line ends become blanks, so that nothing can be smuggled into a
 * header.
 */
export const oneLine = (text: string, lengthMax = 998): string =>
  // eslint-disable-next-line no-control-regex
  storable(text.replace(/[\u0000-\u001F\u007F\u0085\u2028\u2029]+/g, ' ').trim().slice(0, lengthMax));
