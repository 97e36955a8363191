// Every event there is. `data` holds ids, enums, counts and versions: never names, addresses or text (those live in tables that an erase can clear).
import type { ActorKind } from '../access/viewer.ts';

export const EVENT_KINDS = {
  'customer.created': 'A customer was created.',
  'customer.updated': 'Shown values of a customer changed (name, language, tier, company, tags, attributes).',
  'customer.referred': 'A customer came by an advertisement, a link or a product, and said nothing yet.',
  'identity.added': 'An address was added to a customer.',
  'identity.updated': 'An address changed: trust, shared, retired.',
  'identity.moved': 'An identity went from one customer to another (a confirmed claim, a merge).',
  'claim.made': 'A visitor said of himself what is not proven.',
  'claim.confirmed': 'A claim was confirmed: the visitor joined the customer.',
  'claim.rejected': 'A claim was rejected.',
  'conversation.opened': 'A conversation was opened.',
  'conversation.status_changed': 'Opened again, set pending, snoozed or closed.',
  'conversation.assigned': 'Member, team or queue changed.',
  'conversation.tagged': 'Tags changed.',
  'conversation.routed': 'A routing decision was taken.',
  'conversation.updated': 'Subject or priority changed.',
  'conversation.read': 'A member read up to an event.',
  'messages.moved': 'Messages, calls or notes went from one conversation to another: a split, a merge, a move, or the undoing of one. Told in both.',
  'message.received': 'An inbound message was stored.',
  'message.sent': 'An outbound message was accepted for sending.',
  'message.updated': 'Delivery state, text (an edit) or reactions of a message changed.',
  'message.deleted': 'A message was deleted by its sender; or it is gone, since it was the echo of one of ours that is there.',
  'call.ringing': 'A call rings.',
  'call.updated': 'A call was answered, ended, or has its recording or transcript.',
  'note.added': 'A note was written.',
  'note.updated': 'A note was edited, pinned or unpinned.',
  'record.upserted': 'A record of another system was created or changed.',
  'workspace.updated': 'Settings of the workspace changed.',
  'member.created': 'A member joined the workspace.',
  'member.updated': 'A member was deactivated.',
  'team.created': 'A team was created.',
  'team.updated': 'Who belongs to a team changed.',
  'queue.created': 'A queue was created.',
  'queue.updated': 'A queue changed.',
  'business_hours.created': 'Business hours were created.',
  'channel.changed': 'A channel account was connected, changed or disconnected.',
  'key.created': 'An API key was created, or a token by which a front end acts as a member.',
  'key.revoked': 'An API key or token was revoked.',
} as const;
export type EventKind = keyof typeof EVENT_KINDS;

/** What an action appends. */
export interface NewEvent {
  kind: EventKind;
  actor: { kind: ActorKind; id: string | null };
  conversationId?: string | null;
  /** Flat: ids by name (`messageId`, `customerId`, `noteId` …), enums, counts, versions. Ids are UUIDs. */
  data: Record<string, string | number | boolean | null | string[]>;
  occurredAt?: string;
}

/** An event of the log, as readers see it. */
export interface LogEvent {
  workspaceId: string;
  position: number;
  id: string;
  kind: EventKind;
  conversationId: string | null;
  conversationSeq: number | null;
  actorKind: ActorKind;
  actorId: string | null;
  data: Record<string, string | number | boolean | null | string[]>;
  occurredAt: string;
}
