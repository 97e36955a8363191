import type { Entry } from './desk.ts';
import { FileLink } from './file.tsx';
import { MEDIA, PARTS } from './words.ts';

type PartOf = Extract<NonNullable<Entry['subject']>, { __typename: 'Message' }>['parts'][number];

/** What a message holds beside its text: a file, else what it is in words. */
export function Part({ part: { kind, filename, mime, size, mediaState, fileUrl } }: { part: PartOf }) {
  if (kind === 'TEXT') return null;
  if (kind !== 'MEDIA') return <span className="part">{PARTS[kind]}</span>;
  return <FileLink name={filename ?? mime ?? PARTS.MEDIA} mime={mime} size={size} url={fileUrl} state={mediaState && MEDIA[mediaState]} />;
}
