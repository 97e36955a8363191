// The command `throughline`: one file a command under server/commands, read when it is asked for.
import { readFileSync } from 'node:fs';
import { InvalidConfig } from './platform/config.ts';
import { Refusal } from './platform/errors.ts';
import { packagePath } from './platform/package-root.ts';
import { UsageError, type Command } from './server/commands/command.ts';

const startCommand: Command = {
  name: 'start',
  usage: '',
  summary: 'Start the server (the same as `npm start`).',
  run: async () => {
    await (await import('./main.ts')).main();
    return -1;
  },
};

/** In the order of the help. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  start: async () => startCommand,
  migrate: async () => (await import('./server/commands/migrate.ts')).migrateCommand,
  doctor: async () => (await import('./server/commands/migrate.ts')).doctorCommand,
  seed: async () => (await import('./server/commands/seed.ts')).seedCommand,
  import: async () => (await import('./server/commands/import.ts')).importCommand,
  parse: async () => (await import('./server/commands/parse.ts')).parseCommand,
  trace: async () => (await import('./server/commands/trace.ts')).traceCommand,
  keys: async () => (await import('./server/commands/keys.ts')).keysCommand,
  channels: async () => (await import('./server/commands/channels.ts')).channelsCommand,
  simulate: async () => (await import('./server/commands/simulate.ts')).simulateCommand,
  sandbox: async () => (await import('./server/commands/sandbox.ts')).sandboxCommand,
  prove: async () => (await import('./server/commands/prove.ts')).proveCommand,
  'print-schema': async () => (await import('./server/commands/print-schema.ts')).printSchemaCommand,
};

async function help(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return ['throughline <command>', '', ...commands.map((c) => `  ${c.name.padEnd(13)} ${c.summary.split('\n')[0]}`), '', 'Configuration is read from the environment; see the README.'].join('\n');
}

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  if (name === '--version' || name === '-v') {
    console.log((JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version);
    return 0;
  }
  if (name === undefined || !Object.hasOwn(COMMANDS, name)) {
    const asked = name === undefined || name === 'help' || name === '--help' || name === '-h';
    (asked ? console.log : console.error)(asked ? await help() : `There is no command "${name}".\n\n${await help()}`);
    return asked ? 0 : 2;
  }
  const command = await COMMANDS[name]!();
  if (args.includes('--help') || args.includes('-h')) {
    console.log(`throughline ${command.name} ${command.usage}\n\n${command.summary}`);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    const unknownOption = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    if (error instanceof UsageError || unknownOption) {
      console.error(`${(error as Error).message}\n\nthroughline ${command.name} ${command.usage}`);
      return 2;
    }
    if (error instanceof InvalidConfig) console.error(error.problems.join('\n'));
    else if (error instanceof Refusal) console.error(error.message);
    else console.error(process.env.DEBUG ? error : `${command.name} failed: ${(error as Error).message}`);
    return 1;
  }
}

// Whoever reads the output may stop reading (`| head`).
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

const code = await main();
// `start` goes on until it is stopped.
if (code >= 0) process.exit(code);
