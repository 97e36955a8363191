// `throughline print-schema`: the graph as SDL. `npm run schema:print` writes it to schema/api.graphql.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { makeGraph } from '../../graphql/execute.ts';
import { printedSchema } from '../../graphql/print-schema.ts';
import '../graph.ts';
import { withScratchDatabase, type Command } from './command.ts';

export const printSchemaCommand: Command = {
  name: 'print-schema',
  usage: '[--out FILE]',
  summary: 'Print the GraphQL schema, checked against the configured database, or else against a fresh one.',
  run(args) {
    const { values } = parseArgs({ args, options: { out: { type: 'string' } } });
    return withScratchDatabase(async ({ app }) => {
      const { schema } = await makeGraph({ read: app, write: app });
      const text = printedSchema(schema);
      if (values.out) await writeFile(values.out, text);
      else process.stdout.write(text);
      return 0;
    });
  },
};
