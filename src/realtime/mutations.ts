// What a client says about the moment: it types, it is there. Said to every process and stored nowhere.
import { Conversation } from '../conversations/fields.ts';
import { PRESENCE_RENEW_MS, sayPresence, sayTyping, TYPING_RENEW_MS } from '../events/signals.ts';
import { idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { tellTyping } from '../messages/acknowledge.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { Member } from '../workspaces/fields.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { PresenceType } from './fields.ts';

mutation('setTyping', {
  description: `Tells those who follow the conversation that you type, and the customer, where his channel shows it (WhatsApp). Say so again every ${TYPING_RENEW_MS} ms while it lasts; it ends by itself after twice that time.`,
  permission: 'messages:send',
  input: {
    conversationId: { type: idOf('cnv'), required: true, description: 'The conversation.' },
    isTyping: { type: 'Boolean', required: true, description: 'False: you stopped.' },
  },
  payload: { conversation: { type: () => Conversation, description: 'The conversation.' } },
  run: async (tx, { actor }, { conversationId, isTyping }) => {
    const conversation = await existing(tx, actor.workspaceId, conversationId);
    if (isTyping) {
      const [row] = await tx<{ lastInboundChannel: string | null }[]>`select last_inbound_channel from conversations where workspace_id = ${actor.workspaceId} and id = ${conversation}`;
      await tellTyping(tx, actor.workspaceId, { id: conversation, lastInboundChannel: row!.lastInboundChannel });
    }
    sayTyping(actor.workspaceId, conversation, { actor: { kind: actor.kind, id: actor.id }, isTyping });
    return { conversation };
  },
});

mutation('setPresence', {
  description: `Tells the workspace that you are there and what you look at. Say so again every ${PRESENCE_RENEW_MS} ms; after twice that time without a word you are OFFLINE. For members only.`,
  permission: 'conversations:write',
  input: {
    presence: { type: PresenceType, required: true, description: 'Whether you are there.' },
    conversationId: { type: idOf('cnv'), description: 'The conversation that you look at; left out or null: none.' },
  },
  payload: { member: { type: () => Member, description: 'You.' } },
  run: async (tx, { actor, viewer }, { presence, conversationId }) => {
    if (viewer.memberId === null) throw new Refusal('INVALID_INPUT', 'Only a member can be there: use a member token (`createMemberToken`), not an API key.');
    const conversation = conversationId == null ? null : await existing(tx, actor.workspaceId, conversationId);
    sayPresence(actor.workspaceId, { memberId: viewer.memberId, presence, conversationId: conversation });
    return { member: viewer.memberId };
  },
});

async function existing(tx: Tx, workspaceId: string, id: string): Promise<string> {
  const conversationId = uuidFrom('cnv', id, 'conversationId');
  const [row] = await tx`select 1 from conversations where workspace_id = ${workspaceId} and id = ${conversationId}`;
  found(row, 'conversation');
  return conversationId;
}
