// No text can keep a regular expression of ours busy (ReDoS): every one of src is judged by recheck, literals and those that are made of text
// (`words` templates, `new RegExp`). One that was judged safe before is known by its hash in regexes.json; a new one is judged now. `JUDGE=all` judges them all again, `JUDGE=new` what is new; both write the file.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { proven } from './harness/proven.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const KNOWN = join(ROOT, 'tests/regexes.json');
/** The verdicts that take longer are those of repetitions with bounds. */
const JUDGE_MS_MAX = 5_000;

interface Literal {
  at: string;
  source: string;
  flags: string;
}
const textOf = ({ source, flags }: Literal): string => `/${source}/${flags}`;
const hashOf = (literal: Literal): string => createHash('sha256').update(textOf(literal)).digest('hex').slice(0, 12);

const PATTERN = 'the searched part of a report (SEARCHED_MAX), one run a word';
/**
 * Expressions that recheck calls polynomial, or can't judge in time, each with what bounds it. None may be exponential. By the text that begins it.
 */
const BOUNDED: [begins: string, why: string][] = [
  ['/\\bnextWrite\\b[\\s\\S]*postgres/', 'the stack of an error of ours'],
  ['/(\\d+)\\./', 'what our own PostgreSQL says of its version'],
  ['/\\/+$/', 'configuration and addresses that administrators set'],
  ['/%.*$/', 'an address of a socket, a header of one line, a host that was resolved'],
  ['/\\beyJ[\\w-]+', '2,000 characters (scrub)'],
  ['/[^\\s<>"\'(),;:@=]+@', '2,000 characters (scrub)'],
  ['/(?<![\\w.:-])\\+?\\d', '2,000 characters (scrub)'],
  ['/"[^"\\n]{3,}"', '2,000 characters (scrub)'],
  ['/^[.\\s]+|[.\\s]+$/g', 'the name of a file, which is bounded where it is stored'],
  ['/^CHECK \\(', 'the catalogue of our own database'],
  ['/^(?=.{1,253}$)', 'configuration'],
  ['/^\\+?(?:\\d{0,3}0{6,}', 'quantifiers of one digit: linear'],
  ['/[^\\s<>"\'(),;:]+@[^\\s<>"\'(),;:]+/g', '5,000 characters (addressesOf)'],
  ['/<\\s*([^<>]+?)\\s*>/', '2,000 characters (bareAddress)'],
  ['/^["\']+|["\',;]+$/g', '2,000 characters (bareAddress)'],
  ['/^.*<|>.*$/g', '2,000 characters (address of a notice)'],
  ['/border(?:-top)?:', 'one run of blanks after each word: linear'],
  ['/^(.+)\\+tl-', 'anchored, and at most 42 characters from each place: linear'],
  ['/^\\s*multipart\\/report', 'anchored, one run of blanks after each word: linear'],
  ['/(?:^|[+._-])(?:no-?_?reply', 'the first 1,000 characters of an address'],
  ['/^["\'\\s]+|(?<!', 'begins at the start of a run: linear'],
  ['/[:;.({<]\\s*(', 'the searched part of a report (SEARCHED_MAX), one run of blanks: linear'],
  ['/(^|:) +(?=', 'one run of blanks after a colon: linear'],
  ['/>>>\\s*(', 'the searched part of a report (SEARCHED_MAX), one run of blanks after a word: linear'],
  ['/^(?:mailer-?daemon', 'anchored: linear'],
  ['/contains more tha', 'what graphql-js says'],
  ['/\\b(Bearer|Basic)', '2,000 characters (scrub)'],
  ['/(?:the response was|', 'the searched part of a report (SEARCHED_MAX), one run of blanks: linear'],
  ['/https?:\\/\\/(?!', 'the searched part of a report (SEARCHED_MAX), one look ahead an address: linear'],
  ['/(?:said|<<<|', 'the searched part of a report (SEARCHED_MAX), one run of blanks after a word: linear'],
  ['/^(?:no[-_.]?reply', 'anchored: linear'],
  ['/^\\s*(?:auto\\s*:', 'anchored, one run of blanks: linear'],
  ['/^[\\s*>[=_-]*(?:this is', 'anchored, one run at each end: linear; measured over 100,000 characters (reports.test.ts)'],
  ['/\\bpipe to', PATTERN], ['/account or domain may', PATTERN], ['/(?:due to|as|likely', PATTERN], ['/message (?:file', PATTERN], ['/(?:poor|bad|low|no)', PATTERN],
  ['/\\bpipe (?:to|returned', PATTERN], ['/(?:not|non)[- ](?:rfc', PATTERN], ['/does not support tls', PATTERN], ['/(?:after|in reply to', PATTERN],
  ['/"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"', 'JSON of a delivery: quotes that JSON escapes are told apart first; measured linear'],
];
/** Repetitions have bounds of their own in every part: at most so many steps a character, which measuring shows. */
const BOUNDED_QUANTIFIER = /\{\d+,\d+\}/;
/** `(?<!x)x+…`: only where a run begins, so each run is read once. */
const RUN_ONCE = /^\(\?<!(.+?)\)(?:\(\?:)?\1\)?[+*]/;

/** What stands for a part of an expression that only the running program knows: by the part, as the source has it. A new one is to be listed. */
const STANDS_FOR: Record<string, string> = {
  // `ReplyCode` of a report: three digits (bounce-reasons.ts).
  replyCode: '550',
};
/** The one function that makes expressions of its argument: its calls are what is judged. */
const MAKERS: Record<string, string> = { words: 'channels/email/words.ts' };

/**
 * The text of an expression that is made at run time: of a template whose parts are literals of the file (`${ADDRESS.source}`) or stand for something.
 * @throws Error when nobody can say what it will be
 */
function madeOf(node: ts.Expression | undefined, file: ts.SourceFile, at: string): string {
  if (node && ts.isStringLiteralLike(node)) return node.text;
  if (!node || !ts.isTemplateExpression(node)) throw new Error(`${at}: nobody can tell which expression it makes.`);
  return node.head.text + node.templateSpans.map(({ expression, literal }) => {
    const part = expression.getText(file);
    const [, name] = /^(\w+)\.source$/.exec(part) ?? [];
    const stated = STANDS_FOR[part] ?? (name && literalNamed(file, name));
    if (stated === undefined || stated === '') throw new Error(`${at}: STANDS_FOR doesn't say what \${${part}} can be.`);
    return stated + literal.text;
  }).join('');
}
function literalNamed(file: ts.SourceFile, name: string): string | undefined {
  for (const statement of file.statements) {
    const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations.find((each) => each.name.getText(file) === name)?.initializer : undefined;
    if (declared && ts.isRegularExpressionLiteral(declared)) return /^\/(.*)\/[a-z]*$/s.exec(declared.text)![1];
  }
  return undefined;
}

/** Of a node that makes an expression of text: which; undefined where it makes none. */
function made(node: ts.Node, file: ts.SourceFile, at: string): Omit<Literal, 'at'> | undefined {
  if (ts.isTaggedTemplateExpression(node) && node.tag.getText(file) in MAKERS) {
    if (!ts.isNoSubstitutionTemplateLiteral(node.template)) throw new Error(`${at}: a template with parts.`);
    // As words.ts makes it of the raw text.
    return { source: node.template.getText(file).slice(1, -1).replace(/\n\s*/g, ''), flags: 'i' };
  }
  const isMaker = Object.values(MAKERS).includes(file.fileName);
  if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText(file) === 'RegExp' && !isMaker) {
    const [text, flags] = node.arguments ?? [];
    return { source: madeOf(text, file, at), flags: flags && ts.isStringLiteral(flags) ? flags.text : '' };
  }
  // `text.match('a+')` makes one too.
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && ['match', 'matchAll', 'search'].includes(node.expression.name.text) && node.arguments[0] && (ts.isStringLiteralLike(node.arguments[0]) || ts.isTemplateExpression(node.arguments[0]))) {
    return { source: madeOf(node.arguments[0], file, at), flags: '' };
  }
  // Under another name it would make what nobody sees here.
  if (ts.isIdentifier(node) && node.text === 'RegExp' && !(((ts.isNewExpression(node.parent) || ts.isCallExpression(node.parent)) && node.parent.expression === node) || ts.isTypeReferenceNode(node.parent) || (ts.isBinaryExpression(node.parent) && node.parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword))) {
    throw new Error(`${at}: RegExp by another name.`);
  }
  return undefined;
}

const literals = (): Literal[] => {
  const found: Literal[] = [];
  for (const name of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).sort()) {
    found.push(...expressionsOf(name, readFileSync(join(ROOT, 'src', name), 'utf8')));
  }
  return found;
};

function expressionsOf(name: string, text: string): Literal[] {
  const found: Literal[] = [];
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true);
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const [, source, flags] = /^\/(.*)\/([a-z]*)$/s.exec(node.text)!;
      found.push({ at: `src/${name}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`, source: source!, flags: flags! });
    }
    const at = `src/${name}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    const text = made(node, file, at);
    if (text) found.push({ at, ...text });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

interface Verdict {
  status: 'safe' | 'vulnerable' | 'unknown';
  degree: number | null;
}
let judge: (literal: Literal) => Verdict;
let all: Literal[];
let known: Set<string>;
beforeAll(async () => {
  // JavaScript alone: neither its JAR nor its binaries.
  process.env.RECHECK_BACKEND = 'pure';
  const { checkSync } = await import('recheck');
  judge = ({ source, flags }) => {
    const diagnostics = checkSync(source, flags, { timeout: JUDGE_MS_MAX });
    const complexity = 'complexity' in diagnostics ? diagnostics.complexity : undefined;
    const { status } = diagnostics;
    const degree = complexity?.type === 'exponential' ? Infinity : complexity?.type === 'polynomial' ? complexity.degree : null;
    return { status, degree };
  };
  all = literals();
  known = new Set(process.env.JUDGE === 'all' ? [] : (JSON.parse(readFileSync(KNOWN, 'utf8')) as string[]));
});

const whyBounded = (literal: Literal): string | undefined => BOUNDED.find(([begins]) => textOf(literal).startsWith(begins))?.[1] ?? (BOUNDED_QUANTIFIER.test(literal.source) ? 'its own bounds' : RUN_ONCE.test(literal.source) ? 'a run once' : undefined);

test('what is made to hurt is told from what is not', () => {
  expect(judge({ at: '', source: '^(a+)+$', flags: '' })).toEqual({ status: 'vulnerable', degree: Infinity });
  expect(judge({ at: '', source: '\\s+$', flags: '' }).status).toBe('vulnerable');
  expect(judge({ at: '', source: '^[a-z]+$', flags: '' }).status).toBe('safe');
});

/* eslint-disable no-template-curly-in-string -- the text of templates */
test('expressions that are made of text are found, and what nobody can tell is refused', () => {
  const of = (text: string) => expressionsOf('x.ts', text).map(textOf);
  expect(of('const x = words`\n  (a+)+\n  |b`;')).toEqual(['/(a+)+|b/i']);
  expect(of("const A = /(a+)+/g; const b = new RegExp(`^${A.source}$`, 'i');")).toEqual(['/(a+)+/g', '/^(a+)+$/i']);
  expect(of("RegExp('(a+)+'); x.match('(b+)+');")).toEqual(['/(a+)+/', '/(b+)+/']);
  for (const text of ['new RegExp(given)', 'new RegExp(`${given}+`)', 'const R = RegExp;', 'f(RegExp)', 'words`a${b}`']) expect(() => of(text), text).toThrow(/x\.ts:1/);
  expect(all.filter(({ source, flags }) => flags === 'i' && source.includes('mailer'))).not.toEqual([]);
  // Every maker is one of ours and makes nothing else.
  for (const [name, file] of Object.entries(MAKERS)) expect(readFileSync(join(ROOT, 'src', file), 'utf8').match(/new RegExp\(/g), name).toHaveLength(1);
});

test('every expression of src is safe, or works on little', { timeout: 400_000 }, () => {
  expect(all.length).toBeGreaterThan(300);
  const safe: string[] = [];
  const faults: string[] = [];
  let judged = 0;
  for (const literal of all) {
    if (known.has(hashOf(literal))) {
      safe.push(hashOf(literal));
      continue;
    }
    judged++;
    const { status, degree } = judge(literal);
    if (status === 'safe') safe.push(hashOf(literal));
    else if (degree === Infinity || whyBounded(literal) === undefined) faults.push(`${literal.at} ${textOf(literal)} ${status} ${degree ?? ''}`);
  }
  if (process.env.JUDGE) {
    const accepted = all.filter((literal) => !safe.includes(hashOf(literal)) && whyBounded(literal)).map(hashOf);
    writeFileSync(KNOWN, `${JSON.stringify([...new Set([...safe, ...accepted])].sort(), null, 0).replaceAll(',', ',\n')}\n`);
  }
  console.log(`${all.length} regular expressions, ${judged} of them judged now.`);
  expect(faults).toEqual([]);
  proven({ judged });
});

describe('what is not safe works on as little as is said', () => {
  test('every reason still belongs to an expression', () => {
    expect(BOUNDED.filter(([begins]) => !all.some((literal) => textOf(literal).startsWith(begins))).map(([begins]) => begins)).toEqual([]);
  });
});
