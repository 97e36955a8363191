// Where the package's files are, also for what was made of its sources and lies elsewhere.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Written in by bin/program.mjs. */
declare const PACKAGE_ROOT: string | undefined;

const ROOT = typeof PACKAGE_ROOT === 'string' ? PACKAGE_ROOT : fileURLToPath(new URL('../../', import.meta.url));

/** The absolute path of one of the package's files or folders; `path` is relative to its top level. */
export const packagePath = (path: string): string => join(ROOT, path);
