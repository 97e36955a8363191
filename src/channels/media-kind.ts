// Pure: what a file is shown as, by its MIME type.
import type { Part } from './channel.ts';

export type MediaKind = Extract<Part, { type: 'media' }>['kind'];

const KINDS = new Map<string, MediaKind>([['image', 'image'], ['audio', 'audio'], ['video', 'video'], ['text', 'document'], ['application', 'document']]);

export const mediaKind = (mime: string | null): MediaKind => KINDS.get(mime?.split('/')[0] ?? '') ?? 'file';
