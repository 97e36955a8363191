/** PostgreSQL's error code, through whatever wraps it. */
export const sqlState = (error: unknown): string | undefined => {
  const e = error as { code?: string; cause?: { code?: string } } | undefined;
  return e?.cause?.code ?? e?.code;
};
