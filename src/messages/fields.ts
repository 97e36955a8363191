// The graph's messages: what was said, by whom, over which channel, how it came into its conversation and how its delivery went.
import { ATTEMPT_STATES, DELIVERY_STATES, DIRECTIONS, JOIN_REASONS, MEDIA_STATES, PART_KINDS } from '../../schema/messages.ts';
import { Channel, ChannelAccount } from '../channels/fields.ts';
import { explainJoin } from '../conversations/continuity.ts';
import { Conversation, ownerOf } from '../conversations/fields.ts';
import { Customer } from '../customers/fields.ts';
import { byId, column, computed, embed, entity, enumeration, extend, list, many, one, query } from '../graphql/entity.ts';
import { Identity, Trust } from '../identities/fields.ts';
import { now } from '../platform/clock.ts';
import { publicId } from '../platform/ids.ts';
import { Actor } from '../workspaces/actor.ts';
import { fileUrl } from './file-url.ts';
import { REPLY_FORMS, REPLY_REFUSALS, replyOptions, type ReplyOption as ReplyOptionOf, type RouteFacts } from './reply-options.ts';

export const Direction = enumeration('Direction', 'Which way a message or call went.', DIRECTIONS, { INBOUND: 'From the customer.', OUTBOUND: 'To the customer.' });
export const DeliveryState = enumeration('DeliveryState', 'How far an outbound message came. Reports fold upwards: a late SENT never hides a READ.', DELIVERY_STATES, {
  RECEIVED: 'Inbound: it is here.',
  QUEUED: 'Waits to be handed to the provider, also between tries.',
  ACCEPTED: 'The provider took it.',
  SENDING: 'The provider is sending it.',
  SENT: 'It left the provider.',
  DELIVERED: 'It reached the customer\'s device or mail server.',
  READ: 'The customer opened it.',
  PLAYED: 'The customer played it (voice messages).',
  FAILED: 'It did not and will not arrive; `errorCode` and `errorReason` say why. A later proof of delivery still lifts it.',
  UNCONFIRMED: 'The provider may or may not have got it, and gave no answer; it is not sent again by itself, so that the customer doesn\'t get it twice.',
});
const JoinReason = enumeration('JoinReason', 'Why a message stands in its conversation; `Message.joinExplanation` says it as a sentence.', JOIN_REASONS, {
  ANSWERS_MESSAGE: 'It answers a message of it (e-mail\'s In-Reply-To, a quoted message).',
  REPLY_TOKEN: 'It was sent to the signed reply address of a message of it.',
  OPEN_MATTER: 'The customer\'s open conversation, which used this channel before.',
  OPEN_MATTER_OTHER_CHANNEL: 'The customer\'s open conversation, which used other channels until then.',
  SAME_LANE: 'It follows in the same thread of the provider.',
  REOPENED_BY_REPLY: 'Written in the same thread within the workspace\'s `reopenHours` after it was closed.',
  NEW_CONVERSATION: 'It opened the conversation.',
  NEW_AFTER_CLOSED: 'It opened the conversation, because what it answers was closed too long ago.',
  SENT_BY_AGENT: 'The team wrote it there.',
  EXPLICIT: 'A caller of the API put it there.',
  MOVED: 'Somebody brought it there from another conversation (a split, a merge, a move).',
});
export const PartKind = enumeration('PartKind', 'What a part of a message is.', PART_KINDS, {
  TEXT: 'Text, with its visible, quoted and signature parts apart.', MEDIA: 'A file, image, voice message or video.', LOCATION: 'A place.', CONTACTS: 'Contact cards.',
  STICKER: 'A sticker.', REACTION: 'An emoji on another message.', CHOICE: 'A button or list entry that was chosen.', FORM: 'A filled form.', ORDER: 'A cart or product enquiry.', LINK: 'A page that was shared: a post, a product, a template.',
  TEMPLATE: 'A template that the provider filled.', CALL_REF: 'A reference to a call.', ENCRYPTED: 'End-to-end encrypted: it can\'t be read here.',
  UNSUPPORTED: 'Not understood; kept as it came in `data`.',
});
export const MediaState = enumeration('MediaState', 'Where a file is.', MEDIA_STATES, {
  STORED: 'Here.', LINKED: 'At the provider, under `url`.', PENDING: 'Being fetched.', EXPIRED: 'The provider no longer has it.', FORBIDDEN: 'The provider refuses it.',
  TOO_LARGE: 'Larger than the limit.', FAILED: 'It could not be fetched.',
});
const AttemptState = enumeration('AttemptState', 'How one try to hand a message to its provider ended.', ATTEMPT_STATES, {
  STARTED: 'Being made.', ACCEPTED: 'The provider took it.', FAILED: 'The provider refused it or could not be reached.', UNCONFIRMED: 'No answer came; it may have been taken.',
});

export const MessagePart = entity('MessagePart', {
  prefix: 'prt', table: 'message_parts', permission: 'messages:read', description: 'A part of a message: a text, a file, a place.',
  fields: {
    kind: column(PartKind, 'kind', 'What it is.'),
    text: column('String', 'text', 'The whole plain text; null unless TEXT.', { nullable: true }),
    visibleText: column('String', 'visible_text', 'What of the text is new: without quotes and signature. Null unless TEXT.', { nullable: true }),
    quotedText: column('String', 'quoted_text', 'What of the text quotes earlier messages; null when nothing does.', { nullable: true }),
    signature: column('String', 'signature', 'The sender\'s signature below the text; null when there is none.', { nullable: true }),
    html: column('String', 'html', 'The text as HTML, sanitised: no script, no style that reaches outside, nothing that loads by itself. Null when it came as plain text.', { nullable: true }),
    mime: column('String', 'mime', 'The file\'s type (`image/jpeg`) as it was given; null unless MEDIA.', { nullable: true }),
    filename: column('String', 'filename', 'The file\'s name; null when it has none.', { nullable: true }),
    size: column('Bytes', 'size', 'The file\'s size in bytes; null when it isn\'t known.', { nullable: true }),
    sha256: column('String', 'sha256', 'The file\'s SHA-256 in hex; null until it is here.', { nullable: true }),
    url: column('String', 'url', 'The file at the provider; null when it came with the message.', { nullable: true }),
    fileUrl: computed('String', ['workspace_id', 'id', 'media_state'], (workspaceId: string, id: string, state: string | null) => (state === 'STORED' ? fileUrl('API', workspaceId, id) : null),
      'Where the file can be fetched from here, without a key, for 5 to 10 minutes: ask again then. A PNG, JPEG, GIF or WebP is shown by a browser, everything else saved. Null unless STORED. A path only, when the server has no PUBLIC_URL.',
      { nullable: true }),
    mediaState: column(MediaState, 'media_state', 'Where the file is; null unless MEDIA.', { nullable: true }),
    data: column('JSON', 'data', 'Everything that has no field of its own: a place\'s coordinates, a form\'s values. Null for plain text.', { nullable: true }),
  },
});

export const Attempt = entity('Attempt', {
  prefix: 'att', table: 'attempts', permission: 'messages:read', description: 'One try to hand a message to its provider.',
  fields: {
    number: column('Int', 'number', 'The first is 1.'),
    state: column(AttemptState, 'state', 'How it ended.'),
    startedAt: column('DateTime', 'started_at', 'When the provider was called.'),
    finishedAt: column('DateTime', 'finished_at', 'When its answer was there; null while none is.', { nullable: true }),
    errorCode: column('String', 'error_code', 'The provider\'s code of the refusal; null when there was none.', { nullable: true }),
    errorReason: column('String', 'error_reason', 'Why it failed; null when it did not.', { nullable: true }),
  },
});

export const Receipt = entity('Receipt', {
  prefix: 'rcp', table: 'receipts', permission: 'messages:read', description: 'What a provider reported of a message.',
  fields: {
    state: column(DeliveryState, 'state', 'What it reported.'),
    occurredAt: column('DateTime', 'occurred_at', 'When it happened by the provider\'s clock; null when it didn\'t say.', { nullable: true }),
    receivedAt: column('DateTime', 'received_at', 'When the report came.'),
    errorCode: column('String', 'error_code', 'The provider\'s code, or a bounce\'s status (`5.1.1`); null when there was no error.', { nullable: true }),
    reason: column('String', 'reason', 'Why it failed; null when it did not.', { nullable: true }),
  },
});

export const Reaction = entity('Reaction', {
  prefix: 'rct', table: 'reactions', permission: 'messages:read', description: 'An emoji that somebody put on a message.',
  scope: (row) => `${row}.emoji <> ''`,
  fields: {
    emoji: column('String', 'emoji', 'The emoji.'),
    identity: one(() => Identity, 'identity_id', 'Who reacted; null for the team, which did so in the provider\'s own app.', { nullable: true, permission: 'customers:contact' }),
    reactedAt: column('DateTime', 'reacted_at', 'When.'),
  },
});

export const Message = entity('Message', {
  prefix: 'msg', table: 'messages', permission: 'messages:read', description: 'Something that was said to or by a customer, over any channel.',
  fields: {
    conversation: one(() => Conversation, 'conversation_id', 'The conversation that it stands in.', { permission: 'conversations:read' }),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'The customer who wrote it or to whom it was written.', { permission: 'customers:read' }),
    identity: one(() => Identity, 'identity_id', 'The address that it came from, or went to.', { permission: 'customers:contact' }),
    account: one(() => ChannelAccount, 'account_id', 'Our number, mailbox or widget that it came by; null when it was brought in without one.', { nullable: true, permission: 'channels:read' }),
    channel: column(Channel, 'channel', 'The channel that it went by; every message keeps its own.'),
    direction: column(Direction, 'direction', 'Which way it went.'),
    author: embed(() => Actor, { kind: 'author_kind', id: 'author_id' }, 'Who wrote it.'),
    occurredAt: column('DateTime', 'occurred_at', 'When it was written: the earlier of the provider\'s time and our receipt. The order of the timeline.'),
    receivedAt: column('DateTime', 'received_at', 'When it arrived here.'),
    sentAt: column('DateTime', 'sent_at', 'What the sender\'s own clock said (an e-mail\'s Date); not to be trusted. Null when it said nothing.', { nullable: true }),
    subject: column('String', 'subject', 'An e-mail\'s subject; null on channels without.', { nullable: true }),
    text: column('String', 'text', 'The visible text of its parts, without quotes and signature, at most 10,000 characters; null when it has none or was deleted.', { nullable: true }),
    parts: list(() => MessagePart, 'What it holds now, in order; at most 100. None once it was deleted.', {
      key: 'message_id',
      where: (row) => `${row}.version = (select max(pv.version) from message_parts pv where pv.workspace_id = ${row}.workspace_id and pv.message_id = ${row}.message_id)
        and exists (select from messages pm where pm.workspace_id = ${row}.workspace_id and pm.id = ${row}.message_id and pm.deleted_at is null)`,
      order: 'ordinal, id', max: 100,
    }),
    deliveryState: column(DeliveryState, 'delivery_state', 'How far it came.'),
    errorCode: column('String', 'error_code', 'The provider\'s code when it FAILED; null otherwise.', { nullable: true }),
    errorReason: column('String', 'error_reason', 'Why it FAILED or is UNCONFIRMED; null otherwise.', { nullable: true }),
    reactions: list(() => Reaction, 'The emojis on it now, one a person, the first first; at most 50.', { key: 'message_id', order: 'reacted_at, id', max: 50 }),
    attempts: list(() => Attempt, 'The tries to hand it to its provider, the first first; empty for inbound ones.', { key: 'message_id', order: 'number, id', max: 20 }),
    receipts: list(() => Receipt, 'What its provider reported, in order of arrival; at most 100.', { key: 'message_id', order: 'received_at, id', max: 100 }),
    senderTrust: column(Trust, 'sender_trust', 'How far to believe that its sender is who the address says; null for outbound ones.', { nullable: true }),
    autoGenerated: column('Boolean', 'auto_generated', 'A machine wrote it (a vacation reply, a list, a bounce): nobody waits for an answer to it.'),
    historical: column('Boolean', 'historical', 'It was imported: it kept its time and fired nothing.'),
    inReplyTo: one(() => Message, 'in_reply_to_message_id', 'The message that it answers; null when it names none that is known.', { nullable: true }),
    joinReason: column(JoinReason, 'join_reason', 'Why it stands in this conversation.'),
    joinExplanation: computed(
      'String', ['join_reason', 'channel', 'join_after_channel', 'join_message_id'],
      (reason, channel, after, answered) => explainJoin(reason, channel, after, answered === null ? null : publicId('msg', answered)),
      'The same as a sentence: "answers msg_…", "open matter of the same customer, e-mail after chat".',
    ),
    referral: one(() => Referral, (row) => `(select mr.id from referrals mr where mr.workspace_id = ${row}.workspace_id and mr.message_id = ${row}.id)`, 'By what its sender came with it; null for most.', { nullable: true }),
    groupId: column('String', 'group_id', 'The group that it was written in or to, as the provider names it; null outside of groups.', { nullable: true }),
    others: list(() => Identity, 'The others in the group that it was written in or to, beside `identity`; empty outside of groups, at most 100.', {
      among: (parent, scope) => `select unnest(om.other_identity_ids) from messages om where om.id = ${parent} and ${scope('om')}`, order: 'created_at, id', max: 100, permission: 'customers:contact',
    }),
    segments: column('Int', 'segments', 'Into how many pieces its network split it, which is what it costs; null when it was one, or nobody said.', { nullable: true }),
    clientId: column('String', 'client_id', 'The id that the sending client made, for optimistic screens; null when it made none.', { nullable: true }),
    providerMessageId: column('String', 'provider_message_id', 'The provider\'s id (a Message-ID, a MessageSid); null until it gave one.', { nullable: true }),
    editedAt: column('DateTime', 'edited_at', 'When its sender last edited it; null when he didn\'t.', { nullable: true }),
    deletedAt: column('DateTime', 'deleted_at', 'When its sender took it back; null when he didn\'t.', { nullable: true }),
    version: column('Int', 'version', 'Rises with each edit.'),
    createdAt: column('DateTime', 'created_at', 'When it was stored.'),
  },
});

export const Referral = entity('Referral', {
  prefix: 'rfr', table: 'referrals', permission: 'messages:read', description: 'By what a customer came: an advertisement, a link with a reference, a product.',
  fields: {
    channel: column(Channel, 'channel', 'The channel that it led him to.'),
    source: column('String', 'source', 'What it was, in the provider\'s word (`ADS`, `SHORTLINK`, `CUSTOMER_CHAT_PLUGIN`).'),
    ref: column('String', 'ref', 'What the link or the advertisement was given to tell; null when nothing was.', { nullable: true }),
    providerId: column('String', 'provider_id', 'The provider\'s id of the advertisement, post or product; null when it gave none.', { nullable: true }),
    url: column('String', 'url', 'Where it stood; null when that wasn\'t told.', { nullable: true }),
    headline: column('String', 'headline', 'Its headline; null when it has none.', { nullable: true }),
    message: one(() => Message, 'message_id', 'The message that he came with; null when he came without one.', { nullable: true }),
    identity: one(() => Identity, 'identity_id', 'Who came by it.', { permission: 'customers:contact' }),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'The customer who came by it.', { permission: 'customers:read' }),
    occurredAt: column('DateTime', 'occurred_at', 'When.'),
  },
});

const ReplyForm = enumeration('ReplyForm', 'What may be sent.', REPLY_FORMS, {
  FREE: 'Anything that the channel carries.', HUMAN_AGENT: 'Anything, written by a person: no program may answer any more.', TEMPLATE: 'A template that the provider approved, and nothing else.',
});
const ReplyRefusal = enumeration('ReplyRefusal', 'Why a customer can\'t be answered by a channel.', REPLY_REFUSALS, {
  NO_ADDRESS: 'No address of his is known there.', UNVERIFIED: 'He says that an address is his, and nobody has confirmed it.', ACCOUNT_DISABLED: 'Our account is switched off.',
  ACCOUNT_UNHEALTHY: 'The provider refuses our account; `ChannelAccount.fault` says what it said.', OPTED_OUT: 'He opted out of messages there.',
  NO_CONSENT: 'He never wrote there, and has not agreed to be written to.', WINDOW_CLOSED: 'He wrote too long ago; he has to write first.', NOT_WRITABLE: 'Text can\'t be sent by it.', NO_GROUPS: 'He wrote in a group there, and our provider can\'t write to groups.',
});

const option = <T>(of: (option: ReplyOptionOf) => T) => (facts: RouteFacts[], channel: string): T => of(replyOptions(facts, now()).find((each) => each.channel === channel)!);
const FACTS = ['facts', 'channel'];

export const ReplyOption = entity('ReplyOption', {
  prefix: null, table: 'reply_routes', permission: 'customers:contact', description: 'One channel by which a customer can be answered now, or why he can\'t. `sendMessage` accepts exactly what this allows.',
  fields: {
    channel: column(Channel, 'channel', 'The channel.'),
    allowed: computed('Boolean', FACTS, option(({ form }) => form !== null), 'Whether he can be answered by it.'),
    form: computed(ReplyForm, FACTS, option(({ form }) => form), 'What may be sent; null unless `allowed`.', { nullable: true }),
    refusal: computed(ReplyRefusal, FACTS, option(({ refusal }) => refusal), 'Why he can\'t be answered by it; null when he can.', { nullable: true }),
    explanation: computed('String', FACTS, option(({ explanation }) => explanation), 'The same as a sentence; also until when, and what can be sent.'),
    until: computed('DateTime', FACTS, option(({ until }) => until), 'Until when `form` holds; null when it doesn\'t end by itself, or nothing may be sent.', { nullable: true }),
    recommended: computed('Boolean', FACTS, option(({ recommended }) => recommended), 'Whether it is the one to take: true of one at the most.'),
    recommendation: computed('String', FACTS, option(({ recommendation }) => recommendation), 'Why it is the one to take; null unless `recommended`.', { nullable: true }),
    account: one(() => ChannelAccount, 'account_id', 'Our account that the answer would go out by.', { permission: 'channels:read' }),
    identity: one(() => Identity, 'identity_id', 'His address that it would go to; null when none is known.', { nullable: true, permission: 'customers:contact' }),
    textMax: computed('Int', FACTS, option(({ capabilities }) => capabilities.textMax), 'How many characters a text may have; null: no limit of the channel\'s own.', { nullable: true }),
    html: computed('Boolean', FACTS, option(({ capabilities }) => capabilities.html), 'Whether it carries HTML beside the text.'),
    subject: computed('Boolean', FACTS, option(({ capabilities }) => capabilities.subject), 'Whether it has a subject.'),
    attachmentsMax: computed('Int', FACTS, option(({ capabilities }) => capabilities.attachments?.countMax ?? 0), 'How many files a message may have; 0: none.'),
    attachmentBytesMax: computed('Bytes', FACTS, option(({ capabilities }) => capabilities.attachments?.bytesMax ?? 0), 'How large they may be together, in bytes.'),
  },
});

const MESSAGE_LIST = {
  orders: { NEWEST: { description: 'The newest first. `last: 20` gives the first 20 that were written.', columns: ['occurred_at', 'tie'], descending: true } },
  filter: {
    direction: { type: Direction, column: 'direction', description: 'Went this way.' },
    channel: { type: Channel, column: 'channel', description: 'Went by this channel.' },
  },
  permission: 'messages:read' as const,
};

extend(Conversation, {
  messages: many(() => Message, 'Its messages, the newest first.', { key: 'conversation_id', ...MESSAGE_LIST, typeName: 'Message' }),
  lastMessage: one(() => Message, 'last_message_id', 'Its newest message; null while it has none (a call only).', { nullable: true, permission: 'messages:read' }),
  replyOptions: list(() => ReplyOption, 'Every connected channel by which text can be sent: whether the customer can be answered by it now, until when, with what, and which to take. By the channels\' names.', {
    key: 'conversation_id', order: 'channel', max: 9, permission: 'customers:contact',
  }),
});

query({ message: byId(() => Message, 'One message; null when the workspace has none of that id.', { permission: 'messages:read' }) });
