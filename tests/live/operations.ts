// The typed operations of the page `/live`: made by graphql-codegen of the schema and of schema/operations, and kept in the repository.
// `npm run live:operations` writes them.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from '@graphql-codegen/cli';
import { preset } from '@graphql-codegen/client-preset';

const ROOT = new URL('../..', import.meta.url).pathname;
const SCALARS = { ID: 'string', DateTime: 'string', JSON: 'unknown', Cursor: 'string', Milliseconds: 'number', Bytes: 'number' };
const HEAD = '// Made of schema/api.graphql and schema/operations by `npm run live:operations`.\n';

export const kept = (): Promise<string> => readFile(PATH, 'utf8');
const PATH = join(ROOT, 'src/live/operations.generated.ts');

/** Documents are text, so that the page needs no parser. */
export async function made(): Promise<string> {
  const files = (await generate({
    schema: join(ROOT, 'schema/api.graphql'),
    documents: join(ROOT, 'schema/operations/*.graphql'),
    silent: true,
    generates: { '/made/': { preset, presetConfig: { fragmentMasking: false }, config: { scalars: SCALARS, strictScalars: true, useTypeImports: true, enumsAsTypes: true, onlyOperationTypes: true, documentMode: 'string' } } },
  }, false)) as { filename: string; content: string }[];
  return HEAD + files.find(({ filename }) => filename.endsWith('/graphql.ts'))!.content;
}

if (import.meta.url === `file://${process.argv[1]}`) await writeFile(PATH, await made());
