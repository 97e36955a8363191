// A client: a process of its own that acts on both servers and keeps a ledger of what it was told, in a file that outlives whatever happens to anybody.
// Told by messages: { world, doors, seed, name, workers, file } to begin; then 'pause', 'go', 'settle' (ask again for what is unknown), 'end'.
import { openSync, writeSync } from 'node:fs';
import { seeded } from '../harness/seeded.ts';
import { ACTS, KINDS, type Answer, type Door, type Send, type World } from './acts.ts';

export interface ClientStart {
  world: World;
  doors: [Door, Door];
  seed: number;
  name: string;
  workers: number;
  file: string;
}
/** Lines of the ledger. Moments are of the machine's monotonic clock, in ms. `door`: whom it asked. */
export type LedgerLine =
  | { asked: string; kind: string; person: number; door: number; at: number }
  | { answered: string; door: number; at: number; outcome: Answer['outcome']; said?: string };

/** Of the machine: the same in every process. */
export const machineMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

const SETTLE_MS = 90_000;

function work(o: ClientStart): { pause(): Promise<void>; go(): void; settle(): Promise<number> } {
  const random = seeded(o.seed);
  const file = openSync(o.file, 'a');
  const write = (line: LedgerLine) => void writeSync(file, `${JSON.stringify(line)}\n`);
  const unknown = new Map<string, { kind: string; person: number; send: Send }>();
  const acknowledged = new Set<string>();
  let isPaused = true;
  let rouse = () => {};
  let busy = 0;
  let idle = () => {};
  let acts = 0;

  const ask = async (mark: string, kind: string, person: number, send: Send, at: number): Promise<Answer['outcome']> => {
    write({ asked: mark, kind, person, door: at, at: machineMs() });
    let answer: Answer;
    try {
      answer = await send(o.doors[at]!);
    } catch (error) {
      answer = { outcome: 'unknown', said: String((error as { cause?: unknown }).cause ?? error).slice(0, 200) };
    }
    write({ answered: mark, door: at, at: machineMs(), ...answer });
    if (answer.outcome === 'unknown') unknown.set(mark, { kind, person, send });
    else unknown.delete(mark);
    // Each act once, however often it is sent again.
    if (answer.outcome === 'acknowledged' && !acknowledged.has(mark)) {
      acknowledged.add(mark);
      process.send!({ acknowledged: mark });
    }
    return answer.outcome;
  };

  const worker = async () => {
    for (;;) {
      while (isPaused) {
        await new Promise<void>((resolve) => {
          const others = rouse;
          rouse = () => (others(), resolve());
        });
      }
      busy++;
      const mark = `act-${o.name}-${++acts}`;
      const kind = KINDS[Math.floor(random() * KINDS.length)]!;
      const person = Math.floor(random() * o.world.people.length);
      const [first, second, again, copies] = [Math.floor(random() * 2), Math.floor(random() * 2), random() < 0.5, random() < 0.1 ? 1 + Math.floor(random() * 2) : 0];
      const send = ACTS[kind]!(o.world.people[person]!, mark, o.world);
      const outcome = await ask(mark, kind, person, send, first);
      if (outcome === 'unknown') {
        // A server that is gone answers at once: nobody asks a thousand times a second.
        await new Promise((resolve) => setTimeout(resolve, 50 + random() * 150));
        if (again) await ask(mark, kind, person, send, second);
      } else if (outcome === 'acknowledged') {
        // A redelivery, or a retry of what was done, side by side.
        await Promise.all(Array.from({ length: copies }, (_, copy) => ask(mark, kind, person, send, copy % 2)));
      }
      if (--busy === 0) idle();
    }
  };
  for (let n = 0; n < o.workers; n++) void worker();

  return {
    pause: async () => {
      isPaused = true;
      if (busy > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
    go: () => {
      isPaused = false;
      const wake = rouse;
      rouse = () => {};
      wake();
    },
    settle: async () => {
      for (const until = machineMs() + SETTLE_MS; unknown.size > 0 && machineMs() < until; ) {
        const batch = [...unknown].slice(0, o.workers);
        const outcomes = await Promise.all(batch.map(([mark, { kind, person, send }], n) => ask(mark, kind, person, send, n % 2)));
        if (outcomes.includes('unknown')) await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return unknown.size;
    },
  };
}

// Imported for its types as well: only as a child does it act.
if (process.argv[1]?.endsWith('faults/client.ts') && process.send) {
  let client: ReturnType<typeof work> | null = null;
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: { start?: ClientStart; say?: 'pause' | 'go' | 'settle' }) => {
    void (async () => {
      if (message.start) client = work(message.start);
      if (message.say === 'go') client!.go();
      if (message.say === 'pause') await client!.pause();
      const left = message.say === 'settle' ? await client!.settle() : undefined;
      process.send!({ done: message.say ?? 'start', left });
    })();
  });
}
