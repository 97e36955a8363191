// A small picture, made of the id of the message that it goes with: a PNG of one colour. https://www.w3.org/TR/png-3/#11Chunks
import { crc32, deflateSync } from 'node:zlib';
import type { File } from '../sandbox/offer.ts';

const SIDE = 24;

export function pictureOf(id: string): File {
  const colour = Buffer.from(id.slice(0, 6), 'hex');
  const row = Buffer.concat([Buffer.of(0), ...Array.from({ length: SIDE }, () => colour)]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  // Eight bits, red, green and blue.
  header.set([8, 2], 8);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: SIDE }, () => row)));
  const content = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
  return { filename: 'cup.png', mime: 'image/png', content };
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named) >>> 0);
  return Buffer.concat([length, named, sum]);
}
