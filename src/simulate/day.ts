// A simulated day: the story is told by its ways at a given rate, agents answer, and at the end everything that was acknowledged is looked up.
import type { Act, Told } from '../sandbox/offer.ts';
import { ApiRefused, type Api } from './api.ts';
import { answer, countTimeline, introduce, providerIdOf, stateOf } from './desk.ts';
import { idOf, personOf, type Person } from './people.ts';
import { pictureOf } from './picture.ts';
import { story, type Step } from './story.ts';
import { shopIdentity, type Way } from './way.ts';

export interface DayOptions {
  api: Api;
  ways: readonly Way[];
  seed: number;
  customers: number;
  /** Messages and calls that begin in a second. */
  ratePerSecond: number;
  /** Ends it before `durationMs`; what is under way is finished, and looked up. */
  signal: AbortSignal;
  durationMs: number;
  progress: (tally: Readonly<Tally>) => void;
}
export interface Tally {
  sent: number;
  acknowledged: number;
  answered: number;
  dropped: number;
}
export interface WayResult extends Tally {
  channel: string;
  by: string;
  /** Of what was acknowledged and answered: what stands there exactly once. */
  onTimeline: number;
  /** Answers that the provider took or reported on. */
  delivered: number;
  /** Edits and reactions. */
  changes: number;
}
export interface DayResult {
  ok: boolean;
  seed: number;
  ways: WayResult[];
  total: WayResult;
  redelivered: number;
  /** Why something was dropped, and how often. */
  drops: Record<string, number>;
  /** What was acknowledged and is missing, or there more than once; a sentence each. */
  faults: string[];
}

/** Deliveries under way at once, at most. */
const UNDER_WAY_MAX = 64;
const TRIES_MAX = 5;
const RETRY_MS = 250;
/** One message in sixteen comes twice, as providers do when an answer was slow. */
const TWICE = /^[0-9a-f]*0$/;
const SETTLE_MS = 30_000;
const LOOK_MS = 500;
const SENDING_MS = 10_000;
const SENT_STATES = new Set(['ACCEPTED', 'SENT', 'DELIVERED', 'READ', 'PLAYED']);
const ENDED_STATES = new Set(['FAILED', 'UNCONFIRMED']);

interface Expected {
  person: Person;
  way: WayResult;
  name: string;
}

export async function simulateDay(o: DayOptions): Promise<DayResult> {
  const results = o.ways.map(({ channel, by }): WayResult => ({ channel, by, sent: 0, acknowledged: 0, answered: 0, dropped: 0, onTimeline: 0, delivered: 0, changes: 0 }));
  const total = { channel: 'all', by: '', sent: 0, acknowledged: 0, answered: 0, dropped: 0, onTimeline: 0, delivered: 0, changes: 0 };
  const result: DayResult = { ok: false, seed: o.seed, ways: results, total, redelivered: 0, drops: {}, faults: [] };
  const expected: Expected[] = [];
  const answers: { id: string; way: WayResult }[] = [];
  const lastOf = new Map<number, Promise<void>>();
  const count = (way: WayResult, what: keyof Tally | 'delivered' | 'changes' | 'onTimeline'): void => {
    way[what]++;
    total[what]++;
  };

  await perform();
  await lookUp();
  await countDelivered();
  result.ok = result.faults.length === 0 && total.dropped === 0 && total.acknowledged > 0;
  return result;

  /** Each person does one thing after the other; people act at the same time. */
  async function perform(): Promise<void> {
    const began = performance.now();
    let begun = 0;
    const underWay = new Set<Promise<void>>();
    for (const step of story({ seed: o.seed, customers: o.customers, ways: o.ways })) {
      const due = began + (begun++ * 1_000) / o.ratePerSecond;
      if (due - began >= o.durationMs || !(await pausedUntil(due, o.signal))) break;
      if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
      const before = lastOf.get(step.person) ?? introduce(o.api, personOf(o.seed, step.person), o.ways);
      const done = before.then(() => take(step)).catch((error: Error) => drop(results[step.way]!, reasonOf(error)));
      lastOf.set(step.person, done);
      underWay.add(done);
      void done.finally(() => underWay.delete(done));
      o.progress(total);
    }
    await Promise.all(underWay);
    o.progress(total);
  }

  async function take({ person: n, way: index, act, answer: given }: Step): Promise<void> {
    const [person, way, counts] = [personOf(o.seed, n), o.ways[index]!, results[index]!];
    count(counts, 'sent');
    const whole: Act = act.kind === 'message' ? { kind: 'message', id: act.id, text: act.text, subject: act.subject, ...(act.withFile ? { file: pictureOf(act.id) } : {}) } : act;
    const told = await delivered(way, person, whole);
    if (!isTaken(told)) return drop(counts, `${way.channel}: ${told.status} ${told.body.slice(0, 120)}`);
    count(counts, 'acknowledged');
    expected.push({ person, way: counts, name: told.providerId });
    if (act.kind !== 'message') return;
    if (TWICE.test(act.id)) {
      result.redelivered++;
      await delivered(way, person, whole);
    }
    if (act.editedText !== null) await change(way, person, counts, { kind: 'edit', id: idOf(`edit ${act.id}`), about: told.providerId, text: act.editedText });
    if (given) await beAnswered(way, person, counts, told.providerId, given);
  }

  async function beAnswered(way: Way, person: Person, counts: WayResult, about: string, given: NonNullable<Step['answer']>): Promise<void> {
    const messageId = await answer(o.api, way, person, { about, id: given.id, text: given.text });
    count(counts, 'answered');
    answers.push({ id: messageId, way: counts });
    expected.push({ person, way: counts, name: messageId });
    if (given.reaction === null) return;
    const providerId = await providerIdOf(o.api, messageId);
    if (providerId !== null) await change(way, person, counts, { kind: 'reaction', id: idOf(`reaction ${given.id}`), about: providerId, emoji: given.reaction });
  }

  async function change(way: Way, person: Person, counts: WayResult, act: Act): Promise<void> {
    const told = await delivered(way, person, act);
    if (isTaken(told)) count(counts, 'changes');
    else drop(counts, `${way.channel} ${act.kind}: ${told.status} ${told.body.slice(0, 120)}`);
  }

  function drop(counts: WayResult, reason: string): void {
    count(counts, 'dropped');
    result.drops[reason] = (result.drops[reason] ?? 0) + 1;
  }

  /** Until everything is there once, or nothing more came for a while. */
  async function lookUp(): Promise<void> {
    const byPerson = new Map<string, Expected[]>();
    for (const one of expected) byPerson.set(one.person.shopId, [...(byPerson.get(one.person.shopId) ?? []), one]);
    let deadline = performance.now() + SETTLE_MS;
    while (byPerson.size > 0) {
      const isLast = performance.now() > deadline;
      for (const [shopId, all] of byPerson) {
        const there = await countTimeline(o.api, shopIdentity(all[0]!.person));
        const wrong = all.filter(({ name }) => there.get(name) !== 1);
        if (wrong.length > 0 && !isLast) continue;
        for (const one of all) if (!wrong.includes(one)) count(one.way, 'onTimeline');
        for (const { name, way } of wrong) result.faults.push(`${way.channel} ${name} was acknowledged and stands ${there.get(name) ?? 0} times on the timeline of ${all[0]!.person.name}.`);
        byPerson.delete(shopId);
        if (wrong.length === 0) deadline = performance.now() + SETTLE_MS;
      }
      if (byPerson.size > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** What waits for its provider's pace is given some time; what became nothing is told of. */
  async function countDelivered(): Promise<void> {
    const deadline = performance.now() + SENDING_MS;
    let waiting = answers;
    for (;;) {
      const states = [];
      for (let n = 0; n < waiting.length; n += UNDER_WAY_MAX) states.push(...(await Promise.all(waiting.slice(n, n + UNDER_WAY_MAX).map(async (one) => ({ one, ...(await stateOf(o.api, one.id)) })))));
      for (const { one, deliveryState, errorReason } of states) {
        if (SENT_STATES.has(deliveryState)) count(one.way, 'delivered');
        if (ENDED_STATES.has(deliveryState)) drop(one.way, `${one.way.channel} answer ${deliveryState}: ${errorReason ?? ''}`);
      }
      waiting = states.filter(({ deliveryState }) => !SENT_STATES.has(deliveryState) && !ENDED_STATES.has(deliveryState)).map(({ one }) => one);
      if (waiting.length === 0 || performance.now() > deadline) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** As a provider does: again while the desk is busy or not there, and the same delivery. */
async function delivered(way: Way, person: Person, act: Act): Promise<Told> {
  for (let tried = 1; ; tried++) {
    const told = await way.tell(person, act).catch((error: Error): Told => ({ status: 0, body: reasonOf(error), providerId: act.id }));
    const passes = told.status === 0 || told.status === 429 || told.status >= 500;
    if (!passes || tried === TRIES_MAX) return told;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** tried));
  }
}

const isTaken = ({ status }: Told): boolean => status >= 200 && status < 300;

const reasonOf = (error: Error): string => (error instanceof ApiRefused ? `${error.code}: ${error.message}` : ((error.cause as Error | undefined)?.message ?? error.message)).slice(0, 160);

/** False: it was ended before. */
function pausedUntil(due: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const leftMs = due - performance.now();
  if (leftMs <= 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    const ended = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', ended);
      resolve(true);
    }, leftMs);
    signal.addEventListener('abort', ended, { once: true });
  });
}
