// `npm start`: reads the configuration, starts the server, and stops it when asked.
import { InvalidConfig, readConfig } from './platform/config.ts';
import { isDriverFault } from './platform/db.ts';
import { AlreadyRunning } from './platform/server-lock.ts';
import { announcement } from './server/announcement.ts';
import { startServer, type Server } from './server/start.ts';

export async function main(): Promise<void> {
  let server: Server;
  try {
    server = await startServer({ config: readConfig(process.env), say: (text) => console.log(text) });
  } catch (error) {
    if (error instanceof InvalidConfig) console.error(`The configuration is wrong:\n${error.problems.map((problem) => `  ${problem}`).join('\n')}`);
    else if (error instanceof AlreadyRunning) console.error(error.message);
    else console.error(error instanceof Error && !process.env.DEBUG ? `Throughline could not start: ${error.message}` : error);
    process.exit(1);
  }
  // A log that nobody reads any more is no reason to stop serving.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  console.log(announcement(server));
  process.on('uncaughtException', (error) => {
    if (isDriverFault(error)) return;
    console.error(error);
    process.exit(1);
  });
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) return;
      asked = true;
      console.log('Stopping: no new requests; what is under way is finished.');
      void server.stop().then(() => process.exit(0), (error: unknown) => {
        console.error(error);
        process.exit(1);
      });
    });
  }
}
