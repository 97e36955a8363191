/**
 * Runs `work` at once, and again after the present run when it was called meanwhile, but not sooner than `pauseMs` after that: however much
 * happens, what is shown is read a few times a second, and never older than the last call.
 */
export function throttled(work: () => Promise<void>, pauseMs: number): () => void {
  let running = false;
  let again = false;
  const run = async () => {
    running = true;
    do {
      again = false;
      await work();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void run();
  };
}
