// The program as JavaScript: src, bundled by esbuild and kept in node_modules/.cache under a name that follows from the sources, so that a process
// loads a few files instead of reading three hundred of TypeScript. Made when it is first needed; changed sources make another.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/throughline');
const ENTRIES = { cli: 'src/cli.ts', 'parse-worker': 'src/channels/email/parse-worker.ts' };
/** Processes that were started from an older one may have files of it left to load. */
const KEPT_MS = 7 * 86_400_000;

/** Names every file that the program is made of, with its size and time; also where, since node_modules may be a link that several packages share. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.version} ${ROOT}\n`);
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  add('package.json');
  add('bin/program.mjs');
  const walk = (dir) => {
    for (const entry of readdirSync(join(ROOT, dir), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.isDirectory()) walk(`${dir}/${entry.name}`);
      else add(`${dir}/${entry.name}`);
    }
  };
  walk('src');
  return hash.digest('hex').slice(0, 20);
}

/** Any number of processes may do it at once: each writes a folder of its own, and one of them gets the name. */
async function build(target) {
  const { build: esbuild } = await import('esbuild');
  const own = join(CACHE, `.${randomUUID()}`);
  mkdirSync(own, { recursive: true });
  try {
    await esbuild({
      absWorkingDir: ROOT, entryPoints: ENTRIES, outdir: own, outExtension: { '.js': '.mjs' }, bundle: true, splitting: true, packages: 'external', platform: 'node', format: 'esm',
      target: `node${process.versions.node}`, keepNames: true, sourcemap: 'linked', sourcesContent: false, sourceRoot: pathToFileURL(ROOT).href, define: { PACKAGE_ROOT: JSON.stringify(ROOT) }, charset: 'utf8', logLevel: 'error',
    });
    try {
      renameSync(own, target);
    } catch (error) {
      if (!existsSync(target)) throw error;
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  const made = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
  for (const path of readdirSync(CACHE).map((name) => join(CACHE, name))) {
    if (made(target) - made(path) > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** The address of the module to import for the command `throughline`. Where nothing can be kept (a folder that can only be read) tsx reads the sources. */
export async function program() {
  const target = join(CACHE, fingerprint());
  try {
    if (!existsSync(target)) await build(target);
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM', 'ENOSPC', 'ENOTDIR', 'EEXIST'].includes(error.code)) throw error;
    const { register } = await import('tsx/esm/api');
    register();
    return new URL('../src/cli.ts', import.meta.url).href;
  }
  process.setSourceMapsEnabled(true);
  return pathToFileURL(join(target, 'cli.mjs')).href;
}
