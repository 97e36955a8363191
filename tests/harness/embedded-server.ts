// A process that does what a server does with its data directory, for tests that kill it. Commands come by standard input, a line each:
// `announce <address>`, `stop`. Every answer is a line of JSON.
import { createInterface } from 'node:readline';
import { startEmbedded } from '../../src/platform/embedded-postgres.ts';

const tell = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
const said: string[] = [];
try {
  const server = await startEmbedded({ dataDir: process.argv[2]!, say: (text) => said.push(text), settings: { fsync: 'off' } });
  tell({ ready: true, url: server.url, dir: server.dir, adopted: server.adopted, said });
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, argument] = line.split(' ');
    if (command === 'announce') await server.announce(argument!);
    if (command === 'stop') await server.stop();
    tell({ done: command });
    if (command === 'stop') break;
  }
  process.exit(0);
} catch (error) {
  tell({ refused: (error as Error).name, message: (error as Error).message });
  process.exit(1);
}
