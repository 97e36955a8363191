// The graph's addresses of customers, and what visitors claim.
import { CLAIM_STATES, IDENTITY_KINDS, OBSERVATION_SOURCES, TRUSTS } from '../../schema/identities.ts';
import { byId, column, embed, entity, enumeration, expression, inputObject, one, query } from '../graphql/entity.ts';
import { Actor } from '../workspaces/actor.ts';

export const IdentityKind = enumeration('IdentityKind', 'What kind of address an identity is.', IDENTITY_KINDS, {
  SELF: 'The customer as such: what has no address hangs here (notes, values that an agent set). Every customer has one; none can be given.',
  PHONE: 'A phone number, one for SMS, voice and WhatsApp: E.164, a short code, or an alphanumeric sender.',
  EMAIL: 'An e-mail address.',
  WA_BSUID: 'WhatsApp\'s id of a user towards one business portfolio, which is its namespace.',
  WA_PARENT_BSUID: 'WhatsApp\'s id of a user towards a parent business, which is its namespace.',
  PSID: 'Messenger\'s id of a user towards one Page, which is its namespace.',
  IGSID: 'Instagram\'s id of a user towards one professional account, which is its namespace.',
  X_USER_ID: 'The numeric id of an X account. Handles change owners, so they are none.',
  SIP_URI: 'A SIP address.',
  VISITOR: 'A browser or app of live chat or in-app messaging; the account is its namespace.',
  EXTERNAL_ID: 'The id of the customer in another system, whose name is its namespace.',
});
export const Trust = enumeration('Trust', 'How far an address may be believed to be who it says.', TRUSTS, {
  CLAIMED: 'Only said: an e-mail without aligned DMARC, a caller id.',
  ATTESTED: 'The provider, the protocol or a program of the workspace vouches for it.',
  VERIFIED: 'Proven by the person: a signed token, a code.',
});
export const ClaimState = enumeration('ClaimState', 'What became of a claim. Each decision can be taken back.', CLAIM_STATES, {
  PENDING: 'Nobody has decided. The visitor sees nothing of it; agents see his conversation on the timeline of the address\'s owner, marked as claimed.',
  CONFIRMED: 'An agent is satisfied: the visitor is the customer.',
  REJECTED: 'It was not so.',
});
export const ObservationSource = enumeration('ObservationSource', 'Who said a value. Of two that disagree the better source is shown: in this order, then the most recent.', OBSERVATION_SOURCES, {
  VERIFIED: 'Proven: a signed token of the workspace\'s own site.',
  AGENT: 'A member of the workspace.',
  CRM: 'Another system, through an API key.',
  CHANNEL: 'A channel, with an address that it attests: the name beside an e-mail address, a profile\'s name.',
  CLAIM: 'The customer himself, unproven. Never a tier.',
  INFERRED: 'Guessed by a program.',
});
const LINK_REASONS = ['FIRST_SEEN', 'ATTESTED_TOGETHER', 'SAME_NUMBER', 'GIVEN', 'CLAIM_CONFIRMED', 'CLAIM_REJECTED', 'ADDRESS_REPLACED', 'REPLACEMENT_UNDONE'] as const;
const LinkReason = enumeration('LinkReason', 'Why an address is this customer\'s.', LINK_REASONS, {
  FIRST_SEEN: 'Nobody had it when it was first heard of, so it began a customer.',
  ATTESTED_TOGETHER: 'One trusted source gave it together with another of his addresses.',
  SAME_NUMBER: 'It is another spelling of a phone number of his (Brazil, Mexico, Argentina).',
  GIVEN: 'An agent or a program gave it, by `upsertCustomer` or `addIdentity`.',
  CLAIM_CONFIRMED: 'He claimed it, or from it claimed to be him, and an agent confirmed the claim.',
  ADDRESS_REPLACED: 'Its provider said that he has it instead of another one.',
  REPLACEMENT_UNDONE: 'It was taken from who had it in place of another one, since that was not so.',
  CLAIM_REJECTED: 'It came back when a confirmed claim was rejected after all.',
});

/** How clients name an address; content.ts of customers/ checks it. */
export const IdentityInput = inputObject('IdentityInput', 'An address of a customer.', {
  kind: { type: IdentityKind, required: true, description: 'What kind of address it is; not SELF.' },
  namespace: { type: 'String', description: 'What it is unique within: the Page, portfolio, live-chat account or system. Left out for phone numbers, e-mail and SIP addresses and X ids.' },
  value: { type: 'String', required: true, description: 'The address, in any usual form: `+44 20 7946 0958`, `Ada@Example.com`. A phone number needs its country.' },
});

export const Identity = entity('Identity', {
  prefix: 'idn',
  table: 'identities',
  permission: 'customers:contact',
  description: 'An address by which a customer is known. Messages, calls and everything observed hang on it, so history follows when it moves to another customer.',
  fields: {
    kind: column(IdentityKind, 'kind', 'What kind of address it is.'),
    namespace: column('String', 'namespace', 'What the value is unique within; empty for phone numbers, e-mail and SIP addresses and X ids.'),
    value: column('String', 'value', 'The address in normal form: E.164, lower case, a punycode domain; of SELF, an internal id.'),
    valueRaw: column('String', 'value_raw', 'The address as it came first.'),
    trust: column(Trust, 'trust', 'How far it was ever proven.'),
    displayName: column('String', 'display_name', 'The name that its user goes by there; null when the channel gave none.', { nullable: true }),
    username: column('String', 'username', 'The handle there, which can change its owner; null when the channel has or gave none.', { nullable: true }),
    linkedVia: one(() => Identity, 'linked_via_identity_id', 'The address through which it came to its customer; null for SELF.', { nullable: true }),
    linkReason: expression(
      LinkReason,
      (i) => `(select r from (select coalesce(${i}.evidence #>> '{moved,reason}', ${i}.evidence ->> 'reason') as r) e where r in (${LINK_REASONS.map((reason) => `'${reason}'`).join(', ')}))`,
      'Why it is this customer\'s. Null for SELF and for imported ones.', { nullable: true },
    ),
    isShared: column('Boolean', 'is_shared', 'Whether many people use it (info@, a family\'s phone): it routes messages, but links nothing. Set by `setIdentityShared`, or by itself when it was seen with many customers.'),
    verifiedAt: column('DateTime', 'verified_at', 'When it was proven; null unless `trust` is VERIFIED.', { nullable: true }),
    verifiedBy: embed(() => Actor, { kind: 'verified_by_kind', id: 'verified_by_id' }, 'Who had it proven; null unless `trust` is VERIFIED.', { nullable: true }),
    firstSeenAt: column('DateTime', 'first_seen_at', 'When it was first heard of.'),
    lastSeenAt: column('DateTime', 'last_seen_at', 'When it was last heard of, to the minute.'),
    replacedBy: one(() => Identity, 'replaced_by_id', 'The address that its provider says he has instead, when this one was retired for that; `undoIdentityChange` takes it back. Null for most.', { nullable: true }),
    validTo: column('DateTime', 'valid_to', 'When it stopped being this customer\'s (a number that went to somebody else); null while it is.', { nullable: true }),
    createdAt: column('DateTime', 'created_at', 'When it was stored.'),
  },
});

export const Claim = entity('Claim', {
  prefix: 'clm',
  table: 'claims',
  permission: 'customers:contact',
  description: 'A visitor\'s word that an address is his. It merges nothing and shows him nothing; `confirmClaim` and `rejectClaim` decide it.',
  fields: {
    kind: column(IdentityKind, 'kind', 'EMAIL or PHONE.'),
    value: column('String', 'value', 'The address in normal form.'),
    valueRaw: column('String', 'value_raw', 'The address as the visitor typed it.'),
    state: column(ClaimState, 'state', 'What became of it.'),
    claimant: one(() => Identity, 'claimant_identity_id', 'The visitor who says so.'),
    decidedAt: column('DateTime', 'decided_at', 'When it was last decided; null while PENDING.', { nullable: true }),
    decidedBy: embed(() => Actor, { kind: 'decided_by_kind', id: 'decided_by_id' }, 'Who last decided it; null while PENDING.', { nullable: true }),
    version: column('Int', 'version', 'Rises with every decision; hand it back as `expectedVersion`.'),
    createdAt: column('DateTime', 'created_at', 'When it was made.'),
  },
});

query({
  identity: byId(() => Identity, 'One address; null when the workspace has none of that id.', { permission: 'customers:contact' }),
  claim: byId(() => Claim, 'One claim; null when the workspace has none of that id.', { permission: 'customers:contact' }),
});
