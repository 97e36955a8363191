// Where the package's files are, whichever file of it this was loaded from: its sources, or what bin/program.mjs made of them.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function rootAbove(dir: string): string {
  return existsSync(join(dir, 'package.json')) ? dir : rootAbove(dirname(dir));
}

const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** The absolute path of one of the package's files or folders; `path` is relative to its top level. */
export const packagePath = (path: string): string => join(ROOT, path);
