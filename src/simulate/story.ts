// Pure: what happens on a simulated day, step by step and without an end. The same seed tells the same story: who, by which channel, which words, which ids.
import { seededRandom } from '../platform/random.ts';
import type { Act, OfferedChannel } from '../sandbox/offer.ts';
import { idOf } from './people.ts';
import { MATTERS, type Matter } from './matters.ts';

export interface Step {
  /** Of the person, from 0. */
  person: number;
  /** Index into the ways that were given. */
  way: number;
  act: StoryAct;
  /** What the team answers by the same way, and what the customer does with that answer; null: nobody answers it now. */
  answer: { id: string; text: string; reaction: string | null } | null;
}
/** A file is named here and made where it is sent. */
export type StoryAct = Exclude<Act, { kind: 'message' | 'reaction' | 'edit' }> | { kind: 'message'; id: string; text: string; subject: string; withFile: boolean; editedText: string | null };

/** What the story has to know of a way by which people reach the team. */
export interface WayTraits {
  channel: OfferedChannel;
  can: ReadonlySet<Act['kind'] | 'file'>;
}

const SHARES = { open: 0.35, answered: 0.6, reaction: 0.4, edit: 0.08, file: 0.15, sameWay: 0.45, unanswered: 0.35 };
const REACTIONS = ['👍', '❤️', '🙏', '😊'];

interface Open {
  matter: Matter;
  order: string;
  line: number;
  way: number;
}

export function* story(o: { seed: number; customers: number; ways: readonly WayTraits[] }): Generator<Step, never> {
  const random = seededRandom(o.seed);
  const below = (n: number): number => Math.floor(random() * n);
  const open = new Map<number, Open>();
  for (let n = 0; ; n++) {
    // All come once before anybody comes with something new, so that a short day shows everybody's channels.
    const person = n < o.customers ? n : below(o.customers);
    const id = idOf(`step ${o.seed} ${n}`);
    const going = open.get(person);
    const isNew = going === undefined || random() < SHARES.open * 0.2;
    const now: Open = isNew ? { matter: MATTERS[below(MATTERS.length)]!, order: String(40_000 + below(50_000)), line: 0, way: n < o.ways.length ? n : below(o.ways.length) } : going;
    if (!isNew && random() >= SHARES.sameWay) now.way = below(o.ways.length);
    const traits = o.ways[now.way]!;
    const answered = random() < SHARES.answered;
    if (traits.can.has('call')) {
      const isMissed = random() < SHARES.unanswered;
      yield { person, way: now.way, act: { kind: 'call', id, talkSeconds: isMissed ? null : 20 + below(600), voicemailSeconds: isMissed && random() < 0.6 ? 5 + below(60) : null }, answer: null };
      open.set(person, now);
      continue;
    }
    const filled = (text: string): string => text.replaceAll('{order}', now.order);
    const [said, reply] = now.matter.lines[now.line]!;
    const text = filled(said);
    const act: StoryAct = {
      kind: 'message', id, text, subject: filled(now.matter.subject), withFile: traits.can.has('file') && random() < SHARES.file,
      editedText: traits.can.has('edit') && random() < SHARES.edit ? `${text} Sorry, I meant order #${now.order}.` : null,
    };
    const reaction = traits.can.has('reaction') && random() < SHARES.reaction ? REACTIONS[below(REACTIONS.length)]! : null;
    yield { person, way: now.way, act, answer: answered ? { id: idOf(`answer ${id}`), text: filled(reply), reaction } : null };
    now.line++;
    if (now.line < now.matter.lines.length) open.set(person, now);
    else open.delete(person);
  }
}
