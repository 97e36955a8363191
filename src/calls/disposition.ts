// What the team says of how a call ended, and of what came of it: it stands before what the provider says, whenever that comes.
import type { Actor } from '../access/viewer.ts';
import type { CALL_DISPOSITIONS } from '../../schema/calls.ts';
import { lockConversation } from '../conversations/rows.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import { tieOf } from '../messages/store.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { expectVersion } from '../workspaces/input.ts';

export const WRAP_UP_LENGTH_MAX = 64;

export interface Wrapping {
  callId: string;
  /** Undefined leaves it; null takes the team's word back, and the provider's stands. */
  disposition?: (typeof CALL_DISPOSITIONS)[number] | null;
  /** Undefined leaves it, null takes it away. */
  wrapUpCode?: string | null;
  expectedVersion?: number | null;
}
interface Row {
  conversationId: string;
  identityId: string;
  accountId: string;
  providerCallId: string;
  direction: string;
  state: string;
  disposition: string | null;
  chosenDisposition: string | null;
  wrapUpCode: string | null;
  talkMs: number | null;
  startedAt: string;
  version: number;
}

/** Emits `call.updated` when anything changed. @throws Refusal NOT_FOUND, CONFLICT, INVALID_TRANSITION (it goes on still), INVALID_INPUT */
export async function setCallDisposition(tx: Tx, actor: Actor, o: Wrapping): Promise<void> {
  const { workspaceId } = actor;
  if (o.wrapUpCode != null && (o.wrapUpCode.trim() === '' || o.wrapUpCode.length > WRAP_UP_LENGTH_MAX)) {
    throw new Refusal('INVALID_INPUT', `\`wrapUpCode\` has ${o.wrapUpCode.length} characters; it is 1 to ${WRAP_UP_LENGTH_MAX}, not all of them blank.`, { field: ['wrapUpCode'] });
  }
  const [place] = await tx<{ conversationId: string }[]>`select conversation_id from calls where workspace_id = ${workspaceId} and id = ${o.callId}`;
  await lockConversation(tx, workspaceId, found(place, 'call').conversationId);
  const [row] = await tx<Row[]>`
    select conversation_id, identity_id, account_id, provider_call_id, direction, state, disposition, chosen_disposition, wrap_up_code, talk_ms, started_at, version
    from calls where workspace_id = ${workspaceId} and id = ${o.callId}`;
  const call = found(row, 'call');
  expectVersion(call.version, o.expectedVersion);
  if (call.state !== 'ENDED' && o.disposition != null) throw new Refusal('INVALID_TRANSITION', 'The call goes on; how it ended can be said once it is over.', { field: ['disposition'] });
  const chosen = o.disposition === undefined ? call.chosenDisposition : o.disposition;
  const wrapUpCode = o.wrapUpCode === undefined ? call.wrapUpCode : (o.wrapUpCode?.trim() ?? null);
  if (chosen === call.chosenDisposition && wrapUpCode === call.wrapUpCode) return;
  await tx`update calls set chosen_disposition = ${chosen}, wrap_up_code = ${wrapUpCode}, version = version + 1 where workspace_id = ${workspaceId} and id = ${o.callId}`;
  const disposition = chosen ?? call.disposition;
  await putTimelineEntry(tx, workspaceId, {
    identityId: call.identityId, occurredAt: call.startedAt, tie: tieOf(call.providerCallId), kind: 'CALL', refId: o.callId, conversationId: call.conversationId, channel: 'VOICE',
    actor: { kind: 'CUSTOMER', id: call.identityId }, data: { direction: call.direction, state: call.state, disposition, talkMs: call.talkMs },
  });
  await appendEvents(tx, workspaceId, [{
    kind: 'call.updated', actor, conversationId: call.conversationId,
    data: { callId: o.callId, identityId: call.identityId, phase: 'disposition', state: call.state, disposition, version: call.version + 1 },
  }]);
}
