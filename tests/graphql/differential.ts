// Generates operations over whatever schema is registered and runs each by both paths: the same bytes, or the compiled path declined for
// a cause that it may have. What both paths share (leaf text, pages, cursors) this can't see; those have tests of their own.
import { isInterfaceType, isObjectType, Kind, parse, specifiedRules, TypeInfo, validate, visit, visitWithTypeInfo, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { Viewer } from '../../src/access/viewer.ts';
import { bodyOf, type Answer, type Graph } from '../../src/graphql/execute.ts';
import { answeredFields } from './answered.ts';
import { Generator, type Operation, type Sources } from './generator.ts';

export interface DifferentialOptions extends Sources {
  compiled: Graph;
  /** The same declarations, made with `path: 'loaders'`. */
  oracle: Graph;
  /** Each operation is one of theirs, and mostly asks for what he may ask for. */
  viewers: readonly Viewer[];
  /** How many are generated; as many again at most until this holds. */
  operations: number;
  until?: (report: Report) => boolean;
  /** Operations that somebody wrote, asked as every viewer besides. */
  written?: { name: string; source: string }[];
  /** Ends at the first fault. */
  stopAtFault?: boolean;
  /** The oracle compiles too: what differs is the pool that it reads from. */
  oracleCompiles?: boolean;
}
export interface Report {
  seed: number;
  operations: number;
  runs: number;
  compiled: number;
  bytes: number;
  /** `Type.field`s of which an answer of one statement held a value, and was the same as the loaders'. */
  answered: Set<string>;
  /** `Type.field(argument)`s and names of directives of operations that became one statement and were answered the same. */
  asked: Set<string>;
  /** Of the operations that somebody wrote: how often one was one statement and answered the same. */
  written: Record<string, number>;
  /** Runs in which the caller was in error: no statement has an answer to give, and the loaders word it. */
  errors: number;
  /** Why the compiled path declined, with how often. */
  declined: Record<string, number>;
  faults: { what: string; source: string; variables: Record<string, unknown>; compiled: string; oracle: string }[];
}

const WRITTEN_ROUNDS_MAX = 20;

export async function differ(options: DifferentialOptions): Promise<Report> {
  const { schema } = options.compiled;
  const report: Report = { seed: options.seed, operations: 0, runs: 0, compiled: 0, bytes: 0, answered: new Set(), asked: new Set(), written: {}, errors: 0, declined: {}, faults: [] };
  const generator = new Generator(schema, options, report.answered, report.asked);
  /** False at a fault at which all ends. */
  const compare = async (operation: Operation, document: DocumentNode, viewer: Viewer, name?: string): Promise<boolean> => {
    report.operations++;
    const runs = operation.variables.length > 0 ? 3 : 1;
    for (let run = 0; run < runs; run++) {
      const variables = generator.values(operation, run > 0);
      const two = await options.oracle.query(operation.source, viewer, variables);
      const one = await options.compiled.query(operation.source, viewer, variables);
      generator.learn(two.data);
      report.runs++;
      const fault = options.oracleCompiles && one.path !== 'refused' && bodyOf(one) !== bodyOf(two) && codesOf(one) === '' ? 'other bytes' : judge(one, two, operation, report);
      if (!fault && one.path === 'compiled') {
        for (const field of answeredFields(schema, document, one.data!)) report.answered.add(field);
        for (const place of askedOf(schema, document)) report.asked.add(place);
        if (name !== undefined) report.written[name] = (report.written[name] ?? 0) + 1;
      }
      if (!fault) continue;
      report.faults.push({ what: fault, source: operation.source, variables, compiled: bodyOf(one), oracle: bodyOf(two) });
      if (options.stopAtFault) return false;
    }
    return true;
  };
  const goesOn = () => options.until !== undefined && report.operations < 2 * options.operations && !options.until(report);
  while (report.operations < options.operations || goesOn()) {
    const viewer = options.viewers[report.operations % options.viewers.length]!;
    const operation = generator.operation(viewer.permissions);
    const document = parse(operation.source);
    if (validate(schema, document, specifiedRules).length > 0) continue;
    if (!(await compare(operation, document, viewer))) return report;
  }
  for (const { name, source } of options.written ?? []) {
    // Some are in error with most of what their variables may hold: those are asked again.
    for (let round = 0; round === 0 || (round < WRITTEN_ROUNDS_MAX && !report.written[name]); round++) {
      for (const viewer of options.viewers) if (!(await compare(generator.written(source), parse(source), viewer, name))) return report;
    }
  }
  return report;
}

/** Every argument that is given, and every directive. */
function askedOf(schema: GraphQLSchema, document: DocumentNode): Set<string> {
  const asked = new Set<string>();
  const types = new TypeInfo(schema);
  visit(document, visitWithTypeInfo(types, {
    Argument: ({ name, value }) => {
      const parent = types.getParentType();
      // Within a directive's arguments the parent is the field's.
      if (!types.getDirective() && (isObjectType(parent) || isInterfaceType(parent)) && value.kind !== Kind.NULL) asked.add(`${parent.name}.${types.getFieldDef()!.name}(${name.value})`);
    },
    Directive: ({ name }) => void asked.add(`@${name.value}`),
  }));
  return asked;
}

const codesOf = (answer: Answer): string => answer.errors.map((error) => error.extensions?.code).join();

function judge(one: Answer, two: Answer, operation: Operation, report: Report): string | null {
  const decline = (why: string): null => {
    report.declined[why] = (report.declined[why] ?? 0) + 1;
    return null;
  };
  const mistaken = (why: string): null => {
    report.errors++;
    return decline(why);
  };
  if (codesOf(one) !== codesOf(two)) return `other errors: ${codesOf(one)} instead of ${codesOf(two)}`;
  if (two.path === 'refused') return mistaken('refused before it ran');
  if (one.path !== 'compiled') {
    if (two.errors.length > 0) return mistaken(`an error to word: ${codesOf(two).split(',')[0]}`);
    // Arguments in error below a parent that is null: nobody words them.
    if (one.declined === 'arguments') return mistaken('arguments in error, not reached');
    return operation.uncompilable ? decline(operation.uncompilable) : `declined without cause: ${one.declined}`;
  }
  report.compiled++;
  report.bytes += one.data!.length;
  if (two.errors.length > 0) return 'compiled, though there are errors';
  return bodyOf(one) === bodyOf(two) ? null : 'other bytes';
}

