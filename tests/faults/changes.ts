// What the changes left behind: they have no row of their own, so the state of a conversation is held against those that may have been the last to set it.
import { CHANGES, EITHER, effectOf, type World } from './acts.ts';
import type { Act, Asking } from './fleet.ts';

/** Part of a conversation's state → its value: `subject`, `priority`, `assignee`, `queue`, `status`, `tag NAME` (`on` or `off`). */
export type Parts = ReadonlyMap<string, string | null>;

/**
 * Changes that were acknowledged, and are lost: a part of the state has a value that nobody who may have been the last to set it gave. `states`: of each
 * person's conversation, as it stands now. An act may have its effect as long as one of its askings is under way.
 */
export function lostChanges(states: ReadonlyMap<number, Parts>, acts: ReadonlyMap<string, Act>, askings: readonly Asking[], world: Pick<World, 'memberIds' | 'queueIds'>): string[] {
  const lastEnd = new Map<string, number>();
  for (const { mark, to } of askings) lastEnd.set(mark, Math.max(lastEnd.get(mark) ?? 0, to ?? Infinity));
  const lost: string[] = [];
  for (const [person, state] of states) {
    const setters = [...acts.values()]
      .filter((act) => act.person === person && CHANGES.has(act.kind) && act.outcome !== 'refused')
      .flatMap((act) => [...effectOf(act.kind, act.mark, world)].map(([part, value]) => ({ act, part, value })));
    for (const [part, stands] of state) {
      const of = setters.filter((setter) => setter.part === part);
      const given = of.filter(({ act }) => act.acknowledgedAt !== null);
      // A customer's word opens a conversation that waits.
      if (given.length === 0 || (part === 'status' && stands === 'OPEN')) continue;
      const newest = Math.max(...given.map(({ act }) => act.askedAt));
      const mayBeLast = ({ act }: { act: Act }) => act.askedAt === newest || lastEnd.get(act.mark)! >= newest;
      if (!of.some((setter) => (setter.value === EITHER || setter.value === stands) && mayBeLast(setter))) {
        lost.push(`${given.find(({ act }) => act.askedAt === newest)!.act.mark}: ${part} is ${stands}`);
      }
    }
  }
  return lost;
}
