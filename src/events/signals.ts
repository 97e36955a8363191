// Typing and presence: never stored, heard by every process.
import type { ActorKind } from '../access/viewer.ts';
import type { Bus } from './bus.ts';
import { Ephemeral } from './ephemeral.ts';

/** A client that types says so at least this often; after twice the time without a word, nobody types any more. */
export const TYPING_RENEW_MS = 4_000;
/** A member's screen says at least this often that it is there. */
export const PRESENCE_RENEW_MS = 20_000;

export const PRESENCES = ['ONLINE', 'AWAY', 'OFFLINE'] as const;
export type Presence = (typeof PRESENCES)[number];

export interface Typing {
  actor: { kind: ActorKind; id: string | null };
  isTyping: boolean;
}
export interface MemberPresence {
  memberId: string;
  presence: Presence;
  /** What the member looks at; null when nothing, or OFFLINE. */
  conversationId: string | null;
}

const running = new Set<Signals>();

/** Tells whoever follows the conversation, in whatever process, that the actor types or stopped. Nothing happens without `Signals`. */
export function sayTyping(workspaceId: string, conversationId: string, { actor, isTyping }: Typing): void {
  for (const signals of running) signals.sayTyping(workspaceId, conversationId, { actor, isTyping });
}

/** Tells the workspace that a member is there, away or gone. */
export function sayPresence(workspaceId: string, presence: MemberPresence): void {
  for (const signals of running) signals.sayPresence(workspaceId, presence);
}

/** One a process. */
export class Signals {
  private readonly types: Ephemeral;
  private readonly presences: Ephemeral;

  constructor(bus: Bus, keep: { typingMs: number; presenceMs: number } = { typingMs: 2 * TYPING_RENEW_MS, presenceMs: 2 * PRESENCE_RENEW_MS }) {
    this.types = new Ephemeral(bus, 'throughline_typing', keep.typingMs);
    this.presences = new Ephemeral(bus, 'throughline_presence', keep.presenceMs);
    running.add(this);
  }

  sayTyping(workspaceId: string, conversationId: string, { actor, isTyping }: Typing): void {
    this.types.say(`${workspaceId} ${conversationId}`, `${actor.kind} ${actor.id ?? ''}`, isTyping ? 'TYPING' : null);
  }

  /** Who types in the conversation now, then each who begins or stops. */
  async *typing(workspaceId: string, conversationId: string, signal: AbortSignal): AsyncGenerator<Typing> {
    for await (const { key, value } of this.types.watch(`${workspaceId} ${conversationId}`, signal)) {
      const [kind, id] = key.split(' ') as [ActorKind, string];
      yield { actor: { kind, id: id || null }, isTyping: value !== null };
    }
  }

  sayPresence(workspaceId: string, { memberId, presence, conversationId }: MemberPresence): void {
    this.presences.say(workspaceId, memberId, presence === 'OFFLINE' ? null : `${presence} ${conversationId ?? ''}`);
  }

  /** Every member who is there now, then each change. */
  async *presence(workspaceId: string, signal: AbortSignal): AsyncGenerator<MemberPresence> {
    for await (const { key: memberId, value } of this.presences.watch(workspaceId, signal)) {
      const [presence, conversationId] = (value ?? 'OFFLINE ').split(' ') as [Presence, string];
      yield { memberId, presence, conversationId: conversationId || null };
    }
  }

  close(): void {
    running.delete(this);
    this.types.close();
    this.presences.close();
  }
}
