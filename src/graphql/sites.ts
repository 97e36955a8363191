// Places of an operation whose arguments make its statement: lists, ids, hand-written statements. Evaluated anew for each run.
import { Kind, type FieldNode, type GraphQLField } from 'graphql';
import { getArgumentValues } from 'graphql/execution/values.js';
import type { Viewer } from '../access/viewer.ts';
import type { Catalogue } from './catalogue.ts';
import type { Field, RootField } from './entity.ts';
import { pageOf, pageShape, type Page } from './pages.ts';
import { byPrefix, idOfType } from './schema.ts';

/** What a place's arguments ask for. */
export interface Given {
  page?: Page;
  /** UUID */
  id?: string;
  rows?: { shape: string; values: Record<string, { cast: string; value: unknown }> };
}
export interface Site {
  def: GraphQLField<unknown, unknown>;
  node: FieldNode;
  /** Its arguments name no variable. */
  isConstant: boolean;
  /** What it always is, when it is constant and no one's in particular. */
  fixed: Given | null;
}

export const siteOf = (def: GraphQLField<unknown, unknown>, node: FieldNode): Site => ({
  def,
  node,
  isConstant: !hasVariable(node.arguments),
  fixed: null,
});

/** @throws GraphQLError or Refusal for arguments in error */
export function evaluate(site: Site, variables: Record<string, unknown>, viewer: Viewer, catalogue: Catalogue): Given {
  if (site.fixed) return site.fixed;
  const args = getArgumentValues(site.def, site.node, variables);
  const declared = site.def.extensions.declared as Field | RootField | undefined;
  // What `prepare` answers may depend on who asks and when.
  if (declared?.form === 'rows') return { rows: declared.prepare(args, viewer) };
  const given: Given =
    declared?.form === 'many'
      ? { page: pageOf(declared, args, catalogue) }
      : declared?.form === 'byId'
        ? { id: idOfType(declared.prefix ?? declared.target().prefix!, String(args[declared.argument ?? 'id'])) }
        : { id: byPrefix(String(args.id))[1] };
  if (site.isConstant) site.fixed = given;
  return given;
}
/** Equal for what is the same statement with other parameters. */
export const shapeOf = (given: Given): string => (given.page ? pageShape(given.page) : given.rows ? given.rows.shape : '');

const hasVariable = (node: unknown): boolean => {
  if (Array.isArray(node)) return node.some(hasVariable);
  if (!node || typeof node !== 'object') return false;
  if ((node as { kind?: string }).kind === Kind.VARIABLE) return true;
  return Object.entries(node).some(([key, value]) => key !== 'loc' && hasVariable(value));
};
