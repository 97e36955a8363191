// Writing to customers, by the API.
import { Channel } from '../channels/fields.ts';
import { Conversation } from '../conversations/fields.ts';
import { idOf, inputObject } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { Message } from './fields.ts';
import { sendMessage, startConversation } from './send.ts';

const TemplateInput = inputObject('TemplateInput', 'A message that the provider approved before.', {
  name: { type: 'String', required: true, description: 'Its name at the provider (WhatsApp), or its id there (Twilio\'s Content SID).' },
  language: { type: 'String', required: true, description: 'Its language, as the provider writes it (`en_US`).' },
  parameters: { type: 'String', list: true, required: true, description: 'What stands in its places, in order; none: an empty list.' },
});
const content = {
  text: { type: 'String', required: true, description: 'What to say, as plain text.' },
  html: { type: 'String', description: 'The same as HTML, on channels that carry it (e-mail). It is sanitised.' },
  subject: { type: 'String', description: 'The subject, on channels that have one. Default for a reply: the conversation\'s, with `Re:`.' },
  files: { type: 'String', list: true, description: 'Files to send with it: what `POST /uploads` answered as `file`, in order. `text` may be empty then. `ReplyOption.attachmentsMax` says how many the channel takes.' },
  template: { type: TemplateInput, description: 'A template that the provider approved, where nothing else may be sent (`ReplyOption.form` TEMPLATE). `text` then says what it reads like.' },
  clientId: { type: 'String', description: 'An id that your client made, 1 to 200 characters: echoed in the message, and the same one never sends twice.' },
} as const;
const payload = {
  message: { type: () => Message, description: 'The message, already on the timeline; its `deliveryState` goes on.' },
  conversation: { type: () => Conversation, description: 'Its conversation as it is now.' },
};

mutation('sendMessage', {
  description: 'Answers a customer in a conversation, by the channel that he wrote by last or by another one. What he wrote in a group is answered to the whole group.',
  permission: 'messages:send',
  idempotent: true,
  input: {
    conversationId: { type: idOf('cnv'), required: true, description: 'The conversation to answer in.' },
    channel: { type: Channel, description: 'The channel to answer by; default: the last one that the customer wrote by.' },
    quotedMessageId: { type: idOf('msg'), description: 'A message of the conversation that this one quotes, on channels that can (WhatsApp, Messenger, Instagram).' },
    seenUpTo: { type: 'Cursor', description: 'What the author has seen (a cursor of the log). When a colleague answered after it, nothing is sent and the error is COLLISION with that reply.' },
    ...content,
  },
  payload,
  run: async (tx, { actor }, input) => {
    const conversationId = uuidFrom('cnv', input.conversationId, 'conversationId');
    const quotedMessageId = input.quotedMessageId == null ? null : uuidFrom('msg', input.quotedMessageId, 'quotedMessageId');
    const sent = await sendMessage(tx, actor, { ...input, conversationId, quotedMessageId, channel: input.channel ?? null });
    return { message: sent.messageId, conversation: sent.conversationId };
  },
});

mutation('startConversation', {
  description: 'Writes to a customer first. It always opens a new conversation, also beside an open one; his answer joins the latest.',
  permission: 'messages:send',
  idempotent: true,
  input: {
    customerId: { type: idOf('cus'), required: true, description: 'Whom to write to.' },
    channel: { type: Channel, required: true, description: 'The channel to write by.' },
    accountId: { type: idOf('cha'), description: 'Which of our accounts to write from; default: the channel\'s default account.' },
    identityId: { type: idOf('idn'), description: 'Which of the customer\'s addresses to write to; default: the proven one, else the one seen last.' },
    ...content,
  },
  payload,
  run: async (tx, { actor }, input) => {
    const sent = await startConversation(tx, actor, {
      ...input,
      customerId: uuidFrom('cus', input.customerId, 'customerId'),
      accountId: input.accountId == null ? null : uuidFrom('cha', input.accountId, 'accountId'),
      identityId: input.identityId == null ? null : uuidFrom('idn', input.identityId, 'identityId'),
    });
    return { message: sent.messageId, conversation: sent.conversationId };
  },
});
