// Snoozed conversations open by themselves. A timer is the row's own `snoozed_until`: nothing is scheduled that a restart could lose.
import { systemActor } from '../access/viewer.ts';
import { now } from '../platform/clock.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { setConversationStatus } from './actions.ts';
import { lockConversation } from './rows.ts';

const AT_ONCE_MAX = 100;

/** Opens the conversations whose snooze is over; gives how many. Safe in several processes at once: each is looked at again under its lock. */
export async function wakeSnoozed(app: Sql, system: Sql): Promise<number> {
  const at = now();
  const due = await system<{ workspaceId: string; id: string }[]>`
    select workspace_id, id from conversations where status = 'SNOOZED' and snoozed_until <= ${at} order by snoozed_until limit ${AT_ONCE_MAX}`;
  for (const { workspaceId, id } of due) {
    await inWorkspace(app, workspaceId, async (tx) => {
      const conversation = await lockConversation(tx, workspaceId, id);
      if (conversation.status !== 'SNOOZED' || conversation.snoozedUntil === null || conversation.snoozedUntil > at) return;
      await setConversationStatus(tx, systemActor(workspaceId), { conversationId: id, status: 'OPEN', snoozedUntil: null });
    });
  }
  return due.length;
}
