// Pure: the text of a Direct Message, as it was written.
import { fieldsOf, listOf, textOf, type Fields } from './payload.ts';

/** A link in the text: X shows every one as `https://t.co/…`. */
export interface Link {
  short: string;
  /** Where it leads. */
  target: string;
  title: string | null;
}
export interface MessageText {
  /** Without X's escapes, and without the link that stands for the attached picture or video. */
  text: string;
  /** The other links in it. */
  links: Link[];
}

/** `media`: the attachment, when it is one. */
export function readText(data: Fields, media: Fields | null): MessageText {
  const written = textOf(data.text) ?? '';
  const entities = listOf(fieldsOf(data.entities).urls).map(fieldsOf).flatMap(entityOf);
  const mediaLink = media === null ? null : textOf(media.url);
  const ofMedia = media === null ? [] : entities.filter((entity) => (mediaLink === null ? isMediaPage(entity) : entity.short === mediaLink));
  let text = written;
  if (media !== null) text = ofMedia.length > 0 ? ofMedia.reduceRight(without, written) : withoutUnlisted(written, mediaLink, entities);
  return {
    text: unescaped(text),
    links: entities.filter((entity) => !ofMedia.includes(entity) && entity.target !== null).map(({ short, target, title }) => ({ short, target: target!, title })),
  };
}

interface Entity {
  short: string;
  target: string | null;
  title: string | null;
  /** From and behind its last character; null when they aren't said. */
  indices: [number, number] | null;
}

function entityOf({ url, expanded_url, display_url, indices }: Fields): Entity[] {
  const short = textOf(url);
  if (short === null) return [];
  const [start, end] = listOf(indices);
  const known = Number.isInteger(start) && Number.isInteger(end) ? ([start, end] as [number, number]) : null;
  return [{ short, target: textOf(expanded_url), title: textOf(display_url), indices: known }];
}

/** `https://twitter.com/messages/media/1218…`, shown as `pic.twitter.com/…`: the page of a message's own picture. */
const isMediaPage = ({ target, title }: Entity): boolean => /^https?:\/\/(?:www\.)?(?:twitter|x)\.com\/messages\/media\/\d+/.test(target ?? '') || /^pic\.(?:twitter|x)\.com\//.test(title ?? '');

/**
 * Takes the link out by its indices, which count code points of the escaped text. Where they don't point at it (they are of another text), the last
 * place where it stands is taken; where it stands nowhere, nothing.
 */
function without(text: string, { short, indices }: Entity): string {
  const points = indices === null ? [] : [...text];
  const pointsAtIt = indices !== null && points.slice(...indices).join('') === short;
  const at = pointsAtIt ? points.slice(0, indices[0]).join('').length : text.lastIndexOf(short);
  return at < 0 ? text : joined(text.slice(0, at), text.slice(at + short.length));
}

/** X puts a blank before the link. */
const joined = (before: string, behind: string): string => (behind.trim() === '' ? before.trimEnd() : before + behind.trimStart());

/** The link of a picture always stands at the end, and older deliveries don't list it among the entities. */
function withoutUnlisted(text: string, mediaLink: string | null, entities: readonly Entity[]): string {
  const last = mediaLink ?? /https:\/\/t\.co\/\w+$/.exec(text.trimEnd())?.[0];
  return last === undefined || entities.some(({ short }) => short === last) ? text : without(text, { short: last, target: null, title: null, indices: null });
}

/** X writes `&`, `<` and `>` as entities of HTML. One pass: what was written as `&lt;` came as `&amp;lt;`. */
const unescaped = (text: string): string =>
  text.replace(/&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([\da-f]{1,6}));/gi, (entity, name: string | undefined, decimal: string | undefined, hex: string | undefined) =>
    name === undefined ? (character(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)) ?? entity) : NAMED.get(name.toLowerCase())!);

const NAMED = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['apos', '\'']]);

/** No NUL and no half of a pair, which no text may hold. */
const character = (point: number): string | null => (point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? String.fromCodePoint(point) : null);

/** The text with every link as where it leads: what the sender typed. */
export const withTargets = ({ text, links }: MessageText): string => links.reduce((shown, { short, target }) => shown.replaceAll(short, () => target), text);
