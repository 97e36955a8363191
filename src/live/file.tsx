import { Icon } from './icons.tsx';
import { sizeOf } from './words.ts';

export interface FileProps {
  name: string;
  mime: string | null;
  /** In bytes. */
  size: number | null;
  /** Where it can be fetched; null: nowhere. */
  url: string | null;
  /** What there is to say of where it is; null: nothing. */
  state?: string | null;
}

/** A file to open, shown when it is a picture. */
export function FileLink({ name, mime, size, url, state = null }: FileProps) {
  const about = [size !== null && sizeOf(size), state].filter(Boolean).join(', ');
  const href = url === null ? undefined : ownAddress(url);
  return (
    <a className="part file" href={href} target="_blank" rel="noreferrer">
      {href !== undefined && SHOWN.has(mime ?? '') ? <img src={href} alt="" loading="lazy" /> : <Icon name="file" />}
      <span>{name}{about !== '' && <small> {about}</small>}</span>
    </a>
  );
}

/** What the server gives out to be shown by a browser. */
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/** The server's public address may be another name of the one that this page came from. */
const ownAddress = (url: string): string => {
  const { pathname, search } = new URL(url, location.origin);
  return pathname + search;
};
