// What an agent's screen asks, each in one request: the workspace around a conversation, who is calling, and the search.
import { Channel } from '../channels/fields.ts';
import { Conversation, ownerOf } from '../conversations/fields.ts';
import { ExternalRecord } from '../crm/fields.ts';
import { Customer } from '../customers/fields.ts';
import { byId, column, entity, enumeration, list, one, query, rows, type Many } from '../graphql/entity.ts';
import { storable } from '../identities/address.ts';
import { Claim, Identity } from '../identities/fields.ts';
import { Message } from '../messages/fields.ts';
import { Refusal } from '../platform/errors.ts';
import { callersOf, SCREEN_POP_SQL } from './screen-pop.ts';
import { SEARCH_KINDS, searchKinds, searchSql, type SearchKind } from './search.ts';

const QUERY_LENGTH_MAX = 200;
const RESULTS_MAX = 100;

/** A list of the conversation's customer, as `Customer` has it. */
const ofCustomer = (field: string, description: string): Many => ({
  ...(Customer.fields[field] as Many), description, parentKey: (row) => ownerOf('identity_id', row),
});

export const AgentWorkspace = entity('AgentWorkspace', {
  prefix: null, table: 'conversations', permission: 'conversations:read',
  description: 'All that an agent needs beside a conversation: who it is, by which addresses, what happened before on any channel, the orders, the notes.',
  fields: {
    conversation: one(() => Conversation, 'id', 'The conversation.'),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'Whose matter it is.', { permission: 'customers:read' }),
    identities: ofCustomer('identities', 'Every address of the customer.'),
    history: ofCustomer('conversations', 'Every conversation of the customer, over all channels, this one included.'),
    timeline: ofCustomer('timeline', 'Everything that happened to the customer, over all channels.'),
    externalRecords: ofCustomer('externalRecords', 'What other systems know of the customer: orders, deals, accounts.'),
    notes: ofCustomer('notes', 'What the team wrote down of the customer, those in his conversations included.'),
  },
});

export const ScreenPop = entity('ScreenPop', {
  prefix: null, table: '', permission: 'customers:contact', description: 'Who is at an address, as far as it is known: shown while the phone rings.',
  fields: {
    address: column('String', 'address', 'The address in the form in which it is kept; as it was given when it is none.'),
    identity: one(() => Identity, 'identity_id', 'The address as it is known here; null when nobody ever used it.', { nullable: true }),
    customer: one(() => Customer, 'customer_id', 'Whose address it is. A caller id proves nothing: see `identity.trust`. Null when nobody is known.', { nullable: true, permission: 'customers:read' }),
    openConversation: one(() => Conversation, 'conversation_id', 'The customer\'s conversation that is not closed, the latest active one; null when there is none.', { nullable: true, permission: 'conversations:read' }),
    claims: list(() => Claim, 'Visitors who say that the address is theirs, and nobody decided yet; the newest first, at most 20.', {
      parentKey: (row) => `${row}.claim_id`,
      among: (parent, scope) => `select c.id from claims said join claims c on c.workspace_id = said.workspace_id and c.kind = said.kind and c.value = said.value
        where ${scope('said')} and said.id = ${parent} and c.state = 'PENDING'`,
      order: 'created_at desc, id', max: 20,
    }),
  },
});

export const SearchResultKind = enumeration('SearchResultKind', 'What a search finds.', SEARCH_KINDS, {
  CUSTOMER: 'A person, by name or, with the permission customers:contact, by address. Needs customers:read.',
  EXTERNAL_RECORD: 'An order or other record, by its number or the other system\'s id. Needs records:read.',
  MESSAGE: 'A message, by its words.',
});
export const SearchResult = entity('SearchResult', {
  prefix: null, table: '', permission: 'messages:read', description: 'Something that a search found. Exactly one of `customer`, `externalRecord` and `message` is there, unless it was erased meanwhile.',
  fields: {
    kind: column(SearchResultKind, 'kind', 'What it is.'),
    score: column('Float', 'score', 'How well it fits, among results of its kind; 1 is exact for customers and records.'),
    customer: one(() => Customer, 'customer_id', 'The person; null unless CUSTOMER.', { nullable: true, permission: 'customers:read' }),
    externalRecord: one(() => ExternalRecord, 'external_record_id', 'The record; null unless EXTERNAL_RECORD.', { nullable: true, permission: 'records:read' }),
    message: one(() => Message, 'message_id', 'The message; null unless MESSAGE.', { nullable: true }),
  },
});

query({
  agentWorkspace: byId(() => AgentWorkspace, 'The agent\'s screen around a conversation, in one request; null when the workspace has no such conversation.', {
    argument: 'conversationId', prefix: 'cnv', permission: 'conversations:read',
  }),
  screenPop: rows(() => ScreenPop, 'Who is at an address: for a ringing phone, before anyone answers. Any text may be given; an address that is none, or nobody\'s, gives an answer without a customer.', {
    single: true, nullable: false, permission: 'customers:contact',
    args: {
      channel: { type: Channel, required: true, description: 'The channel that the address is of.' },
      address: { type: 'String', required: true, description: 'The number, e-mail address or provider\'s id, in any spelling.' },
    },
    prepare: (args: { channel: string; address: string }) => {
      const { shown, kinds, values } = callersOf(args.channel, args.address);
      return { shape: '', values: { address: { cast: 'text', value: shown }, kinds: { cast: 'text[]', value: kinds }, values: { cast: 'text[]', value: values } } };
    },
    sql: (_shape, param, workspace) => SCREEN_POP_SQL(param, workspace),
  }),
  search: rows(() => SearchResult, 'People by name and address, orders by number, messages by their words: the best of each kind first, the kinds in turn.', {
    permission: 'messages:read',
    args: {
      query: { type: 'String', required: true, description: 'What was typed, at most 200 characters. For messages: `"a phrase"`, `-without` and `this or that` as in web searches.' },
      kinds: { type: SearchResultKind, list: true, description: 'Only these; left out or empty: all that you may read.' },
      first: { type: 'Int', default: 20, description: 'How many at most in all; 1 to 100.' },
    },
    prepare: (args: { query: string; kinds?: SearchKind[] | null; first?: number | null }, { permissions }) => {
      const first = args.first ?? 20;
      if (first < 1 || first > RESULTS_MAX) throw new Refusal('INVALID_INPUT', `\`first\` is ${first}; it is 1 to ${RESULTS_MAX}.`, { field: ['first'] });
      if (args.query.length > QUERY_LENGTH_MAX) throw new Refusal('INVALID_INPUT', `The query has ${args.query.length} characters; at most ${QUERY_LENGTH_MAX}.`, { field: ['query'] });
      const byAddresses = permissions.has('customers:contact');
      return {
        shape: searchKinds(args.kinds, permissions).join(),
        values: { typed: { cast: 'text', value: storable(args.query) }, first: { cast: 'int4', value: first }, by_addresses: { cast: 'boolean', value: byAddresses } },
      };
    },
    sql: (shape, param, workspace) => searchSql(shape.split(',') as SearchKind[], param, workspace),
  }),
});
