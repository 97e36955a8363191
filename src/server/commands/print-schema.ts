// `throughline print-schema`: the graph as SDL. `npm run schema:print` writes it to schema/api.graphql.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { makeGraph } from '../../graphql/execute.ts';
import { printedSchema } from '../../graphql/print-schema.ts';
import '../graph.ts';
import { withDatabase, type Command } from './command.ts';

export const printSchemaCommand: Command = {
  name: 'print-schema',
  usage: '[--out FILE]',
  summary: 'Print the GraphQL schema. It is checked against the database, so one is needed.',
  run(args) {
    const { values } = parseArgs({ args, options: { out: { type: 'string' } } });
    return withDatabase(async ({ app }) => {
      const { schema } = await makeGraph({ read: app, write: app });
      const text = printedSchema(schema);
      if (values.out) await writeFile(values.out, text);
      else process.stdout.write(text);
      return 0;
    });
  },
};
