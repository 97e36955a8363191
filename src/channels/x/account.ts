// What an X account is connected with.
//
// Requests to X's API are signed by OAuth 1.0a with the account's own access token, not sent with an OAuth 2.0 bearer token: that one ends after two
// hours and is renewed by a refresh token that each use replaces, so every renewal would have to be written back to the endpoint's sealed secrets
// before anything else is sent. An access token of OAuth 1.0a stays good until it is revoked, is what subscribing by the Account Activity API asks
// for, and is the only one that X's old addresses of pictures take. https://docs.x.com/fundamentals/authentication/guides/v2-authentication-mapping
import { z } from 'zod';

/** Ids of users are 64 bits, as digits. https://docs.x.com/fundamentals/x-ids */
export const USER_ID = /^\d{1,19}$/;

const key = (message: string) => z.string().regex(/^\S+$/, message);

export const xSecrets = z.strictObject({
  consumerKey: key('The app\'s API key (consumer key), of "Keys and tokens" in X\'s developer console.'),
  consumerSecret: key('The app\'s API key secret (consumer secret), beside the API key: requests and webhooks are signed with it.'),
  accessToken: z.string().regex(/^\d+-\S+$/, 'The access token of the X account that answers: digits (the account\'s id), a hyphen and letters. With the permission "Read and write and Direct message".'),
  accessTokenSecret: key('The access token\'s secret, which is shown with it.'),
  clientSecret: key('The app\'s OAuth 2.0 client secret.').optional().describe('Only where the app has one: X signs webhooks with it then.'),
});
export type XSecrets = z.infer<typeof xSecrets>;

export const xSettings = z.strictObject({
  apiBaseUrl: z
    .url({ protocol: /^https?$/, error: 'An http or https address: where X\'s API is.' })
    .default('https://api.x.com')
    .describe('Where X\'s API is, or a server that speaks its protocol.'),
});
export type XSettings = z.infer<typeof xSettings>;

/** Standing thread of a pair: everything between them. Sending makes the same key, so that an answer finds its conversation. */
export const laneKey = (account: string | null, counterpart: string): string => `${account ?? ''} ${counterpart}`;
