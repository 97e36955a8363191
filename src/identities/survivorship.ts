// From what was said of a person, by whom and when, to what is shown. Pure; the order in which observations are given doesn't matter.
import { after } from '../platform/clock.ts';
import { OBSERVATION_SOURCES } from '../../schema/identities.ts';

/** Best first: VERIFIED, AGENT, CRM, CHANNEL, CLAIM, INFERRED. */
export type ObservationSource = (typeof OBSERVATION_SOURCES)[number];

export interface Observation {
  id: string;
  identityId: string;
  /** `name`, `language`, `tier`, `company`, `tag.<tag>` (value true) or `custom.<key>`. */
  key: string;
  /** null: the source took back what it had said by this identity. */
  value: unknown;
  source: ObservationSource;
  /** RFC 3339, milliseconds, UTC: compared as text. */
  observedAt: string;
}

/** The shown values of a customer, as `customers` keeps them. */
export interface Shown {
  name: string | null;
  language: string | null;
  tier: string | null;
  company: string | null;
  /** In alphabetical order (of code units). */
  tags: string[];
  attributes: Record<string, unknown>;
}

const RANK = Object.fromEntries(OBSERVATION_SOURCES.map((source, rank) => [source, rank])) as Record<ObservationSource, number>;
const TAG = 'tag.';
const CUSTOM = 'custom.';

/** What a customer shows, derived from the observations of all its identities. */
export function shownValues(observations: readonly Observation[]): Shown {
  const winners = shownObservations(observations);
  const text = (key: string) => (winners.get(key)?.value as string | undefined) ?? null;
  const named = (prefix: string) => [...winners].filter(([key]) => key.startsWith(prefix)).map(([key, o]) => [key.slice(prefix.length), o.value] as const).sort(byName);
  return {
    name: text('name'), language: text('language'), tier: text('tier'), company: text('company'),
    tags: named(TAG).map(([tag]) => tag), attributes: Object.fromEntries(named(CUSTOM)),
  };
}

/**
 * The observation that is shown of each key. An identity's source counts by the last thing that it said; of what then stands, the best source
 * wins, then the most recent, then the greater id. Tags are a union over identities, and by whichever source an identity's tag was set last.
 * A tier is never what somebody only said of himself.
 */
export function shownObservations(observations: readonly Observation[]): Map<string, Observation> {
  const last = new Map<string, Observation>();
  for (const o of observations) {
    if (o.key === 'tier' && o.source === 'CLAIM') continue;
    const voice = `${o.identityId} ${isTag(o.key) ? '' : o.source} ${o.key}`;
    const other = last.get(voice);
    if (!other || isLater(o, other)) last.set(voice, o);
  }
  const winners = new Map<string, Observation>();
  for (const o of last.values()) {
    if (o.value === null || o.value === undefined) continue;
    const other = winners.get(o.key);
    if (!other || RANK[o.source] < RANK[other.source] || (o.source === other.source && isLater(o, other))) winners.set(o.key, o);
  }
  return winners;
}

/**
 * What has to be kept so that `source` says `value` of `key` from now on, given what stands; nothing when it says so already. null takes back
 * what the source said by any identity (of a tag: what anybody said). Each comes after what it replaces, be it of the same millisecond.
 */
export function saying(
  standing: readonly Observation[],
  said: { identityId: string; key: string; value: unknown; source: ObservationSource },
  at: string,
): Omit<Observation, 'id'>[] {
  const ofKey = standing.filter((o) => o.key === said.key && (isTag(said.key) || o.source === said.source));
  const from = ofKey.reduce((latest, o) => (o.observedAt >= latest ? after(1, o.observedAt) : latest), at);
  if (said.value === null) {
    const speaking = [...shownByIdentity(ofKey)].map((o) => o.identityId);
    return [...new Set(speaking)].map((identityId) => ({ ...said, identityId, observedAt: from }));
  }
  const present = shownObservations(ofKey).get(said.key);
  return present && canonical(present.value) === canonical(said.value) ? [] : [{ ...said, observedAt: from }];
}

function shownByIdentity(observations: readonly Observation[]): Observation[] {
  const identities = new Set(observations.map((o) => o.identityId));
  return [...identities].flatMap((identityId) => [...shownObservations(observations.filter((o) => o.identityId === identityId)).values()]);
}

/** Whether two sets of shown values are the same. */
export const sameShown = (a: Shown, b: Shown): boolean => canonical(a) === canonical(b);

/** Two JSON values are equal when their canonical texts are: jsonb keeps no order of keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(byName)) : inner) ?? 'null';
}

const isTag = (key: string): boolean => key.startsWith(TAG);
const isLater = (a: Observation, b: Observation): boolean => a.observedAt > b.observedAt || (a.observedAt === b.observedAt && a.id > b.id);
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);
