// Our own chat. Visitors come in by GraphQL and WebSocket (visitors/), never by a webhook; what they do is stored as deliveries of this
// provider, so that it takes the same way as everything else. Answers reach them by the log: there is nobody to send them to.
import { z } from 'zod';
import type { Provider } from '../channel.ts';
import { identificationKey } from './identification.ts';
import { ownProtocol } from './protocol.ts';

const formField = z.strictObject({
  key: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/).describe('Its name; `name`, `email` and `phone` say who the visitor claims to be.'),
  label: z.string().min(1).max(200).describe('What the visitor reads.'),
  required: z.boolean().default(false),
});

/** Of both channels of our own. */
export const ownSettings = {
  greeting: z.string().max(2_000).optional().describe('What is shown before anything is said.'),
  externalSystem: z.string().min(1).max(100).optional().describe('What the ids of your identification tokens are unique within, by the name that your other systems use for them here too. Default: the account.'),
};

export const liveChatSettings = z.strictObject({
  ...ownSettings,
  form: z.array(formField).max(20).default([]).describe('What the widget asks before the chat.'),
});
export type LiveChatSettings = z.infer<typeof liveChatSettings>;

export const liveChatSecrets = z.strictObject({
  identification: identificationKey.optional().describe('The key by which your backend identifies its logged-in customers.'),
});
export type LiveChatSecrets = z.infer<typeof liveChatSecrets>;

export const liveChat: Provider<LiveChatSettings, LiveChatSecrets> = {
  ...ownProtocol('live_chat'),
  settings: liveChatSettings as z.ZodType<LiveChatSettings>,
  secrets: liveChatSecrets,
};
