// The command `throughline`: one file a command under server/commands.
import { InvalidConfig } from './platform/config.ts';
import { Refusal } from './platform/errors.ts';
import { UsageError, type Command } from './server/commands/command.ts';
import { importCommand } from './server/commands/import.ts';
import { keysCommand } from './server/commands/keys.ts';
import { doctorCommand, migrateCommand } from './server/commands/migrate.ts';
import { parseCommand } from './server/commands/parse.ts';
import { printSchemaCommand } from './server/commands/print-schema.ts';
import { proveCommand } from './server/commands/prove.ts';
import { seedCommand } from './server/commands/seed.ts';
import { traceCommand } from './server/commands/trace.ts';

const startCommand: Command = {
  name: 'start',
  usage: '',
  summary: 'Start the server (the same as `npm start`).',
  run: async () => {
    await (await import('./main.ts')).main();
    return -1;
  },
};

const COMMANDS: readonly Command[] = [
  startCommand, migrateCommand, doctorCommand, seedCommand, importCommand, parseCommand, traceCommand, keysCommand, proveCommand, printSchemaCommand,
];

const help = (): string =>
  ['throughline <command>', '', ...COMMANDS.map((c) => `  ${c.name.padEnd(13)} ${c.summary.split('\n')[0]}`), '', 'Configuration is read from the environment; see the README.'].join('\n');

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  const command = COMMANDS.find((c) => c.name === name);
  if (!command) {
    const asked = name === undefined || name === 'help' || name === '--help' || name === '-h';
    (asked ? console.log : console.error)(asked ? help() : `There is no command "${name}".\n\n${help()}`);
    return asked ? 0 : 2;
  }
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

const code = await main();
// `start` goes on until it is stopped.
if (code >= 0) process.exit(code);
