import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

it('the migrations make what schema/ declares: generating again finds nothing', () => {
  const dir = mkdtempSync(join(tmpdir(), 'throughline-migrations-'));
  try {
    const out = join(dir, 'migrations');
    cpSync(join(ROOT, 'migrations'), out, { recursive: true });
    const before = readdirSync(out).length;
    const config = join(dir, 'drizzle.config.ts');
    writeFileSync(config, `export default { dialect: 'postgresql', schema: ${JSON.stringify(`${ROOT}schema/*.ts`)}, out: ${JSON.stringify(relative(ROOT, out))}, casing: 'snake_case' };`);
    const said = execFileSync(process.execPath, [join(ROOT, 'node_modules/drizzle-kit/bin.cjs'), 'generate', '--config', config], { cwd: ROOT, encoding: 'utf8' });
    expect(said).toContain('No schema changes');
    expect(readdirSync(out)).toHaveLength(before);
  } finally {
    rmSync(dir, { recursive: true });
  }
}, 60_000);
