// Pure: who is in a group message. Bandwidth gives a group no name: it is its participants.
import { createHash } from 'node:crypto';
import { laneKey } from '../../telephone.ts';

/** As many as a message can be sent to. https://dev.bandwidth.com/docs/messaging/webhooks#inbound-message-webhooks */
export const GROUP_MAX = 10;

/** The same for everybody in it, whoever wrote; null for two, who are no group. `participants`: normal forms, our side and the writer among them. */
export function groupIdOf(participants: readonly string[]): string | null {
  const all = [...new Set(participants)].sort();
  return all.length < 3 ? null : `group:${createHash('sha256').update(all.join(' ')).digest('hex').slice(0, 32)}`;
}

/** The lane of a group between our number and all of them, of two people between the two. */
export const groupLaneKey = (account: string | null, groupId: string | null, counterpart: string): string => laneKey(account, groupId ?? counterpart);
