// What PostgreSQL's jsonb can't hold, found wherever it stands.

/** Texts and names with a NUL or a lone surrogate. */
export function unstorable(value: unknown): string[] {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [...unstorable(name), ...unstorable(member)]);
}
