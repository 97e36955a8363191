// For what sends no file.
import type { Blobs } from '../../src/platform/blobs.ts';

export const noBlobs: Blobs = {
  put: async () => {
    throw new Error('Nothing is stored here.');
  },
  get: async () => null,
  remove: async () => {},
  removeUnused: async () => {},
};
