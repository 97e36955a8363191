// A phone call: one thing on the timeline that changes as events arrive, until its recording and transcript are there.
import { bigint, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { channelAccounts } from './channels.ts';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { conversations } from './conversations.ts';
import { identities, TRUSTS } from './identities.ts';
import { DIRECTIONS, MEDIA_STATES } from './messages.ts';
import { members } from './workspaces.ts';

export const CALL_STATES = ['RINGING', 'IN_PROGRESS', 'ENDED'] as const;
export const CALL_DISPOSITIONS = ['ANSWERED', 'MISSED', 'ABANDONED', 'VOICEMAIL', 'BUSY', 'NO_ANSWER', 'REJECTED', 'FAILED', 'CANCELED'] as const;
export const RECORDING_KINDS = ['CALL', 'VOICEMAIL'] as const;
export const RECORDING_STATES = ['IN_PROGRESS', 'COMPLETED', 'ABSENT', 'FAILED'] as const;

export const calls = pgTable('calls', {
  workspaceId: workspaceId(),
  id: id(),
  conversationId: uuid().notNull(),
  /** The other party. A withheld number is an identity of its own kind of nobody: the call hangs on a new customer's SELF. */
  identityId: uuid().notNull(),
  accountId: uuid().notNull(),
  providerCallId: text().notNull(),
  direction: text().notNull(),
  /** How far to believe that the caller is who the number says, the most that an event of the call attested; null for outbound. */
  senderTrust: text(),
  fromValue: text(),
  toValue: text(),
  state: text().notNull(),
  /** As its events fold; `chosen_disposition` of the team stands before it. */
  disposition: text(),
  chosenDisposition: text(),
  /** The team's own word for what came of it. */
  wrapUpCode: text(),
  startedAt: moment().notNull(),
  ringingAt: moment(),
  answeredAt: moment(),
  endedAt: moment(),
  ringMs: bigint({ mode: 'number' }),
  talkMs: bigint({ mode: 'number' }),
  /** What the provider said; `hold_ms` is this, else counted from the steps. */
  reportedHoldMs: bigint({ mode: 'number' }),
  holdMs: bigint({ mode: 'number' }),
  queueMs: bigint({ mode: 'number' }),
  endCause: text(),
  memberId: uuid(),
  /** The events already folded, so that a late or repeated one changes nothing: `{ "<provider sequence key>": true }` is not kept; this is the highest sequence seen. */
  lastSequence: integer().notNull().default(-1),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'calls_conversation', columns: [t.workspaceId, t.conversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  foreignKey({ name: 'calls_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  foreignKey({ name: 'calls_account', columns: [t.workspaceId, t.accountId], foreignColumns: [channelAccounts.workspaceId, channelAccounts.id] }),
  foreignKey({ name: 'calls_member', columns: [t.workspaceId, t.memberId], foreignColumns: [members.workspaceId, members.id] }),
  uniqueIndex('calls_by_provider_id').on(t.workspaceId, t.accountId, t.providerCallId),
  index('calls_by_conversation').on(t.workspaceId, t.conversationId, t.startedAt, t.id),
  oneOf('calls_direction', t.direction, DIRECTIONS),
  oneOf('calls_sender_trust', t.senderTrust, TRUSTS),
  oneOf('calls_state', t.state, CALL_STATES),
  oneOf('calls_disposition', t.disposition, CALL_DISPOSITIONS),
  oneOf('calls_chosen_disposition', t.chosenDisposition, CALL_DISPOSITIONS),
]);

export const callLegs = pgTable('call_legs', {
  workspaceId: workspaceId(),
  id: id(),
  callId: uuid().notNull(),
  providerLegId: text().notNull(),
  parentProviderLegId: text(),
  party: text(),
  startedAt: moment().notNull(),
  answeredAt: moment(),
  endedAt: moment(),
  endCause: text(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'call_legs_call', columns: [t.workspaceId, t.callId], foreignColumns: [calls.workspaceId, calls.id] }),
  uniqueIndex('call_legs_by_provider_id').on(t.workspaceId, t.callId, t.providerLegId),
]);

export const CALL_STEPS = ['HELD', 'RESUMED', 'QUEUED', 'DEQUEUED', 'TRANSFERRED'] as const;

/** What happened to a call between its ring and its end. */
export const callSteps = pgTable('call_steps', {
  workspaceId: workspaceId(),
  id: id(),
  callId: uuid().notNull(),
  /** Of its event: the same event is one step. */
  eventKey: text().notNull(),
  kind: text().notNull(),
  /** To whom it was transferred, or the queue. */
  party: text(),
  occurredAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'call_steps_call', columns: [t.workspaceId, t.callId], foreignColumns: [calls.workspaceId, calls.id] }),
  uniqueIndex('call_steps_by_event').on(t.workspaceId, t.callId, t.eventKey),
  oneOf('call_steps_kind', t.kind, CALL_STEPS),
]);

export const recordings = pgTable('recordings', {
  workspaceId: workspaceId(),
  id: id(),
  callId: uuid().notNull(),
  providerRecordingId: text().notNull(),
  kind: text().notNull(),
  state: text().notNull(),
  durationMs: bigint({ mode: 'number' }),
  channels: integer(),
  url: text(),
  /** Where its file is; null until the provider says where. */
  mediaState: text(),
  sha256: text(),
  size: bigint({ mode: 'number' }),
  mime: text(),
  startedAt: moment(),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'recordings_call', columns: [t.workspaceId, t.callId], foreignColumns: [calls.workspaceId, calls.id] }),
  uniqueIndex('recordings_by_provider_id').on(t.workspaceId, t.callId, t.providerRecordingId),
  oneOf('recordings_kind', t.kind, RECORDING_KINDS),
  oneOf('recordings_state', t.state, RECORDING_STATES),
  oneOf('recordings_media_state', t.mediaState, MEDIA_STATES),
]);

export const TRANSCRIPT_STATES = ['COMPLETED', 'FAILED'] as const;
export const transcripts = pgTable('transcripts', {
  workspaceId: workspaceId(),
  id: id(),
  callId: uuid().notNull(),
  providerTranscriptId: text().notNull(),
  providerRecordingId: text(),
  state: text().notNull(),
  text: text(),
  data: jsonb(),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'transcripts_call', columns: [t.workspaceId, t.callId], foreignColumns: [calls.workspaceId, calls.id] }),
  uniqueIndex('transcripts_by_provider_id').on(t.workspaceId, t.callId, t.providerTranscriptId),
  oneOf('transcripts_state', t.state, TRANSCRIPT_STATES),
]);
