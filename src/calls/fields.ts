// The graph's calls: one thing on the timeline that changes as it rings, is answered, ends, and its recording and transcript come.
import { CALL_DISPOSITIONS, CALL_STATES, CALL_STEPS, RECORDING_KINDS, RECORDING_STATES, TRANSCRIPT_STATES } from '../../schema/calls.ts';
import { ChannelAccount } from '../channels/fields.ts';
import { Conversation, ownerOf } from '../conversations/fields.ts';
import { Customer } from '../customers/fields.ts';
import { byId, column, computed, entity, enumeration, expression, extend, list, many, one, query } from '../graphql/entity.ts';
import { Identity, Trust } from '../identities/fields.ts';
import { fileUrl } from '../messages/file-url.ts';
import { Direction, MediaState } from '../messages/fields.ts';
import { Member } from '../workspaces/fields.ts';

const CallState = enumeration('CallState', 'Where a call is.', CALL_STATES, { RINGING: 'It rings, or is in a queue or menu.', IN_PROGRESS: 'It was answered.', ENDED: 'It is over.' });
export const CallDisposition = enumeration('CallDisposition', 'How a call ended.', CALL_DISPOSITIONS, {
  ANSWERED: 'Somebody talked.', MISSED: 'Nobody picked up.', ABANDONED: 'The caller gave up while waiting.', VOICEMAIL: 'The caller left a message.', BUSY: 'The line was busy.',
  NO_ANSWER: 'It rang out.', REJECTED: 'It was turned down.', FAILED: 'It could not be connected.', CANCELED: 'It was called off before it was answered.',
});
const RecordingKind = enumeration('RecordingKind', 'What a recording holds.', RECORDING_KINDS, { CALL: 'The talk.', VOICEMAIL: 'The message that the caller left.' });
const RecordingState = enumeration('RecordingState', 'Whether a recording can be heard.', RECORDING_STATES, {
  IN_PROGRESS: 'Being made.', COMPLETED: 'It is there.', ABSENT: 'The provider has none (silence).', FAILED: 'It could not be made.',
});
const TranscriptState = enumeration('TranscriptState', 'Whether a transcript can be read.', TRANSCRIPT_STATES, { COMPLETED: 'It is there.', FAILED: 'It could not be made.' });

export const CallLeg = entity('CallLeg', {
  prefix: 'leg', table: 'call_legs', permission: 'messages:read', description: 'One connection of a call: the caller\'s, and one for each phone that it was put through to.',
  fields: {
    providerLegId: column('String', 'provider_leg_id', 'The provider\'s id of the leg.'),
    party: column('String', 'party', 'The number or address at its end; null when it was withheld.', { nullable: true, permission: 'customers:contact' }),
    startedAt: column('DateTime', 'started_at', 'When it began.'),
    answeredAt: column('DateTime', 'answered_at', 'When it was answered; null when it was not.', { nullable: true }),
    endedAt: column('DateTime', 'ended_at', 'When it ended; null while it goes on.', { nullable: true }),
    endCause: column('String', 'end_cause', 'Why it ended, in the provider\'s words; null when it didn\'t say.', { nullable: true }),
  },
});
const CallStepKind = enumeration('CallStepKind', 'What happened to a call on its way.', CALL_STEPS, {
  HELD: 'The other side was put on hold.', RESUMED: 'The talk went on.', QUEUED: 'The caller began to wait in a queue.', DEQUEUED: 'He waits there no longer.', TRANSFERRED: 'It was handed on.',
});
export const CallStep = entity('CallStep', {
  prefix: 'stp', table: 'call_steps', permission: 'messages:read', description: 'Something that happened to a call between its ring and its end.',
  fields: {
    kind: column(CallStepKind, 'kind', 'What happened.'),
    party: column('String', 'party', 'To whom it was transferred, or the queue\'s name; null otherwise.', { nullable: true, permission: 'customers:contact' }),
    occurredAt: column('DateTime', 'occurred_at', 'When.'),
  },
});
export const Recording = entity('Recording', {
  prefix: 'rcd', table: 'recordings', permission: 'messages:read', description: 'What was recorded of a call; it comes some minutes after the end.',
  fields: {
    kind: column(RecordingKind, 'kind', 'What it holds.'),
    state: column(RecordingState, 'state', 'Whether it can be heard.'),
    durationMs: expression('Milliseconds', (r) => `${r}.duration_ms`, 'How long it is; null until it is known.', { nullable: true }),
    url: column('String', 'url', 'The recording at the provider, which asks for the account\'s credentials; null until it is there.', { nullable: true }),
    mediaState: column(MediaState, 'media_state', 'Where its file is; null until the provider says where.', { nullable: true }),
    mime: column('String', 'mime', 'What the provider says that the file is; null until it is here.', { nullable: true }),
    size: column('Bytes', 'size', 'The file\'s size in bytes; null until it is here.', { nullable: true }),
    fileUrl: computed('String', ['workspace_id', 'id', 'media_state'], (workspaceId: string, id: string, state: string | null) => (state === 'STORED' ? fileUrl('API', workspaceId, id) : null),
      'Where it can be heard from here, without a key, for 5 to 10 minutes: ask again then. Null unless STORED. A path only, when the server has no PUBLIC_URL.', { nullable: true }),
  },
});
export const Transcript = entity('Transcript', {
  prefix: 'trn', table: 'transcripts', permission: 'messages:read', description: 'What was said in a call, as text.',
  fields: {
    state: column(TranscriptState, 'state', 'Whether it can be read.'),
    text: column('String', 'text', 'The text; null when it failed.', { nullable: true }),
    createdAt: column('DateTime', 'created_at', 'When it came.'),
  },
});

export const Call = entity('Call', {
  prefix: 'cal', table: 'calls', permission: 'messages:read', description: 'A phone call: one thing that changes from the ring to the transcript.',
  fields: {
    conversation: one(() => Conversation, 'conversation_id', 'The conversation that it belongs to.', { permission: 'conversations:read' }),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'Who called or was called.', { permission: 'customers:read' }),
    identity: one(() => Identity, 'identity_id', 'The number that it came from or went to; of a withheld number, an address of nobody.', { permission: 'customers:contact' }),
    account: one(() => ChannelAccount, 'account_id', 'Our number.', { permission: 'channels:read' }),
    direction: column(Direction, 'direction', 'Which way it went.'),
    senderTrust: column(Trust, 'sender_trust', 'How far to believe that the caller is who the number says: ATTESTED when the network attested the number; null for outbound ones.', { nullable: true }),
    state: column(CallState, 'state', 'Where it is.'),
    disposition: expression(CallDisposition, (c) => `coalesce(${c}.chosen_disposition, ${c}.disposition)`, 'How it ended: as the team said (`setCallDisposition`), else as the provider did; null while it goes on.', { nullable: true }),
    wrapUpCode: column('String', 'wrap_up_code', 'What came of it, in the team\'s own word; null when nobody said.', { nullable: true }),
    fromValue: column('String', 'from_value', 'Who called, as the provider says; a caller id proves nothing. Null when it was withheld.', { nullable: true, permission: 'customers:contact' }),
    toValue: column('String', 'to_value', 'Who was called; null when it wasn\'t said.', { nullable: true, permission: 'customers:contact' }),
    member: one(() => Member, 'member_id', 'Who of the team talked; null when it isn\'t known.', { nullable: true, permission: 'workspace:read' }),
    startedAt: column('DateTime', 'started_at', 'When it began.'),
    ringingAt: column('DateTime', 'ringing_at', 'When it began to ring; null when it never did.', { nullable: true }),
    answeredAt: column('DateTime', 'answered_at', 'When it was answered; null when it was not (yet).', { nullable: true }),
    endedAt: column('DateTime', 'ended_at', 'When it ended; null while it goes on.', { nullable: true }),
    ringMs: expression('Milliseconds', (c) => `${c}.ring_ms`, 'How long it rang; null until it was answered or ended.', { nullable: true }),
    talkMs: expression('Milliseconds', (c) => `${c}.talk_ms`, 'How long was talked; null until it ended, and when nobody answered.', { nullable: true }),
    holdMs: expression('Milliseconds', (c) => `${c}.hold_ms`, 'How long the other side was on hold; null when it never was, or isn\'t told.', { nullable: true }),
    queueMs: expression('Milliseconds', (c) => `${c}.queue_ms`, 'How long the caller waited in queues; null when he didn\'t, or isn\'t told.', { nullable: true }),
    endCause: column('String', 'end_cause', 'Why it ended, in the provider\'s words; null when it didn\'t say.', { nullable: true }),
    steps: list(() => CallStep, 'What happened to it on its way (hold, queue, transfer), in order; at most 100.', { key: 'call_id', order: 'occurred_at, id', max: 100 }),
    legs: list(() => CallLeg, 'Its connections, in order; at most 50.', { key: 'call_id', order: 'started_at, id', max: 50 }),
    recordings: list(() => Recording, 'Its recordings, in order of arrival; at most 50.', { key: 'call_id', order: 'created_at, id', max: 50 }),
    transcripts: list(() => Transcript, 'Its transcripts, in order of arrival; at most 50.', { key: 'call_id', order: 'created_at, id', max: 50 }),
    version: column('Int', 'version', 'Rises with every change.'),
    createdAt: column('DateTime', 'created_at', 'When it was first heard of.'),
  },
});

extend(Conversation, {
  calls: many(() => Call, 'Its calls, the newest first.', {
    key: 'conversation_id', orders: { NEWEST: { description: 'The newest first.', columns: ['started_at'], descending: true } }, typeName: 'Call', permission: 'messages:read',
  }),
});

query({ call: byId(() => Call, 'One call; null when the workspace has none of that id.', { permission: 'messages:read' }) });
