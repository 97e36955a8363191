// What clients write of customers: upserts for integrators, addresses and tags for agents.
import { enumeration, idOf, inputObject, type Argument } from '../graphql/entity.ts';
import { bulkRow, mutation } from '../graphql/mutation.ts';
import { Identity, IdentityInput } from '../identities/fields.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { addIdentity, tagCustomer } from './actions.ts';
import { Customer } from './fields.ts';
import { CUSTOMERS_MAX, ERROR_POLICIES, UPSERT_RESULTS, upsertCustomer, upsertCustomers, type CustomerInput } from './upsert.ts';

export const UpsertResult = enumeration('UpsertResult', 'What an upsert did.', UPSERT_RESULTS, {
  CREATED: 'It was not there and was created.',
  UPDATED: 'It was there and was changed.',
  NOOP: 'All of it was so already; nothing was written.',
});
export const ErrorPolicy = enumeration('ErrorPolicy', 'What a bulk mutation does when some of its rows are refused.', ERROR_POLICIES, {
  ALL_OR_NOTHING: 'Nothing is written; the refused rows say why.',
  SKIP_FAILED: 'The others are written.',
});

const ExternalIdInput = inputObject('ExternalIdInput', 'The id of a customer in another system.', {
  system: { type: 'String', required: true, description: 'Which system: `shopify`. Spelled the same every time.' },
  value: { type: 'String', required: true, description: 'His id there.' },
});

const customerFields: Record<string, Argument> = {
  customerId: { type: idOf('cus'), description: 'Who is meant, by our id.' },
  externalId: { type: ExternalIdInput, description: 'Who is meant, by another system\'s id; it becomes his when he has none there.' },
  identity: { type: IdentityInput, description: 'Who is meant, by an address, when no id finds him; it becomes his when nobody has it. Not an address that many people use.' },
  name: { type: 'String', description: 'His name, at most 200 characters. Here and below: left out, it stays as it is; null takes back what this source said before, so that the next best value is shown.' },
  language: { type: 'String', description: 'His language as a BCP 47 tag: `en`, `pt-BR`.' },
  tier: { type: 'String', description: 'How he is to be treated, at most 64 characters.' },
  company: { type: 'String', description: 'Where he works, at most 200 characters.' },
  attributes: { type: 'JSON', description: 'The workspace\'s own attributes: an object `{ key: value }`, at most 100 keys of at most 64 letters, digits, `_`, `.` and `-`. Those left out stay; a null takes one back.' },
  tags: { type: 'String', list: true, description: 'Tags to add, at most 64 characters each and 50 in all. `tagCustomer` removes them.' },
  identities: { type: IdentityInput, list: true, description: 'Further addresses of his, at most 50. One that many people use and another customer has is passed over.' },
};
const CustomerUpsert = inputObject('CustomerUpsert', 'One customer to create or change.', {
  ...customerFields,
  expectedVersion: { type: 'Int', description: 'The version that was seen; when it isn\'t the present one, the row is refused with CONFLICT.' },
});
const UpsertedCustomer = bulkRow('UpsertedCustomer', 'What became of one customer, in the order of the input.', {
  result: { type: UpsertResult, description: 'What was done, or in a dry run would be; null when the row was refused, or rolled back with another.', nullable: true },
  customer: { type: () => Customer, description: 'The customer as he is now; null when the row was refused or rolled back, and for one that a dry run would create.', nullable: true },
});

const customerPayload = { customer: { type: () => Customer, description: 'The customer as he is now.' } };
const customerId = { type: idOf('cus'), required: true, description: 'The customer; the id of a merged one means the one whom he turned out to be.' } as const;

/** The input with our ids as UUIDs. @throws Refusal INVALID_ID */
const given = (input: CustomerInput, ...at: string[]): CustomerInput =>
  input.customerId == null ? input : { ...input, customerId: uuidFrom('cus', input.customerId, ...at, 'customerId') };

mutation('upsertCustomer', {
  description: 'Creates a customer or changes the one who is meant: by `customerId`, else `externalId`, else `identity`. With none of them a customer is created. ' +
    'An agent\'s values are shown before a program\'s. An address of another customer is refused with ADDRESS_TAKEN.',
  permission: 'customers:write',
  idempotent: true,
  versioned: true,
  input: customerFields,
  payload: { ...customerPayload, result: { type: UpsertResult, description: 'What was done.' } },
  run: async (tx, { actor }, input) => {
    const { customerId: customer, result } = await upsertCustomer(tx, actor, given(input));
    return { customer, result };
  },
});

mutation('upsertCustomers', {
  description: `The same for up to ${CUSTOMERS_MAX} customers, each with its own result. Rows are taken in order: a later one sees what an earlier one made.`,
  permission: 'customers:write',
  idempotent: true,
  input: {
    customers: { type: CustomerUpsert, required: true, list: true, description: `The customers, at most ${CUSTOMERS_MAX}.` },
    errorPolicy: { type: ErrorPolicy, default: 'ALL_OR_NOTHING', description: 'What is done when some rows are refused.' },
    dryRun: { type: 'Boolean', default: false, description: 'Says what would be done, and writes nothing.' },
  },
  payload: { rows: { type: UpsertedCustomer, list: true, description: 'What became of each, in the order of the input.' } },
  run: async (tx, { actor }, input) => {
    const customers = (input.customers as CustomerInput[]).map((customer, index) => given(customer, 'customers', String(index)));
    const rows = await upsertCustomers(tx, actor, { customers, errorPolicy: input.errorPolicy ?? 'ALL_OR_NOTHING', dryRun: input.dryRun ?? false });
    return { rows: rows.map((row) => ({ result: row.result, customer: row.customerId, userErrors: row.refusal ? [row.refusal] : [] })) };
  },
});

mutation('addIdentity', {
  description: 'Adds an address to a customer; one that he has already stays as it is. Another customer\'s is refused with ADDRESS_TAKEN.',
  permission: 'customers:write',
  idempotent: true,
  versioned: true,
  input: { customerId, identity: { type: IdentityInput, required: true, description: 'The address.' } },
  payload: { ...customerPayload, identity: { type: () => Identity, description: 'The address as it is stored.' } },
  run: async (tx, { actor }, input) => {
    const { customerId: customer, identityId } = await addIdentity(tx, actor, {
      customerId: uuidFrom('cus', input.customerId, 'customerId'), identity: input.identity, expectedVersion: input.expectedVersion,
    });
    return { customer, identity: identityId };
  },
});

mutation('tagCustomer', {
  description: 'Adds tags to a customer and removes others.',
  permission: 'customers:write',
  versioned: true,
  input: {
    customerId,
    add: { type: 'String', list: true, description: 'Tags to add, at most 64 characters each; a customer has at most 50.' },
    remove: { type: 'String', list: true, description: 'Tags to take away; one that he does not have is passed over, and one that is also in `add` stays.' },
  },
  payload: customerPayload,
  run: async (tx, { actor }, input) => {
    const { customerId: customer } = await tagCustomer(tx, actor, {
      customerId: uuidFrom('cus', input.customerId, 'customerId'), add: input.add ?? [], remove: input.remove ?? [], expectedVersion: input.expectedVersion,
    });
    return { customer };
  },
});
