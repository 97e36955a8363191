// Who did something, wherever the graph shows it: stored beside what was done as (kind, id).
import { ACTOR_KINDS } from '../../schema/workspaces.ts';
import { column, computed, enumeration, expression, one, value } from '../graphql/entity.ts';
import { publicId } from '../platform/ids.ts';
import { ApiKey, Member } from './fields.ts';

export const ActorKind = enumeration('ActorKind', 'What kind of actor did something. A key is not a person.', ACTOR_KINDS, {
  MEMBER: 'A person of the workspace, through a member token.',
  API_KEY: 'A program, through an API key.',
  CUSTOMER: 'The end customer, through one of the addresses by which he is known.',
  BOT: 'An automatic answerer.',
  SYSTEM: 'Throughline itself: timers, routing, the drain of what comes in.',
  EXTERNAL: 'Another system: a provider’s own app, a CRM.',
});

/** What ids of each kind look like; the others have none. */
const PREFIXES: Record<string, string> = { MEMBER: 'mem', API_KEY: 'key', CUSTOMER: 'idn' };

/** Embed as `embed(() => Actor, { kind: 'author_kind', id: 'author_id' }, …)`. */
export const Actor = value('Actor', 'Who did something.', {
  kind: column(ActorKind, 'kind', 'What kind of actor it was.'),
  id: computed('ID', ['kind', 'id'], (kind: string, id: string | null) => (id !== null && PREFIXES[kind] ? publicId(PREFIXES[kind], id) : null),
    'The member (`mem_…`), API key (`key_…`) or, for a customer, the address (`idn_…`). Null for bots, the system and other systems.',
    { nullable: true }),
  name: expression(
    'String',
    (a) => `case ${a}.kind
      when 'MEMBER' then (select m.name from members m where m.workspace_id = ${a}.workspace_id and m.id = ${a}.id)
      when 'API_KEY' then (select k.name from api_keys k where k.workspace_id = ${a}.workspace_id and k.id = ${a}.id) end`,
    'The member’s or the API key’s name. Null for the others: a customer is named by what the actor stands beside.',
    { nullable: true },
  ),
  member: one(() => Member, 'id', 'The member; null unless `kind` is MEMBER.', { nullable: true }),
  apiKey: one(() => ApiKey, 'id', 'The API key; null unless `kind` is API_KEY.', { nullable: true }),
});
