// Writes a list as its connection: nodes, edges, what lies beside the page, and how many rows there are.
import { getNamedType, type FieldNode, type GraphQLField, type GraphQLObjectType } from 'graphql';
import { cursorSql } from './cursors.ts';
import type { Many } from './entity.ts';
import { boundSql, countSql, pageRows, type Site as ListSite } from './lists.ts';
import { COUNT_MAX, orderOf, type Page } from './pages.ts';
import { concat, NotCompilable, text, type Piece } from './pieces.ts';
import type { Writer } from './writer.ts';

export function writeConnection(
  writer: Writer,
  list: Many,
  def: GraphQLField<unknown, unknown>,
  nodes: readonly FieldNode[],
  parent: (() => string) | null,
): Piece[] {
  const { index, site: argument, given } = writer.input.site(def, nodes[0]!);
  const page = given.page!;
  let parameters = 0;
  // Whatever names a parameter is written only when it is read: one that the text doesn't name is an error.
  const site: ListSite = {
    list,
    page,
    get parent() {
      return parent ? parent() : null;
    },
    place: writer.place,
    isConstant: argument.isConstant,
    param: (cast: string, read: (page: Page) => unknown) =>
      writer.parameter(`${index}.${parameters++}`, cast, (all) => read(all[index]!.page!)),
  };
  const type = getNamedType(def.type) as GraphQLObjectType;
  const fieldType = (of: GraphQLObjectType, name: string) => getNamedType(of.getFields()[name]!.type) as GraphQLObjectType;
  const infoType = fieldType(type, 'pageInfo');
  const infos = new Set<string>();
  for (const [, fieldNodes] of writer.subfields(type, nodes)) {
    if (fieldNodes[0]!.name.value === 'pageInfo') for (const [, n] of writer.subfields(infoType, fieldNodes)) infos.add(n[0]!.name.value);
  }
  infos.delete('__typename');
  const isAround = page.around !== undefined;
  /** One row more than asked is read, to know whether there are more. */
  const isCounted = infos.size > 0 || isAround;
  const { low, high } = boundSql(site);
  const row = writer.alias();
  const cursor = () => cursorSql(list, orderOf(list, page), row, writer.input.catalogue);
  const within = () => `${row}._rn between ${low()} and ${high()}`;
  /** An ungrouped select gives one row only if it has an aggregate. */
  let isRead = false;
  const all = (item: string): string => {
    isRead = true;
    // Going forward the rows come in order; the planner would sort them again.
    const order = page.backward || isAround ? ` order by ${row}._rn` : '';
    return `coalesce(string_agg(${item}, ','${order})${isCounted ? ` filter (where ${within()})` : ''}, '')`;
  };
  const end = (which: '_first' | '_last'): string => {
    isRead = true;
    return `coalesce('"'||max(${cursor()}) filter (where ${row}._rn = ${row}.${which} and ${within()})||'"', 'null')`;
  };
  const beyond = (compare: string): string => {
    isRead = true;
    return `coalesce(${compare}, false)::text`;
  };

  const info = (name: string): Piece => {
    switch (name) {
      case 'hasNextPage':
        return page.backward && !isAround ? text(String(page.before !== undefined)) : beyond(`max(${row}._rn) > ${high()}`);
      case 'hasPreviousPage':
        return page.backward || isAround ? beyond(`min(${row}._rn) < ${low()}`) : text(String(page.after !== undefined));
      case 'startCursor':
        return end('_first');
      case 'endCursor':
        return end('_last');
      default:
        throw new NotCompilable(name);
    }
  };
  const pieces = writer.object(type, nodes, (name, fieldNodes) => {
    switch (name) {
      case 'nodes':
        return [text('['), all(writer.entity(list.target(), fieldNodes, row)), text(']')];
      case 'edges': {
        const edge = writer.object(fieldType(type, 'edges'), fieldNodes, (inner, innerNodes) =>
          inner === 'cursor' ? [text('"'), cursor(), text('"')] : [writer.entity(list.target(), innerNodes, row)],
        );
        return [text('['), all(concat(edge)), text(']')];
      }
      case 'pageInfo':
        return writer.object(infoType, fieldNodes, (inner) => [info(inner)]);
      case 'totalCount': {
        const total = writer.alias();
        const object = writer.object(fieldType(type, 'totalCount'), fieldNodes, (inner) =>
          inner === 'count'
            ? [`least(${total}.n, ${COUNT_MAX})::text`]
            : [`case when ${total}.n > ${COUNT_MAX} then '"AT_LEAST"' else '"EXACT"' end`],
        );
        return [`(select ${concat(object)} from (select ${countSql(site)} as n) ${total})`];
      }
      default:
        throw new NotCompilable(name);
    }
  });
  if (!isRead) return pieces;
  let from = pageRows(site, isCounted);
  if (infos.has('startCursor') || infos.has('endCursor')) {
    from = `select _y.*, greatest(${low()}, min(_y._rn) over ()) as _first, least(${high()}, max(_y._rn) over ()) as _last from (${from}) _y`;
  }
  return [`(select ${concat(pieces)} from (${from}) ${row})`];
}
