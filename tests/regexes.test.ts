// No text can keep a regular expression of ours busy (ReDoS): every one of src is judged by recheck, literals and those that are made of text
// (`words` templates, `new RegExp`). What was judged safe before is known by its hash in regexes.json, what isn't by its whole text, with what it works on; a new one is judged now.
// `JUDGE=all` judges them all again, `JUDGE=new` what is new; both write the file, and measure what is not safe.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { proven } from './harness/proven.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const KNOWN = join(ROOT, 'tests/regexes.json');
/** The verdicts that take longer are mostly those of repetitions with bounds. */
const JUDGE_MS_MAX = 5_000;

interface Literal {
  at: string;
  source: string;
  flags: string;
}
const textOf = ({ source, flags }: Literal): string => `/${source}/${flags}`;
const hashOf = (literal: Literal): string => createHash('sha256').update(textOf(literal)).digest('hex').slice(0, 12);

/**
 * What recheck calls polynomial, or can't judge in time, by its whole text: the characters that it works on at most, and what bounds them. Each is measured
 * over that many of whatever is likely to hurt it (`JUDGE` set); none may be exponential.
 */
interface Measured {
  text: string;
  chars: number;
  why: string;
}
/** Of the longest that it takes, on a machine that does other things too. */
const MEASURED_MS_MAX = 200;

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
let measured: Map<string, Measured>;
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
  const kept = JSON.parse(readFileSync(KNOWN, 'utf8')) as { safe: string[]; measured: Measured[] };
  known = new Set(process.env.JUDGE === 'all' ? [] : kept.safe);
  measured = new Map(kept.measured.map((one) => [one.text, one]));
});

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

test('every expression of src is safe, or works on little', { timeout: 900_000 }, () => {
  expect(all.length).toBeGreaterThan(300);
  const safe: string[] = [];
  const faults: string[] = [];
  let judged = 0;
  for (const literal of all) {
    const isMeasured = measured.has(textOf(literal));
    if (known.has(hashOf(literal)) || (isMeasured && process.env.JUDGE !== 'all')) {
      if (!isMeasured) safe.push(hashOf(literal));
      continue;
    }
    judged++;
    const { status, degree } = judge(literal);
    if (status === 'safe') safe.push(hashOf(literal));
    else if (degree === Infinity || !isMeasured) faults.push(`${literal.at} ${textOf(literal)} ${status} ${degree ?? ''}`);
  }
  if (process.env.JUDGE) writeFileSync(KNOWN, `${JSON.stringify({ safe: [...new Set(safe)].sort(), measured: [...measured.values()] }, null, 1)}\n`);
  console.log(`${all.length} regular expressions, ${judged} of them judged now.`);
  expect(faults).toEqual([]);
  proven({ judged });
});

describe('what is not safe works on as little as is said', () => {
  test('each still is an expression of src, and says what bounds it', () => {
    const texts = new Set(all.map(textOf));
    expect([...measured.values()].filter(({ text, chars, why }) => !texts.has(text) || !(chars > 0 && chars <= 100_000) || why === '')).toEqual([]);
  });

  if (process.env.JUDGE) test('each is done in time with the worst that could be thought of', { timeout: 900_000 }, () => {
    const slow: string[] = [];
    for (const { text, chars } of measured.values()) {
      const [, source, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text)!;
      const expression = new RegExp(source!, flags!.includes('g') ? flags : `${flags!}g`);
      for (const [name, attack] of attacksOn(source!, chars)) {
        // The best of three: another process may have had the core.
        let ms = timed(expression, attack);
        for (let again = 0; again < 2 && ms > MEASURED_MS_MAX; again++) ms = Math.min(ms, timed(expression, attack));
        if (ms > MEASURED_MS_MAX) slow.push(`${text.slice(0, 80)} takes ${Math.round(ms)} ms of ${chars} characters like ${name}`);
      }
    }
    expect(slow).toEqual([]);
    proven({ measured: measured.size });
  });
});

function timed(expression: RegExp, text: string): number {
  const began = performance.now();
  expression.lastIndex = 0;
  text.match(expression);
  return performance.now() - began;
}

/** Its own characters and words, again and again, with and without an end that it doesn't expect. */
function attacksOn(source: string, chars: number): [name: string, text: string][] {
  const words = [...new Set([...source.replace(/\\[a-zA-Z]/g, ' ').matchAll(/\p{L}[\p{L}' -]{2,}|https?:\/\//gu)].map(([word]) => word.trim()))].slice(0, 80);
  const characters = [...new Set([...source.replace(/\\[a-zA-Z]|[()[\]{}?+*|^$.\\]/g, ''), ...' a0-.@\n\t_"<:(|\\'])];
  const units = [...characters, ...words, ...words.flatMap((word) => [`${word} `, `${word} a `]), 'a ', 'a.', 'a@', 'a\n', '\n ', ' \n', '250-a\n', '"\\', '\\"', '<a', 'a-', '1.1.1 ', '<!--', '{"'];
  return [
    ...units.flatMap((unit): [string, string][] => {
      const text = unit.repeat(Math.ceil(chars / unit.length)).slice(0, chars);
      return [[`${JSON.stringify(unit)} again and again`, text], [`${JSON.stringify(unit)} and another end`, `${text.slice(1)}\0`]];
    }),
    ...words.slice(0, 30).flatMap((word) => [' ', 'a', 'a ', '.', '@'].map((unit): [string, string] => [`${word} and ${JSON.stringify(unit)}`, `${(word + unit.repeat(chars)).slice(0, chars - 1)}\0`])),
  ];
}
