// What no answer may be, whatever was asked: a fault of ours, a look at our inside, silence.
export const ANSWER_MS_MAX = 15_000;

const INSIDE = /(?:\n|\\n)\s+at \S|node_modules|\.ts:\d|\bselect\s+\S+.{0,80}\bfrom\b|\binsert into\b|syntax error at|PostgresError|relation \\?"|column \\?"|"stacktrace"|violates \w+[ -]\w* ?constraint/i;

/** What is wrong with the answer; null when nothing is. `asked`: what the caller wrote himself may come back. */
export function faultOf(status: number, text: string, asked: string): string | null {
  if (status >= 500) return `status ${status}: ${text.slice(0, 300)}`;
  if (/"code":"INTERNAL"/.test(text)) return `a fault of ours: ${text.slice(0, 300)}`;
  const inside = INSIDE.exec(text);
  if (inside && !asked.includes(inside[0])) return `our inside, ${inside[0].slice(0, 80)}: ${text.slice(Math.max(0, inside.index - 100), inside.index + 200)}`;
  return null;
}

/** The server's own figures: `name` of its metrics, summed over its labels. */
export async function figure(address: string, name: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
}
