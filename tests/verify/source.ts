// What a proof is of: the text that it depends on, and the commit that it stood at.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Whatever changes here may change what holds; pages and benches don't. */
const DEPENDS_ON = ['src', 'schema', 'migrations', 'tests', 'bin', 'package.json', 'package-lock.json', 'vitest.config.ts'];

export interface Source {
  /** Of the content of everything that the proof depends on: two commits that differ elsewhere are the same source. */
  hash: string;
  /** Null: not in a git repository. */
  commit: string | null;
  /** Whether something that the proof depends on is not as it was committed. */
  dirty: boolean | null;
}

export function sourceOf(root: string): Source {
  const hash = createHash('sha256');
  for (const file of DEPENDS_ON.flatMap((path) => filesUnder(root, path))) hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0');
  const commit = git(root, 'rev-parse', 'HEAD')?.trim() ?? null;
  return { hash: hash.digest('hex').slice(0, 16), commit, dirty: commit === null ? null : git(root, 'status', '--porcelain', '--', ...DEPENDS_ON.filter((path) => existsSync(join(root, path)))) !== '' };
}

/** Sorted. What begins with a dot is made while tests run. */
function filesUnder(root: string, path: string): string[] {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path)).filter((name) => !name.startsWith('.')).sort().flatMap((name) => filesUnder(root, join(path, name)));
}

function git(root: string, ...args: string[]): string | null {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
}
