// Bytes by the megabyte, without stopping the event loop: copying or hashing 80 MB at once takes a tenth of a second, in which nobody else would be
// answered. So it is done a slice at a time, and others come in between.
import { createHash } from 'node:crypto';
import { setImmediate as others } from 'node:timers/promises';

/** A few milliseconds of hashing. */
const SLICE_BYTES = 2 * 1024 * 1024;

/** In hex. */
export async function sha256Of(content: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  await inSlices(content, (slice) => void hash.update(slice));
  return hash.digest('hex');
}

/** All of them in one piece. */
export async function joined(chunks: readonly Uint8Array[]): Promise<Buffer> {
  return chunks.reduce((bytes, chunk) => bytes + chunk.length, 0) <= SLICE_BYTES ? Buffer.concat(chunks) : inOwnMemory(chunks);
}

/** The same in memory that nothing else lies in, so that it may be handed to another thread. */
export async function inOwnMemory(chunks: readonly Uint8Array[]): Promise<Buffer<ArrayBuffer>> {
  const whole = Buffer.allocUnsafeSlow(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  let at = 0;
  let taken = 0;
  for (const chunk of chunks) {
    if (taken + chunk.length > SLICE_BYTES) {
      await others();
      taken = 0;
    }
    taken += chunk.length;
    await inSlices(chunk, (slice) => {
      whole.set(slice, at);
      at += slice.length;
    });
  }
  return whole;
}

async function inSlices(content: Uint8Array, take: (slice: Uint8Array) => void): Promise<void> {
  for (let at = 0; at < content.length; at += SLICE_BYTES) {
    if (at > 0) await others();
    take(content.subarray(at, at + SLICE_BYTES));
  }
}
