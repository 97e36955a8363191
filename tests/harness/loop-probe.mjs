// Preloaded into a server (`--import`): how long its event loop stood still. On SIGUSR2 it writes what it saw since the last time into the file
// LOOP_PROBE_FILE: { delayMs, stops: [{ ms, waitedMs }] }. `waitedMs` of a stop the thread was ready and another process had the processor, which
// on a busy machine is most of it; null where the system doesn't tell.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const TICK_MS = 5;

const file = process.env.LOOP_PROBE_FILE;
if (file !== undefined && isMainThread) watch(file);

function watch(path) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  let stops = [];
  let at = performance.now();
  let waited = waitedMs();
  setInterval(() => {
    const [then, before] = [at, waited];
    [at, waited] = [performance.now(), waitedMs()];
    const ms = at - then - TICK_MS;
    if (ms > 20) stops.push({ ms: Math.round(ms), waitedMs: waited === null ? null : Math.round(waited - before) });
  }, TICK_MS).unref();
  process.on('SIGUSR2', () => {
    writeFileSync(`${path}.part`, JSON.stringify({ delayMs: Math.round(delay.max / 1e6), stops }));
    renameSync(`${path}.part`, path);
    delay.reset();
    stops = [];
  });
}

/** Of the main thread, whose id is the process's: nanoseconds on a processor, and waiting for one. */
function waitedMs() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return null;
  }
}
