/** Waits before the next try: longer with every failure, and not for all pages at the same moment. */
export function pause(failures: number): Promise<void> {
  const ms = Math.min(250 * 2 ** failures, 5_000) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, ms));
}
