// `throughline seed`: as many invented customers and messages as wanted.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { seed } from '../seed.ts';
import { chosenWorkspace, numberOf, progressBar, withDatabase, type Command } from './command.ts';

export const seedCommand: Command = {
  name: 'seed',
  usage: '[--customers N] [--messages M] [--workspace NAME]',
  summary: 'Add invented customers and messages, the same ones for the same numbers.',
  run(args) {
    const { values } = parseArgs({
      args, options: { customers: { type: 'string', default: '1000' }, messages: { type: 'string', default: '10000' }, workspace: { type: 'string' } },
    });
    const size = { customers: numberOf(values.customers, 'customers', 1), messages: numberOf(values.messages, 'messages', 0) };
    return withDatabase(async (pools) => {
      const workspace = await chosenWorkspace(pools, values.workspace);
      const bar = progressBar(`Seeding ${workspace.name}`);
      const began = performance.now();
      await seed(pools.app, workspace.id, size, ({ done, total }) => bar(done, total));
      const seconds = (performance.now() - began) / 1000;
      console.log(`${size.customers} customers and ${size.messages} messages in ${seconds.toFixed(1)} s (${Math.round(size.messages / seconds)} messages/s).`);
      return 0;
    });
  },
};
