// Pure: which sound a file is by its first bytes; its name and what its sender says of it count for nothing.
import { startsWith } from './first-bytes.ts';

export interface SoundType {
  mime: 'audio/wav' | 'audio/mpeg' | 'audio/ogg';
  extension: string;
}

/** The types in which telephone systems record, and which a browser can play; null for everything else. */
export function soundType(bytes: Uint8Array): SoundType | null {
  if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WAVE', 8)) return { mime: 'audio/wav', extension: '.wav' };
  if (startsWith(bytes, 'OggS')) return { mime: 'audio/ogg', extension: '.ogg' };
  // A tag, or a frame of MPEG audio, layer 3: eleven bits of synchronisation, then version and layer.
  if (startsWith(bytes, 'ID3') || (bytes.length > 2 && bytes[0] === 0xff && (bytes[1]! & 0xe6) === 0xe2)) return { mime: 'audio/mpeg', extension: '.mp3' };
  return null;
}
