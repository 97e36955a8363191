// Message-IDs as we keep them: without angle brackets, as they came otherwise. Senders write several ids, garbage, and fifty thousand of
// them.

const ID_LENGTH_MAX = 998;
const REFERENCES_MAX = 100;

/** The id of a `Message-ID` header; null when there is none to go by. */
export function messageId(value: string | null): string | null {
  return idsIn(value, 1)[0] ?? null;
}

/**
 * Every id that the mail may answer, best first: those of In-Reply-To, then References from the last. At most 100, none twice, never an
 * empty one.
 * The first 20 KB and the last 20 KB of a References header are looked at: what was answered stands at its end.
 */
export function answeredIds(inReplyTo: string[], references: string[]): { inReplyTo: string[]; all: string[]; root: string | null } {
  const direct = inReplyTo.flatMap((value) => idsIn(value, 20));
  const joined = references.join(' ');
  const root = idsIn(joined.slice(0, 20_000), 1)[0] ?? null;
  const chain = idsIn(joined.slice(-20_000), Infinity).reverse();
  return { inReplyTo: direct, all: [...new Set([...direct, ...chain])].slice(0, REFERENCES_MAX), root };
}

function idsIn(value: string | null, countMax: number): string[] {
  if (!value) return [];
  const ids: string[] = [];
  for (const found of value.matchAll(/<([^<>]*)>/g)) {
    const id = found[1]!.replace(/\s+/g, '');
    if (id && id.length <= ID_LENGTH_MAX) ids.push(id);
    if (ids.length === countMax) return ids;
  }
  if (ids.length) return ids;
  // Without brackets (obsolete, but common): words that look like an id. Outlook once wrote sentences into In-Reply-To.
  return value.split(/[\s,;"]+/).filter((word) => /^[^<>@\s]+@[^<>@\s]+$/.test(word) && word.length <= ID_LENGTH_MAX).slice(0, countMax);
}
