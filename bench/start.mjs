// `npm run bench`: installs what only the benches need, then runs them on the newer Node on which every contender runs.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const node = join(here, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

if (!existsSync(node) || !existsSync(join(here, 'node_modules', 'postgraphile'))) {
  console.error('Installing bench/ (a newer Node, PostGraphile) …');
  const npm = spawnSync('npm', ['ci'], { cwd: here, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
}
const child = spawn(node, ['--import', 'tsx', join(here, 'main.ts'), ...process.argv.slice(2)], {
  cwd: join(here, '..'), stdio: 'inherit', env: { ...process.env, NODE_ENV: 'production' },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
