// What four networks deliver in a conversation, written as they document it: a table that any order of is to end the same.

export const NAMES = { page: '104200000000777', shop: '17840000000000555', number: '330000000000017', x: '77120045' } as const;
export const ADA = { psid: '7300000000000001', igsid: '880000000000123', phone: '31612345678', x: '1408811222333444555' } as const;
export const WABA = '220000000000091';

export type Network = 'MESSENGER' | 'INSTAGRAM' | 'WHATSAPP' | 'X';
export interface Delivery {
  network: Network;
  body: object;
}
/** The ids of what was said before: the customer's first message, and our answer to it. */
export type Said = Record<Network, { first: string; ours: string }>;

const BEGAN = Date.UTC(2026, 2, 5, 14);
/** The moment of a minute of that afternoon, in milliseconds. */
export const at = (minute: number): number => BEGAN + minute * 60_000;

const messaging = (network: 'MESSENGER' | 'INSTAGRAM', minute: number, item: object, byUs = false): Delivery => {
  const [account, customer] = network === 'MESSENGER' ? [NAMES.page, ADA.psid] : [NAMES.shop, ADA.igsid];
  const [sender, recipient] = byUs ? [account, customer] : [customer, account];
  return { network, body: { object: network === 'MESSENGER' ? 'page' : 'instagram', entry: [{ id: account, time: at(minute) + 900, messaging: [{ sender: { id: sender }, recipient: { id: recipient }, timestamp: at(minute), ...item }] }] } };
};
const whatsapp = (value: object, field = 'messages'): Delivery => ({
  network: 'WHATSAPP',
  body: { object: 'whatsapp_business_account', entry: [{ id: WABA, changes: [{ field, value: { messaging_product: 'whatsapp', metadata: { display_phone_number: '+31 20 555 0142', phone_number_id: NAMES.number }, ...value } }] }] },
});
const whatsappMessage = (minute: number, id: string, content: object) =>
  whatsapp({ contacts: [{ profile: { name: 'Ada' }, wa_id: ADA.phone }], messages: [{ from: ADA.phone, id, timestamp: String(at(minute) / 1_000), ...content }] });
const whatsappStatus = (minute: number, id: string, status: string) => whatsapp({ statuses: [{ id, status, timestamp: String(at(minute) / 1_000), recipient_id: ADA.phone }] });
/** X's ids hold the moment at which they were made. https://docs.x.com/fundamentals/x-ids */
export const xId = (minute: number, n: number): string => String((BigInt(at(minute) - 1_288_834_974_657) << 22n) + BigInt(n));
const person = (id: string, name: string) => ({ [id]: { id, name, screen_name: name.toLowerCase(), created_timestamp: '1624706400000' } });
const xUsers = { users: { ...person(ADA.x, 'Ada'), ...person(NAMES.x, 'Shop') } };
const xMessage = (minute: number, id: string, text: string, byUs = false): Delivery => ({
  network: 'X',
  body: {
    for_user_id: NAMES.x, ...xUsers,
    direct_message_events: [{ type: 'message_create', id, created_timestamp: String(at(minute)), message_create: { target: { recipient_id: byUs ? ADA.x : NAMES.x }, sender_id: byUs ? NAMES.x : ADA.x, message_data: { text, entities: { hashtags: [], symbols: [], user_mentions: [], urls: [] } } } }],
  },
});

/** The customer's first message on each, by the ids that the sandboxes gave. */
export const first = (said: Said): Delivery[] => [
  messaging('MESSENGER', -20, { message: { mid: said.MESSENGER.first, text: 'Hello on Messenger' } }),
  messaging('INSTAGRAM', -19, { message: { mid: said.INSTAGRAM.first, text: 'Hello on Instagram' } }),
  whatsappMessage(-18, said.WHATSAPP.first, { type: 'text', text: { body: 'Hello on WhatsApp' } }),
  xMessage(-17, said.X.first, 'Hello on X'),
];

/** What happens afterwards. Everything that has an order of its own has a time of its own. */
export const afternoon = ({ MESSENGER, INSTAGRAM, WHATSAPP, X }: Said): Delivery[] => [
  messaging('MESSENGER', 1, { message: { mid: 'm_one', text: 'Is it in stock' } }),
  messaging('MESSENGER', 2, { message_edit: { mid: 'm_one', text: 'Is it back in stock?', num_edit: 1 } }),
  messaging('MESSENGER', 3, { message: { mid: 'm_two', text: 'Hm', reply_to: { mid: 'm_one' } } }),
  messaging('MESSENGER', 4, { reaction: { mid: MESSENGER.ours, action: 'react', emoji: '❤' } }),
  messaging('MESSENGER', 5, { reaction: { mid: MESSENGER.ours, action: 'unreact', emoji: '❤' } }),
  messaging('MESSENGER', 6, { reaction: { mid: MESSENGER.ours, action: 'react', emoji: '🍵' } }),
  messaging('MESSENGER', 6, { delivery: { mids: [MESSENGER.ours], watermark: at(6) } }),
  messaging('MESSENGER', 7, { read: { watermark: at(7) } }),
  messaging('MESSENGER', 0, { message: { mid: MESSENGER.ours, is_echo: true, app_id: 880000000000001, text: 'Answer on Messenger' } }, true),
  messaging('MESSENGER', 8, { message: { mid: 'm_inbox', is_echo: true, text: 'Written in the inbox of the Page' } }, true),

  messaging('INSTAGRAM', 11, { message: { mid: 'i_one', text: 'Taken back' } }),
  messaging('INSTAGRAM', 12, { message: { mid: 'i_one', is_deleted: true } }),
  messaging('INSTAGRAM', 13, { message: { mid: 'i_two', text: 'Stays', reply_to: { mid: INSTAGRAM.ours } } }),
  messaging('INSTAGRAM', 14, { reaction: { mid: 'i_two', action: 'react', emoji: '❤' } }),
  messaging('INSTAGRAM', 14, { read: { mid: INSTAGRAM.ours } }),
  messaging('INSTAGRAM', 15, { message: { mid: 'i_inbox', is_echo: true, text: 'Written in the app' } }, true),

  whatsappMessage(21, 'wamid.one', { type: 'text', text: { body: 'Is my bike ready' } }),
  whatsappMessage(22, 'wamid.one-edited', { type: 'edit', edit: { original_message_id: 'wamid.one', message: { type: 'text', text: { body: 'Is my bike ready by six?' } } } }),
  whatsappMessage(23, 'wamid.two', { type: 'text', text: { body: 'To be taken back' } }),
  whatsappMessage(24, 'wamid.two-gone', { type: 'revoke', revoke: { original_message_id: 'wamid.two' } }),
  whatsappMessage(25, 'wamid.r1', { type: 'reaction', reaction: { message_id: WHATSAPP.ours, emoji: '👍' } }),
  whatsappMessage(26, 'wamid.r2', { type: 'reaction', reaction: { message_id: WHATSAPP.ours, emoji: '' } }),
  whatsappMessage(27, 'wamid.three', { type: 'text', context: { from: '31205550142', id: WHATSAPP.ours }, text: { body: 'Thanks' } }),
  whatsappStatus(1, WHATSAPP.ours, 'sent'), whatsappStatus(2, WHATSAPP.ours, 'delivered'), whatsappStatus(20, WHATSAPP.ours, 'read'),
  whatsapp({ message_echoes: [{ from: '31205550142', to: ADA.phone, id: 'wamid.app', timestamp: String(at(28) / 1_000), type: 'text', text: { body: 'Written in the app' } }] }, 'smb_message_echoes'),

  xMessage(31, xId(31, 1), 'Is the frame &lt;54 cm&gt;?'),
  xMessage(32, xId(32, 2), 'And blue?'),
  xMessage(0, X.ours, 'Answer on X', true),
  xMessage(33, xId(33, 3), 'Written in the app', true),
  { network: 'X', body: { for_user_id: NAMES.x, ...xUsers, direct_message_mark_read_events: [{ created_timestamp: String(at(34)), sender_id: ADA.x, target: { recipient_id: NAMES.x }, last_read_event_id: xId(33, 3) }] } },
];
