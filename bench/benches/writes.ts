// What the log costs those who write: the same transaction with its events and their places, and without.
import { row, type Bench } from '../bench.ts';
import { startProgram } from '../contenders/start.ts';
import { copyOf } from '../data.ts';
import { spreadOf } from '../rounds.ts';

export const writes: Bench = {
  names: ['writes.vs_insert_only'],
  async run(context) {
    const copy = await copyOf(context.cluster, await context.data(), 'writes');
    const transactions = context.quick ? 400 : 4_000;
    try {
      const program = await startProgram('writes.ts', copy.data);
      try {
        const seconds = { plain: [] as number[], events: [] as number[] };
        for (const what of ['plain', 'events'] as const) await program.tell(`run ${what} 100`);
        for (let round = 0; round < context.rounds; round++) {
          const order = ['plain', 'events'] as const;
          for (const what of round % 2 ? [...order].reverse() : order) seconds[what].push(Number(await program.tell(`run ${what} ${transactions}`)));
        }
        const perSecond = (what: 'plain' | 'events') => spreadOf(seconds[what].map((each) => transactions / each));
        return [
          row('writes.vs_insert_only', spreadOf(seconds.plain.map((plain, round) => plain / seconds.events[round]!)), 'x', '>= 0.7'),
          row('writes.insert_only.per_second', perSecond('plain'), '1/s'),
          row('writes.with_events.per_second', perSecond('events'), '1/s'),
        ];
      } finally {
        await program.stop();
      }
    } finally {
      await copy.drop();
    }
  },
};
