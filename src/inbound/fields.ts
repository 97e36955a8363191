// The graph's dead letters and deliveries: what came in, what became of it, and why.
import { DELIVERY_SOURCES, INBOUND_STATES } from '../../schema/inbound.ts';
import { ChannelAccount } from '../channels/fields.ts';
import { column, entity, enumeration, expression, many, one, query } from '../graphql/entity.ts';
import { Message } from '../messages/fields.ts';

export const InboundState = enumeration('InboundState', 'What became of something that came in.', INBOUND_STATES, {
  PENDING: 'Waits for its turn in its lane, or for its next try.',
  WAITING: 'It speaks of a call or message that nothing has been heard of yet, which `error` names; it is applied as soon as that one is here.',
  APPLIED: 'It took effect.',
  DUPLICATE: 'It took effect before; a redelivery.',
  IGNORED: 'Understood, and of no consequence here (typing, a kind that nothing is done with yet).',
  UNPARSED: 'It could not be read; `error` says why.',
  UNKNOWN_ACCOUNT: 'It is for a number or mailbox that is not connected; `error` names it.',
  DEAD: 'It failed too often; `error` says why. Its lane went on without it.',
});
const DeliverySource = enumeration('DeliverySource', 'By which door a delivery came.', DELIVERY_SOURCES, {
  WEBHOOK: 'A provider\'s webhook.', SMTP: 'The mail receiver.', HTTP: 'Our own HTTP doors (raw mail, chat).', EVENT_SOCKET: 'A telephone system that we are connected to, while a call happens.', IMPORT: 'An import.',
});

export const Delivery = entity('Delivery', {
  prefix: 'dlv', table: 'deliveries', permission: 'channels:read', description: 'One verified request or mail as it came; its raw body is kept for a time.',
  fields: {
    source: column(DeliverySource, 'source', 'By which door it came.'),
    bodyBytes: column('Bytes', 'body_bytes', 'The size of its body in bytes.'),
    receivedAt: column('DateTime', 'received_at', 'When it came.'),
    raw: expression('String', (row) => `raw_delivery(${row}.request, coalesce(${row}.body, ${row}.body_head))`,
      'What came, to see why it could not be read: method and address, headers without credentials, an empty line, the body; cut at 64 KiB. A body that is no UTF-8 is written in ASCII, ' +
      'other bytes as `\\377`. Null when it is no longer kept.', { nullable: true, permission: 'channels:write' }),
  },
});

export const InboundEvent = entity('InboundEvent', {
  prefix: 'inb', table: 'inbound_events', permission: 'channels:read', description: 'One thing that a delivery said, and what became of it.',
  fields: {
    state: column(InboundState, 'state', 'What became of it.'),
    delivery: one(() => Delivery, 'delivery_id', 'The delivery that it came in.'),
    account: one(() => ChannelAccount, 'account_id', 'The account that it is for; null when that isn\'t connected.', { nullable: true }),
    message: one(() => Message, 'message_id', 'The message that it made or changed; null when it made none.', { nullable: true, permission: 'messages:read' }),
    attempts: column('Int', 'attempts', 'How often it failed.'),
    nextAttemptAt: column('DateTime', 'next_attempt_at', 'When it may be tried (again).'),
    appliedAt: column('DateTime', 'applied_at', 'When it took effect; null while it has not.', { nullable: true }),
    error: column('String', 'error', 'Why it could not be applied; null when it could.', { nullable: true, permission: 'channels:write' }),
  },
});

query({
  inboundEvents: many(() => InboundEvent, 'What came in, the newest first; by `filter`, the dead letters.', {
    orders: { NEWEST: { description: 'The newest first.', columns: [], descending: true } },
    filter: {
      state: { type: InboundState, column: 'state', description: 'Became this.' },
      accountId: { type: { kind: 'id', prefix: 'cha' }, column: 'account_id', nullable: true, description: 'Is for this account; null: for none that is connected.' },
    },
    typeName: 'InboundEvent', permission: 'channels:read',
  }),
});
