// A small disk that can be made full: a tmpfs of its own under the data directory, where this user may mount one.
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';

const DISK_MB = 6_144;
/** What is still free on a full disk: less than a segment of anything. */
const LEFT_KB = 64;

export interface Disk {
  /** No more room, from now on. */
  fill(): void;
  empty(): void;
  unmount(): void;
}

/** Null when mounting is not permitted here. */
export function mountDisk(folder: string): Disk | null {
  const mount = (...args: string[]) => spawnSync('mount', args, { stdio: 'pipe' }).status === 0;
  if (process.getuid?.() !== 0 || !mount('-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=0755`, 'throughline-faults', folder)) return null;
  const resize = (size: string) => {
    if (!mount('-o', `remount,size=${size}`, folder)) throw new Error(`The disk on ${folder} could not be made ${size}.`);
  };
  return {
    fill: () => {
      // What is written between the look and the remount makes it too small: it is looked at again.
      for (let tries = 1; ; tries++) {
        const { blocks, bfree, bsize } = statfsSync(folder);
        try {
          return resize(`${Math.ceil(((blocks - bfree) * bsize) / 1024) + LEFT_KB * tries}k`);
        } catch (error) {
          if (tries >= 20) throw error;
        }
      }
    },
    empty: () => resize(`${DISK_MB}m`),
    unmount: () => {
      for (let tries = 0; tries < 20; tries++) {
        if (spawnSync('umount', [folder], { stdio: 'pipe' }).status === 0) return;
        spawnSync('sleep', ['0.1']);
      }
      spawnSync('umount', ['-l', folder], { stdio: 'pipe' });
    },
  };
}
