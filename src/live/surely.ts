import { Refused } from './api.ts';
import { pause } from './pause.ts';

/** Asks until the server answers. @throws Refused: asking again can't change that */
export async function surely<T>(ask: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refused) throw error;
      await pause(failures);
    }
  }
}
