// The mutations that an agent's day and an integrator's night are made of, each new every time, over the data's own people.
import { randomUUID } from 'node:crypto';
import { publicId } from '../src/platform/ids.ts';
import type { Data } from './data.ts';

export interface Mutation {
  name: string;
  query: string;
  input: (n: number, data: Data) => Record<string, unknown>;
}
const of = <T>(all: readonly T[], n: number): T => all[n % all.length]!;
const mutation = (name: string, type: string, answer: string, input: Mutation['input']): Mutation => ({ name, query: `mutation ($input: ${type}!) { ${name}(input: $input) { ${answer} userErrors { code message } } }`, input });
const conversationId = (n: number, data: Data): string => publicId('cnv', of(data.conversationIds, n));

export const MUTATIONS: readonly Mutation[] = [
  mutation('ingestMessages', 'IngestMessagesInput', 'messages { result userErrors { code message } }', (n, data) => (
    { messages: [{ channel: 'SMS', address: { kind: 'PHONE', value: of(data.phones, n) }, text: `Is there any news? (${n})`, externalId: randomUUID() }] })),
  mutation('addNote', 'AddNoteInput', 'note { id }', (n, data) => ({ conversationId: conversationId(n, data), body: `He called again (${n}).`, idempotencyKey: randomUUID() })),
  mutation('tag', 'TagInput', 'conversation { id }', (n, data) => ({ conversationId: conversationId(n, data), add: [`tag ${n % 7}`], remove: [`tag ${(n + 3) % 7}`] })),
  mutation('updateConversation', 'UpdateConversationInput', 'conversation { id }', (n, data) => ({ conversationId: conversationId(n, data), subject: `About order ${n}` })),
  mutation('setConversationStatus', 'SetConversationStatusInput', 'conversation { id }', (n, data) => ({ conversationId: conversationId(n, data), status: n % 2 === 0 ? 'PENDING' : 'OPEN' })),
  mutation('upsertCustomer', 'UpsertCustomerInput', 'customer { id }', (n, data) => ({ customerId: publicId('cus', of(data.customerIds, n)), attributes: { visits: n } })),
  mutation('upsertExternalRecord', 'UpsertExternalRecordInput', 'externalRecord { id }', (n, data) => (
    { system: 'shop', type: 'order', externalId: randomUUID(), number: `#${n}`, status: 'paid', customerId: publicId('cus', of(data.customerIds, n)) })),
];
