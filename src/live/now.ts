import { useEffect, useState } from 'react';

const TICK_MS = 30_000;

/** The time, in milliseconds since 1970, renewed every half minute: for "3 min ago". */
export function useNow(): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
