// Where something inbound belongs: what continuity.ts needs to know is read for many at once, under the locks; each then enters in its turn.
import type { Actor } from '../access/viewer.ts';
import { openConversation } from '../conversations/actions.ts';
import { decide, type Channel, type Continuity, type Decision } from '../conversations/continuity.ts';
import { lockConversations, type ConversationRow } from '../conversations/rows.ts';
import type { Unit } from '../conversations/unit.ts';
import { lockOwners } from '../identities/customers.ts';
import { found, type Tx } from '../platform/db.ts';

/** A message or a call that wants into a conversation. */
export interface Entrant {
  identityId: string;
  accountId: string;
  channel: Channel;
  at: string;
  historical: boolean;
  /** The keys of what it may answer, best first. */
  answerKeys: readonly string[];
  /** Its standing lane, where its channel has them. */
  laneKey: string | null;
  subject: string | null;
  /** The group that it was written in. */
  groupId: string | null;
  /** What a signed reply token proves that it answers. */
  repliesTo: { conversationId: string; messageId: string | null } | null;
}

interface Thread {
  kind: 'MESSAGE' | 'STANDING';
  conversationId: string;
  messageId: string | null;
}

/** Open matters of a customer that are looked at, the latest; more than one is rare (a merge, one channel each). */
const OPEN_MATTERS_MAX = 20;

/** The matters of some customers, all locked, and kept up to date while things enter them. */
export class Matters {
  private constructor(
    private readonly policy: { continuity: Continuity; reopenHours: number },
    private readonly owners: ReadonlyMap<string, string>,
    private readonly threads: Map<string, Thread>,
    private readonly conversations: Map<string, ConversationRow>,
    /** Of each entrant's customer, the conversations that he takes part in. */
    private readonly mattersOf: Map<string, Set<string>>,
    /** Where the latest message between an address and an account stands, of customers who have or may come to have several open matters. */
    private readonly latest: Map<string, { conversationId: string; at: string }>,
  ) {}

  /**
   * Locks the entrants' customers, then every conversation that one of them may join, each in id order.
   * @throws Refusal NOT_FOUND for an identity of another workspace, or when the workspace is gone
   */
  static async of(tx: Tx, workspaceId: string, entrants: readonly Entrant[]): Promise<Matters> {
    const { owners } = await lockOwners(tx, workspaceId, entrants.map((entrant) => entrant.identityId));
    const customerIds = [...new Set(owners.values())];
    const places = entrants.flatMap((entrant) => [...entrant.answerKeys, ...lanesOf(entrant)].map((key) => ({ accountId: entrant.accountId, key })));
    const [[policy], threads, open] = await Promise.all([
      tx<{ continuity: Continuity; reopenHours: number }[]>`select continuity, reopen_hours from workspaces where id = ${workspaceId}`,
      places.length === 0 ? [] : tx<(Thread & { accountId: string; key: string })[]>`
        select t.account_id, t.key, t.kind, t.conversation_id, t.message_id
        from (select distinct * from unnest(${places.map((p) => p.accountId)}::uuid[], ${places.map((p) => p.key)}::text[]) as p (account_id, key)) p
        join threads t on t.workspace_id = ${workspaceId} and t.account_id = p.account_id and t.key = p.key`,
      tx<{ customerId: string; id: string }[]>`
        select k.customer_id, open.id from unnest(${customerIds}::uuid[]) as k (customer_id) cross join lateral (
          select c.id from (select distinct p.conversation_id from identities i
            join conversation_participants p on p.workspace_id = i.workspace_id and p.identity_id = i.id
            where i.workspace_id = ${workspaceId} and i.customer_id = k.customer_id) mine
          join conversations c on c.workspace_id = ${workspaceId} and c.id = mine.conversation_id
          where c.status <> 'CLOSED' order by c.last_activity_at desc, c.id desc limit ${OPEN_MATTERS_MAX}) open`,
    ]);
    const answered = new Set([...threads.map((t) => t.conversationId), ...entrants.flatMap((e) => e.repliesTo?.conversationId ?? [])]);
    const [conversations, latest] = await Promise.all([
      lockConversations(tx, workspaceId, [...new Set([...answered, ...open.map((c) => c.id)])]),
      latestPlaces(tx, workspaceId, ofSeveralMatters(entrants, owners, open, answered.size)),
    ]);
    const parts = answered.size === 0 ? [] : await tx<{ customerId: string; id: string }[]>`
      select distinct i.customer_id, p.conversation_id as id from conversation_participants p join identities i on i.workspace_id = p.workspace_id and i.id = p.identity_id
      where p.workspace_id = ${workspaceId} and p.conversation_id = any(${[...answered]}::uuid[]) and i.customer_id = any(${customerIds}::uuid[])`;
    const mattersOf = new Map(customerIds.map((id) => [id, new Set<string>()]));
    for (const { customerId, id } of [...open, ...parts]) mattersOf.get(customerId)!.add(id);
    return new Matters(found(policy, 'workspace'), owners, new Map(threads.map((t) => [place(t.accountId, t.key), t])), conversations, mattersOf, latest);
  }

  /** The conversation that the entrant joins, or that is opened for it, and why. One of those that this was made of. */
  enter(unit: Unit, actor: Actor, entrant: Entrant): { conversation: ConversationRow; decision: Decision } {
    const { accountId, channel, at, historical, groupId } = entrant;
    const own = this.mattersOf.get(found(this.owners.get(entrant.identityId), 'identity'))!;
    const matter = (id: string | undefined): ConversationRow | null => (id === undefined ? null : (this.conversations.get(id) ?? null));
    const thread = (key: string) => this.threads.get(place(accountId, key));
    const answered = entrant.repliesTo ?? entrant.answerKeys.map(thread).find((found) => found !== undefined) ?? null;
    const answeredMatter = matter(answered?.conversationId);
    const latest = this.latest.get(place(accountId, entrant.identityId));
    const lane = this.standing(entrant).map(thread).find((found) => found !== undefined);
    const decision = decide(
      this.policy,
      { channel, at, historical, groupId },
      {
        answered: answered && answeredMatter && {
          matter: answeredMatter, messageId: answered.messageId, token: entrant.repliesTo !== null,
          // A Message-ID can be guessed or leaked: only who takes part in a conversation joins it by naming one.
          trusted: entrant.repliesTo !== null || own.has(answered.conversationId),
        },
        lane: matter(lane?.conversationId),
        // In a group it is whoever wrote last, which its lane knows.
        latest: matter(groupId === null ? latest?.conversationId : lane?.conversationId),
        open: [...own].flatMap((id) => matter(id) ?? []).filter((c) => c.status !== 'CLOSED'),
      },
    );
    const conversation = decision.action === 'OPEN'
      ? openConversation(unit, actor, {
        identityId: entrant.identityId, channel, subject: entrant.subject, at, relatedConversationId: decision.relatedConversationId, groupId, historical, inbound: true,
      })
      : this.conversations.get(decision.conversationId)!;
    this.conversations.set(conversation.id, conversation);
    if (!latest || latest.at <= at) this.latest.set(place(accountId, entrant.identityId), { conversationId: conversation.id, at });
    own.add(conversation.id);
    return { conversation, decision };
  }

  /**
   * The lanes that it stands in, where it is looked for first. History has one of its own, beside that of what is said now: it may come when that one is
   * in use, and must not lead it to what is long over.
   */
  standing(entrant: Entrant): string[] {
    return lanesOf(entrant).filter((key) => {
      const thread = this.threads.get(place(entrant.accountId, key));
      return !entrant.historical || key !== entrant.laneKey || thread === undefined || this.conversations.get(thread.conversationId)?.historyEndedAt != null;
    });
  }

  /** What stands in a conversation now can be answered by these keys; what comes after it finds it. */
  remember(accountId: string, conversationId: string, messageId: string, keys: readonly { key: string; kind: Thread['kind'] }[]): void {
    for (const { key, kind } of keys) {
      const before = this.threads.get(place(accountId, key));
      if (before?.kind !== 'MESSAGE') this.threads.set(place(accountId, key), { kind: before?.kind ?? kind, conversationId, messageId });
    }
  }
}

const place = (of: string, within: string): string => `${of} ${within}`;

const lanesOf = ({ laneKey, historical }: Entrant): string[] => (laneKey === null ? [] : historical ? [`${laneKey} (history)`, laneKey] : [laneKey]);

/** Those whose customers have several open matters when they enter, or could: each thing that comes before opens one at most, and each answer, whoever's, opens one again. */
function ofSeveralMatters(entrants: readonly Entrant[], owners: ReadonlyMap<string, string>, open: readonly { customerId: string }[], answers: number): Entrant[] {
  const count = (ids: readonly (string | undefined)[]): Map<string | undefined, number> => ids.reduce((counts, id) => counts.set(id, (counts.get(id) ?? 0) + 1), new Map<string | undefined, number>());
  const matters = count(open.map((matter) => matter.customerId));
  const coming = count(entrants.map((entrant) => owners.get(entrant.identityId)));
  const others = entrants.length > 1 ? answers : 0;
  return entrants.filter((entrant) => {
    const customerId = owners.get(entrant.identityId);
    return (matters.get(customerId) ?? 0) + coming.get(customerId)! - 1 + others > 1;
  });
}

/** The conversation of the latest message between each entrant's address and the account. Stable under the customers' locks, which all hold who write or move messages. */
async function latestPlaces(tx: Tx, workspaceId: string, entrants: readonly Entrant[]): Promise<Map<string, { conversationId: string; at: string }>> {
  if (entrants.length === 0) return new Map();
  const rows = await tx<{ accountId: string; identityId: string; conversationId: string; at: string }[]>`
    select e.account_id, e.identity_id, l.conversation_id, l.at
    from (select distinct * from unnest(${entrants.map((e) => e.accountId)}::uuid[], ${entrants.map((e) => e.identityId)}::uuid[]) as e (account_id, identity_id)) e
    cross join lateral (
      select m.conversation_id, m.occurred_at as at from messages m where m.workspace_id = ${workspaceId} and m.identity_id = e.identity_id and m.account_id = e.account_id
      order by m.occurred_at desc, m.tie desc, m.id desc limit 1) l`;
  return new Map(rows.map((row) => [place(row.accountId, row.identityId), row]));
}
