// No text can keep a regular expression of ours busy (ReDoS): every literal of src is judged by recheck. A literal that was judged safe before is
// known by its hash in regexes.json; a new one is judged now. `JUDGE=all` judges them all again, `JUDGE=new` what is new; both write the file.
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

/**
 * Literals that recheck calls polynomial, or can't judge in time, each with what bounds it. None may be exponential. By the text that begins it.
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
  ['/"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"', 'JSON of a delivery: quotes that JSON escapes are told apart first; measured linear'],
];
/** Repetitions have bounds of their own in every part: at most so many steps a character, which measuring shows. */
const BOUNDED_QUANTIFIER = /\{\d+,\d+\}/;
/** `(?<!x)x+…`: only where a run begins, so each run is read once. */
const RUN_ONCE = /^\(\?<!(.+?)\)(?:\(\?:)?\1\)?[+*]/;

const literals = (): Literal[] => {
  const found: Literal[] = [];
  for (const name of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).sort()) {
    const file = ts.createSourceFile(name, readFileSync(join(ROOT, 'src', name), 'utf8'), ts.ScriptTarget.ESNext, true);
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const [, source, flags] = /^\/(.*)\/([a-z]*)$/s.exec(node.text)!;
        found.push({ at: `src/${name}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`, source: source!, flags: flags! });
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
};

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

test('every literal of src is safe, or works on little', { timeout: 400_000 }, () => {
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
  test('every reason still belongs to a literal', () => {
    expect(BOUNDED.filter(([begins]) => !all.some((literal) => textOf(literal).startsWith(begins))).map(([begins]) => begins)).toEqual([]);
  });
});
