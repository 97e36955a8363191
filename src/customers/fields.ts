// The graph's customers: who somebody is, over all channels, with where each value came from.
import { CUSTOMER_STATES, OBSERVATION_SOURCES } from '../../schema/identities.ts';
import { column, embed, entity, enumeration, expression, extend, idOf, list, listOf, many, one, query, rows, type FilterField } from '../graphql/entity.ts';
import { Claim, Identity, IdentityInput, ObservationSource } from '../identities/fields.ts';
import { Actor } from '../workspaces/actor.ts';
import { customerSql, whichCustomer } from './queries.ts';

export const CustomerState = enumeration('CustomerState', 'Whether a customer stands for himself.', CUSTOMER_STATES, {
  ACTIVE: 'He does.',
  MERGED: 'He turned out to be another customer, to whom his addresses went; `customer(id:)` with his id gives that one.',
  ERASED: 'He was erased on request; only counts are left.',
});

export const ExternalId = entity('ExternalId', {
  prefix: null,
  table: 'identities',
  permission: 'customers:read',
  description: 'The id of something in another system.',
  fields: {
    system: column('String', 'namespace', 'Which system: `shopify`, `salesforce`.'),
    value: column('String', 'value', 'The id there.'),
  },
});

export const AttributeObservation = entity('AttributeObservation', {
  prefix: 'obs',
  table: 'attribute_observations',
  permission: 'customers:read',
  description: 'That somebody said something of a customer. Observations are never changed; what is shown is derived from them.',
  fields: {
    key: column('String', 'key', '`name`, `language`, `tier`, `company`, `tag.<tag>` or `custom.<key>`.'),
    value: column('JSON', 'value', 'What was said; true for a tag. Null: the source took back what it had said.', { nullable: true }),
    source: column(ObservationSource, 'source', 'Whose word it is.'),
    actor: embed(() => Actor, { kind: 'actor_kind', id: 'actor_id' }, 'Who said it.'),
    identity: one(() => Identity, 'identity_id', 'The address by which it was said; the customer\'s SELF when an agent or a program said it.', { permission: 'customers:contact' }),
    observedAt: column('DateTime', 'observed_at', 'When it was said.'),
  },
});

/** The ids of the observations that are shown: identities/survivorship.ts in SQL, for lists; a test compares the two. */
const shownObservationIds = (parent: string, scope: (alias: string) => string): string => `
  select shown.id from (
    select distinct on (said.key) said.id from (
      select distinct on (o.identity_id, o.key, case when starts_with(o.key, 'tag.') then '' else o.source end) o.id, o.key, o.value, o.source, o.observed_at
      from identities oi join attribute_observations o on o.workspace_id = oi.workspace_id and o.identity_id = oi.id
      where ${scope('oi')} and oi.customer_id = ${parent} and not (o.key = 'tier' and o.source = 'CLAIM')
      order by o.identity_id, o.key, case when starts_with(o.key, 'tag.') then '' else o.source end, o.observed_at desc, o.id desc
    ) said where said.value is not null
    order by said.key, array_position(array[${OBSERVATION_SOURCES.map((source) => `'${source}'`).join(', ')}], said.source), said.observed_at desc, said.id desc
  ) shown`;

export const Customer = entity('Customer', {
  prefix: 'cus',
  table: 'customers',
  permission: 'customers:read',
  description: 'A person who is helped, over every channel that he uses. Who has no name is a customer all the same.',
  fields: {
    name: column('String', 'name', 'The name that is shown of him; null when nobody said one.', { nullable: true }),
    displayName: expression('String', (c) => `coalesce(${c}.name, 'Customer ' || upper(right(${c}.id::text, 6)))`, 'His name, or `Customer` and the end of his id: never an address.'),
    language: column('String', 'language', 'His language as a BCP 47 tag (`en`, `pt-BR`); null when nobody said.', { nullable: true }),
    tier: column('String', 'tier', 'How he is to be treated, in the workspace\'s own words (`gold`); null when nobody said. Never what he says of himself.', { nullable: true }),
    company: column('String', 'company', 'Where he works or for whom he writes; null when nobody said.', { nullable: true }),
    tags: column(listOf('String'), 'tags', 'His tags, in alphabetical order.'),
    attributes: column('JSON', 'attributes', 'The workspace\'s own attributes, as an object `{ key: value }`; empty when there are none.'),
    attributesWithSource: list(() => AttributeObservation, 'Where each shown value came from, by key; at most 200.', { among: shownObservationIds, order: 'key', max: 200 }),
    observations: many(() => AttributeObservation, 'Everything that was ever said of him, by each of his addresses: also what isn\'t shown.', {
      through: { table: 'identities', parent: 'customer_id', key: 'identity_id' },
      orders: { OBSERVED: { description: 'The latest first.', columns: ['observed_at'], descending: true } },
      filter: {
        key: { type: 'String', column: 'key', description: 'Is of this key.' },
        source: { type: ObservationSource, column: 'source', description: 'Is the word of this source.' },
      },
    }),
    state: column(CustomerState, 'state', 'Whether he stands for himself.'),
    identities: many(() => Identity, 'His addresses, retired ones too (see `validTo`).', {
      key: 'customer_id', where: (row) => `${row}.kind <> 'SELF'`, permission: 'customers:contact',
      orders: { CREATED: { description: 'The oldest first.', columns: ['created_at'], descending: false } },
    }),
    self: one(() => Identity, 'self_identity_id', 'The identity that stands for him as such; what is said of him by agents hangs there.', { permission: 'customers:contact' }),
    externalIds: list(() => ExternalId, 'His ids in other systems, by system; at most 100. `customer(identity:)` finds him by each.', {
      key: 'customer_id', where: (row) => `${row}.kind = 'EXTERNAL_ID' and ${row}.valid_to is null`, order: 'namespace, value, id', max: 100,
    }),
    claims: many(() => Claim, 'What was claimed from his addresses, and what others claim of them.', {
      among: (parent, scope) => `
        select made.id from identities ci join claims made on made.workspace_id = ci.workspace_id and made.claimant_identity_id = ci.id
        where ${scope('ci')} and ci.customer_id = ${parent}
        union all
        select said.id from identities ci join claims said on said.workspace_id = ci.workspace_id and said.kind = ci.kind and said.value = ci.value
        where ${scope('ci')} and ci.customer_id = ${parent} and ci.namespace = '' and ci.valid_to is null`,
      permission: 'customers:contact',
      orders: { CREATED: { description: 'The latest first.', columns: ['created_at'], descending: true } },
    }),
    lastActivityAt: column('DateTime', 'last_activity_at', 'When something was last heard of him, to the minute: what `customers` is ordered by.'),
    version: column('Int', 'version', 'Rises with every change of what is shown; hand it back as `expectedVersion`. Addresses leave it.'),
    createdAt: column('DateTime', 'created_at', 'When he was stored.'),
    updatedAt: column('DateTime', 'updated_at', 'When what is shown of him last changed.'),
  },
});

const FILTER: Record<string, FilterField> = {
  tier: { type: 'String', column: 'tier', nullable: true, description: 'Has this tier; null: none.' },
  tag: { type: 'String', sql: (row, value) => `${row}.tags @> array[${value}]`, description: 'Has this tag, spelled the same.' },
  language: { type: 'String', column: 'language', nullable: true, description: 'Speaks this language, spelled the same; null: nobody said which.' },
  company: { type: 'String', column: 'company', nullable: true, description: 'Is of this company, spelled the same; null: of none.' },
  createdAfter: { type: 'DateTime', sql: (row, value) => `${row}.created_at >= ${value}`, description: 'Was stored then or later.' },
  createdBefore: { type: 'DateTime', sql: (row, value) => `${row}.created_at < ${value}`, description: 'Was stored earlier.' },
};

query({
  customer: rows(
    () => Customer,
    'One customer, by id or by one of his addresses. Null when the workspace has none. The id of a merged customer gives the one whom he turned out to be. Give exactly one argument.',
    {
      single: true,
      nullable: true,
      args: {
        id: { type: idOf('cus'), description: 'His id (`cus_…`).' },
        identity: { type: IdentityInput, description: 'An address of his; needs the permission customers:contact. Any spelling of a phone number finds him.' },
      },
      prepare: whichCustomer,
      sql: customerSql,
    },
  ),
  customers: many(() => Customer, 'The workspace\'s customers; merged and erased ones are left out. To find one by name or address, use `search`.', {
    where: (row) => `${row}.state = 'ACTIVE'`,
    orders: {
      ACTIVITY: { description: 'Who was heard of last comes first.', columns: ['last_activity_at'], descending: true },
      CREATED: { description: 'The newest first.', columns: ['created_at'], descending: true },
    },
    filter: FILTER, typeName: 'Customer',
  }),
});

extend(Identity, {
  customer: one(() => Customer, 'customer_id', 'Whose it is now.', { permission: 'customers:read' }),
});
extend(Claim, {
  customer: one(() => Customer, (c) => `(select ci.customer_id from identities ci where ci.workspace_id = ${c}.workspace_id and ci.id = ${c}.claimant_identity_id)`,
    'The visitor\'s customer now: his own, or after a confirmation the owner of the address.', { permission: 'customers:read' }),
  addressOwner: one(
    () => Customer,
    (c) => `(select ai.customer_id from identities ai where ai.workspace_id = ${c}.workspace_id and ai.kind = ${c}.kind and ai.namespace = '' and ai.value = ${c}.value and ai.valid_to is null)`,
    'The customer who has the address now; null when nobody has.', { nullable: true, permission: 'customers:read' },
  ),
});
