// Ordered rules and what is known of a conversation -> a queue, a priority, tags, and why (pure). The first rule whose conditions all hold
// decides; the others after it are not looked at.
import { z } from 'zod';
import { CHANNELS } from '../../schema/channels.ts';
import { PRIORITIES } from '../../schema/conversations.ts';
import { isOpen, type Calendar } from './calendar.ts';

const words = z.array(z.string().trim().min(1).max(200)).min(1).max(50);

/** `routing_rules.conditions`: every one that is there must hold; none at all holds always. */
export const ruleConditions = z.strictObject({
  channelIn: z.array(z.enum(CHANNELS)).min(1).max(CHANNELS.length).optional(),
  /** The customer's tier, any case. */
  tierIn: words.optional(),
  /** The conversation's or else the customer's language: `en` holds for `en-GB` too. */
  languageIn: words.optional(),
  /** The subject or the text holds one of these, literally, any case. */
  textContainsAny: words.optional(),
  /** The conversation or the customer has one of these tags, any case. */
  tagsAny: words.optional(),
  businessHours: z.strictObject({ id: z.uuid(), state: z.enum(['OPEN', 'CLOSED']) }).optional(),
});
export type RuleConditions = z.infer<typeof ruleConditions>;

/** `routing_rules.actions`. Without a queue the conversation goes to the workspace's default queue. */
export const ruleActions = z.strictObject({
  queueId: z.uuid().optional(),
  priority: z.enum(PRIORITIES).optional(),
  /** As conversations take them: at most 64 characters each. */
  addTags: z.array(z.string().trim().min(1).max(64)).max(20).optional(),
});
export type RuleActions = z.infer<typeof ruleActions>;

export interface Rule {
  id: string;
  name: string;
  version: number;
  enabled: boolean;
  conditions: RuleConditions;
  actions: RuleActions;
}

export interface Facts {
  channel: (typeof CHANNELS)[number] | null;
  tier: string | null;
  language: string | null;
  text: string;
  tags: readonly string[];
  /** The workspace's business hours by id. */
  calendars: ReadonlyMap<string, Calendar>;
  now: string;
}

/** One rule that was looked at. `because` holds a sentence a condition, with the rule's words, never the customer's. */
export interface Reason {
  ruleId: string | null;
  name: string;
  matched: boolean;
  because: string[];
}

export interface Decision {
  /** Null: no rule matched. */
  ruleId: string | null;
  ruleVersion: number | null;
  queueId: string | null;
  priority: (typeof PRIORITIES)[number] | null;
  tags: string[];
  reasons: Reason[];
}

/** Looks at `rules` in order; disabled ones are passed over silently. Total: any facts give a decision. */
export function decide(rules: readonly Rule[], facts: Facts, defaultQueueId: string | null): Decision {
  const reasons: Reason[] = [];
  for (const rule of rules) {
    if (!rule.enabled) continue;
    const { matched, because } = judge(rule.conditions, facts);
    reasons.push({ ruleId: rule.id, name: rule.name, matched, because });
    if (!matched) continue;
    return {
      ruleId: rule.id,
      ruleVersion: rule.version,
      queueId: rule.actions.queueId ?? defaultQueueId,
      priority: rule.actions.priority ?? null,
      tags: [...new Set(rule.actions.addTags ?? [])],
      reasons,
    };
  }
  reasons.push({ ruleId: null, name: 'No rule', matched: true, because: [defaultQueueId ? 'no rule matched, so the default queue takes it' : 'no rule matched, and there is no default queue'] });
  return { ruleId: null, ruleVersion: null, queueId: defaultQueueId, priority: null, tags: [], reasons };
}

interface Verdict {
  holds: boolean;
  because: string;
}

function judge(conditions: RuleConditions, facts: Facts): { matched: boolean; because: string[] } {
  const verdicts: Verdict[] = [];
  for (const [name, test] of Object.entries(TESTS) as [keyof RuleConditions, (wanted: never, facts: Facts) => Verdict][]) {
    if (conditions[name] !== undefined) verdicts.push(test(conditions[name] as never, facts));
  }
  if (verdicts.length === 0) return { matched: true, because: ['the rule has no conditions'] };
  // A rule that fails says only what failed: that is what its author asks.
  const failed = verdicts.filter((v) => !v.holds);
  return { matched: failed.length === 0, because: (failed.length ? failed : verdicts).map((v) => v.because) };
}

type Tests = { [K in keyof Required<RuleConditions>]: (wanted: NonNullable<RuleConditions[K]>, facts: Facts) => Verdict };

const TESTS: Tests = {
  channelIn: (wanted, { channel }) => oneOfThem('channel', channel, (v) => wanted.includes(v as never), wanted),
  tierIn: (wanted, { tier }) => oneOfThem('tier', tier, (v) => wanted.some((w) => fold(w) === fold(v)), wanted),
  languageIn: (wanted, { language }) => oneOfThem('language', language, (v) => wanted.some((w) => fold(v) === fold(w) || fold(v).startsWith(`${fold(w)}-`)), wanted),
  textContainsAny: (wanted, { text }) => {
    const folded = fold(text);
    const word = wanted.find((w) => folded.includes(fold(w)));
    return word === undefined ? { holds: false, because: `the text has none of ${quoted(wanted)}` } : { holds: true, because: `the text has "${word}"` };
  },
  tagsAny: (wanted, { tags }) => {
    const have = new Set(tags.map(fold));
    const tag = wanted.find((w) => have.has(fold(w)));
    return tag === undefined ? { holds: false, because: `it has none of the tags ${quoted(wanted)}` } : { holds: true, because: `it has the tag "${tag}"` };
  },
  businessHours: (wanted, { calendars, now }) => {
    const calendar = calendars.get(wanted.id);
    if (!calendar) return { holds: false, because: 'the business hours that the rule names are not there any more' };
    const state = isOpen(calendar, now) ? 'OPEN' : 'CLOSED';
    return { holds: state === wanted.state, because: `the business hours are ${state}` };
  },
};

function oneOfThem(what: string, is: string | null, holds: (value: string) => boolean, wanted: readonly string[]): Verdict {
  if (is === null) return { holds: false, because: `the ${what} is not known, and must be one of ${quoted(wanted)}` };
  return holds(is) ? { holds: true, because: `the ${what} is ${is}` } : { holds: false, because: `the ${what} is ${is}, not one of ${quoted(wanted)}` };
}

const quoted = (values: readonly string[]): string => values.map((v) => `"${v}"`).join(', ');

/** Any case, and composed as well as decomposed accents. */
const fold = (text: string): string => text.normalize('NFC').toLowerCase();
