// Pure: what hangs on a Direct Message -> parts. One at the most, by X's own rule.
// https://developer.x.com/en/docs/x-api/v1/direct-messages/sending-and-receiving/guides/message-create-object
import type { Part } from '../channel.ts';
import { fieldsOf, idOf, isFields, listOf, textOf, type Fields } from './payload.ts';

type MediaKind = Extract<Part, { type: 'media' }>['kind'];

/** `media.type` -> ours. An animated GIF is kept by X as an MP4 without sound. */
const KINDS = new Map<string, MediaKind>([['photo', 'image'], ['animated_gif', 'video'], ['video', 'video'], ['audio', 'audio']]);

const MIMES = new Map([
  ['jpg', 'image/jpeg'], ['jpeg', 'image/jpeg'], ['png', 'image/png'], ['gif', 'image/gif'], ['webp', 'image/webp'], ['mp4', 'video/mp4'], ['mov', 'video/quicktime'], ['m4a', 'audio/mp4'],
]);
const KINDS_BY_MIME = new Map<string, MediaKind>([['image', 'image'], ['video', 'video'], ['audio', 'audio']]);

/** The attachment's picture or video, when it is one. */
export const mediaOf = (attachment: unknown): Fields | null => (isFields(attachment) && isFields(attachment.media) ? attachment.media : null);

export function attachmentParts(attachment: unknown): Part[] {
  if (attachment === undefined || attachment === null) return [];
  const media = mediaOf(attachment);
  if (media !== null) return [mediaPart(media)];
  const { type, location } = fieldsOf(attachment);
  const place = locationPart(fieldsOf(location));
  return [place ?? { type: 'unsupported', code: `x_attachment${typeof type === 'string' ? `_${type.slice(0, 60)}` : ''}`, raw: attachment }];
}

function mediaPart(media: Fields): Part {
  const film = bestVariant(media);
  const url = film?.url ?? textOf(media.media_url_https) ?? textOf(media.media_url);
  if (url === null) return { type: 'unsupported', code: 'x_attachment_media', raw: media };
  const mime = film?.mime ?? mimeOf(url);
  const known = KINDS.get(String(media.type));
  // Seen in voice messages, which X sends as a video without a picture; not in its documents.
  const kind = media.audio_only === true ? 'voice' : (known ?? KINDS_BY_MIME.get(mime?.split('/')[0] ?? '') ?? 'file');
  // `id` is a number beyond 2^53, and rounded in some deliveries: `id_str` first.
  return { type: 'media', kind, mime, filename: null, size: null, providerMediaId: idOf(media.id_str) ?? idOf(media.id), url };
}

/** A video comes in several qualities, and as a list of them for streaming: the best that is one file. */
function bestVariant(media: Fields): { url: string; mime: string | null } | null {
  const files = listOf(fieldsOf(media.video_info).variants).map(fieldsOf).flatMap(({ url, content_type, bitrate }) => {
    const address = textOf(url);
    const mime = textOf(content_type)?.toLowerCase() ?? null;
    return address === null || mime === 'application/x-mpegurl' ? [] : [{ url: address, mime, bitrate: typeof bitrate === 'number' ? bitrate : 0 }];
  });
  return files.sort((a, b) => b.bitrate - a.bitrate)[0] ?? null;
}

const mimeOf = (url: string): string | null => MIMES.get(/\.(\w{2,5})(?:[?#:]|$)/.exec(url.split('/').at(-1)!)?.[1]?.toLowerCase() ?? '') ?? null;

/**
 * A point on the map, or a place that X knows. Of a place without coordinates only X's id is there, which tells an agent nothing: null.
 * https://developer.x.com/en/docs/direct-messages/message-attachments/guides/attaching-location
 */
function locationPart({ shared_coordinate, shared_place }: Fields): Part | null {
  const place = fieldsOf(fieldsOf(shared_place).place);
  const point = pointOf(fieldsOf(fieldsOf(shared_coordinate).coordinates).coordinates) ?? pointOf(place.centroid) ?? middleOf(fieldsOf(place.bounding_box).coordinates);
  if (point === null) return null;
  return { type: 'location', ...point, name: textOf(place.full_name) ?? textOf(place.name), address: null };
}

/** As GeoJSON has it: the longitude first. */
function pointOf(coordinates: unknown): { latitude: number; longitude: number } | null {
  const [longitude, latitude] = listOf(coordinates);
  if (typeof longitude !== 'number' || typeof latitude !== 'number' || !(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) return null;
  return { latitude, longitude };
}

/** Of a rectangle: `[[[west, south], [east, south], [east, north], [west, north]]]`. */
function middleOf(polygon: unknown): { latitude: number; longitude: number } | null {
  const corners = listOf(listOf(polygon)[0]).map(pointOf);
  if (corners.length < 3 || corners.includes(null)) return null;
  const middle = (values: number[]): number => Number(((Math.min(...values) + Math.max(...values)) / 2).toFixed(6));
  return { latitude: middle(corners.map((corner) => corner!.latitude)), longitude: middle(corners.map((corner) => corner!.longitude)) };
}
