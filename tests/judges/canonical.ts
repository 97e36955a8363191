// The canonical operations (schema/operations), each alone with the fragments of its file that it uses.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kind, parse, print, visit } from 'graphql';

const FOLDER = fileURLToPath(new URL('../../schema/operations', import.meta.url));

export interface CanonicalOperation {
  file: string;
  name: string;
  kind: 'query' | 'mutation' | 'subscription';
  text: string;
}

export const CANONICAL: readonly CanonicalOperation[] = readdirSync(FOLDER).sort().flatMap((file) => {
  const { definitions } = parse(readFileSync(join(FOLDER, file), 'utf8'));
  return definitions.flatMap((definition) => {
    if (definition.kind !== Kind.OPERATION_DEFINITION) return [];
    const used = new Set<string>();
    const use = (node: Parameters<typeof visit>[0]): void => void visit(node, {
      FragmentSpread: ({ name }) => {
        if (used.has(name.value)) return;
        used.add(name.value);
        use(definitions.find((each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === name.value)!);
      },
    });
    use(definition);
    const fragments = definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION && used.has(each.name.value));
    return [{ file, name: definition.name!.value, kind: definition.operation, text: [definition, ...fragments].map(print).join('\n') }];
  });
});
