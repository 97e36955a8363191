// The files of the page `/live`, made of src/live by esbuild when they are first asked for, and kept.
import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { packagePath } from '../platform/package-root.ts';

export interface LiveBundle {
  'app.js': string;
  'app.css': string;
  'icon.svg': string;
}

const ROOM = packagePath('src/live/');
let made: Promise<LiveBundle> | null = null;

/** Made once a process. One that failed is made again when it is next asked for. */
export function liveBundle(): Promise<LiveBundle> {
  made ??= bundle().catch((error: unknown) => {
    made = null;
    throw error;
  });
  return made;
}

async function bundle(): Promise<LiveBundle> {
  const { outputFiles } = await build({
    entryPoints: { app: `${ROOM}main.tsx` }, outdir: ROOM, write: false, bundle: true, minify: true, format: 'esm', target: 'es2022', jsx: 'automatic', charset: 'utf8', legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' }, logLevel: 'silent', tsconfig: `${ROOM}tsconfig.json`,
  });
  const file = (name: string) => outputFiles.find(({ path }) => path.endsWith(name))!.text;
  return { 'app.js': file('app.js'), 'app.css': file('app.css'), 'icon.svg': await readFile(`${ROOM}icon.svg`, 'utf8') };
}
