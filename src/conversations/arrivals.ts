// What a conversation's messages and calls, taken in the order in which they happened, say of it: counted anew when one comes late or leaves again.
import type { Tx } from '../platform/db.ts';
import type { Channel } from './continuity.ts';
import type { ConversationRow } from './rows.ts';

interface Counted {
  channels: Channel[] | null;
  lastInboundChannel: Channel | null;
  firstInboundAt: string | null;
  firstResponseAt: string | null;
  waitingSince: string | null;
  lastMessageId: string | null;
  lastMessageAt: string | null;
}

/**
 * Counts channels, first and last things and who waits from the conversation's messages and calls, into `conversation`. The caller holds its lock;
 * what arrived is stored, what left is gone. Somebody waits since the first thing of his that nothing of ours came after; in what is closed or pending nobody does.
 */
export async function recountArrivals(tx: Tx, workspaceId: string, conversation: ConversationRow): Promise<void> {
  const [counted] = await tx<Counted[]>`
    with things as (
      select occurred_at as at, tie, direction, channel, auto_generated, historical, id as message_id from messages
      where workspace_id = ${workspaceId} and conversation_id = ${conversation.id}
      union all
      select started_at, 0, direction, 'VOICE', false, false, null from calls where workspace_id = ${workspaceId} and conversation_id = ${conversation.id}
      union all
      select answered_at, 0, 'OUTBOUND', 'VOICE', false, false, null from calls
      where workspace_id = ${workspaceId} and conversation_id = ${conversation.id} and answered_at is not null
    ), people as (select * from things where not auto_generated),
    asked as (select min(at) as at from people where direction = 'INBOUND')
    select (select array_agg(channel order by first, channel) from (select channel, min(at) as first from things group by channel) c) as channels,
      (select channel from things where direction = 'INBOUND' order by at desc, tie desc limit 1) as last_inbound_channel,
      (select at from asked) as first_inbound_at,
      (select min(at) from people where direction = 'OUTBOUND' and at >= (select at from asked)) as first_response_at,
      (select min(at) from people where direction = 'INBOUND' and not historical
        and at > coalesce((select max(at) from people where direction = 'OUTBOUND'), '-infinity')) as waiting_since,
      (select message_id from things where message_id is not null order by at desc, tie desc, message_id desc limit 1) as last_message_id,
      (select max(at) from things where message_id is not null) as last_message_at`;
  const { channels, waitingSince, ...rest } = counted!;
  Object.assign(conversation, { ...rest, channels: channels ?? [], waitingSince: conversation.status === 'OPEN' ? waitingSince : null } satisfies Partial<ConversationRow>);
}
