// Loaded into the server (NODE_OPTIONS=--import): on SIGUSR2 it collects garbage and writes down, a line of JSON, what it holds then.
import { appendFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', () => {
  void (async () => {
    // Finalizers and what they let go of: a few rounds, each on a turn of its own.
    for (let round = 0; round < 4; round++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    const resources = {};
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
    const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    appendFileSync(process.env.PROBE_FILE, `${JSON.stringify({ heapUsed, external, rss, resources, listeners })}\n`);
  })();
});
