// Bandwidth's error codes, of message-failed callbacks -> a sentence for the agent. https://dev.bandwidth.com/docs/messaging/errors
// The first digit says whose fault it is (4: the message's, 5: a service's, 9: nobody knows), the second whether Bandwidth (up to 5) or the carrier
// (6, 7) says so.

const CODES = new Map<string, string>([
  ['4001', 'Bandwidth does not let this account send the message.'],
  ['4301', 'The text has characters that cannot be sent.'],
  ['4302', 'The sending number is not a valid telephone number.'],
  ['4303', 'The number is not a valid telephone number.'],
  ['4350', 'The number is probably not a valid one: its carrier could not take the message.'],
  ['4360', 'The message was too old before it could be sent.'],
  ['4401', 'Bandwidth has no way to this number.'],
  ['4403', 'The sending number may not send messages. Check it in Bandwidth\'s dashboard.'],
  ['4404', 'The number takes no messages.'],
  ['4405', 'The sending number is not active.'],
  ['4406', 'The number belongs to nobody.'],
  ['4407', 'The sending number does not belong to this Bandwidth account.'],
  ['4408', 'The number is not set up to receive messages.'],
  ['4409', 'The number takes no picture messages.'],
  ['4410', 'Bandwidth cannot reach the address of a file. Set PUBLIC_URL to an address that is reachable from the internet.'],
  ['4411', 'The files are larger than the network carries.'],
  ['4412', 'A file is of a type that the network does not carry.'],
  ['4420', 'Bandwidth has no way to the number\'s carrier.'],
  ['4421', 'This Bandwidth account may not send to this destination.'],
  ['4431', 'This Bandwidth account may not send to or from short codes.'],
  ['4432', 'This Bandwidth account may not send to this country.'],
  ['4433', 'This Bandwidth account may not send from toll-free numbers.'],
  ['4434', 'The toll-free number takes no messages.'],
  ['4435', 'The group has more people than a message can go to.'],
  ['4451', 'Bandwidth knows no such account. Check the account id of the channel.'],
  ['4452', 'Bandwidth knows no such application. Check the application id of the channel.'],
  ['4470', 'Bandwidth filtered the message as unwanted.'],
  ['4475', 'The recipient opted out of messages from this number.'],
  ['4476', 'The sending number is not registered for this kind of message.'],
  ['4481', 'Bandwidth blocked the sending number after complaints.'],
  ['4482', 'The number is blocked from receiving messages.'],
  ['4492', 'Emergency numbers take no messages.'],
  ['4493', 'Bandwidth refused the credentials for this account.'],
  ['4700', 'The recipient\'s carrier or phone takes no messages of this kind.'],
  ['4701', 'The number cannot be reached for text messages.'],
  ['4702', 'The phone is switched off, out of reach or full.'],
  ['4710', 'The carrier could not fetch a file.'],
  ['4711', 'The files are larger than the recipient\'s carrier takes.'],
  ['4712', 'A file is of a type that the recipient\'s carrier does not take.'],
  ['4720', 'The number does not exist, or is a landline that takes no text messages.'],
  ['4721', 'The number is no longer in service.'],
  ['4730', 'The carrier has no way to the number.'],
  ['4735', 'The group has more people than the carrier takes.'],
  ['4740', 'The carrier does not accept the sending number.'],
  ['4750', 'The carrier rejected the message and does not say why.'],
  ['4751', 'The text is longer than the carrier takes.'],
  ['4752', 'The carrier could not read the message.'],
  ['4753', 'The recipient\'s phone rejected the message.'],
  ['4770', 'The carrier filtered the message as unwanted.'],
  ['4775', 'The recipient opted out with his carrier. Nothing may be sent to him until he writes START.'],
  ['4780', 'The sending number sends more than its carrier allows.'],
  ['4781', 'The sending number sends more than its carrier allows.'],
  ['4790', 'The recipient\'s carrier takes no messages from this short code.'],
  ['4791', 'The carrier does not allow the short code\'s campaign.'],
  ['4792', 'The short code is not set up with the carrier.'],
  ['4793', 'The short code has expired with the carrier.'],
  ['4795', 'The toll-free number is not verified.'],
  ['5600', 'The carrier\'s network is overloaded.'],
  ['9902', 'No report of delivery came in time. The message may have arrived all the same.'],
  ['9999', 'The carrier reported a fault that Bandwidth does not know.'],
]);

const BY_KIND = new Map([
  ['4', 'The message was rejected.'], ['51', 'Bandwidth had a fault of its own.'], ['52', 'Bandwidth had a fault of its own.'], ['55', 'Bandwidth had a fault of its own.'],
  ['5', 'The carrier had a fault of its own.'],
]);

/** What a code means; for one that isn't listed, what Bandwidth said of it, else by its digits. */
export const reasonOf = (code: string, said: string | null): string =>
  CODES.get(code) ?? said ?? BY_KIND.get(code.slice(0, 2)) ?? BY_KIND.get(code.slice(0, 1)) ?? `Bandwidth gave the error code ${code}.`;

/** The recipient sent STOP: to Bandwidth (44…), to his carrier (47…). */
export const OPTED_OUT = new Set(['4475', '4775']);

/**
 * What the API refuses a message with, by its HTTP status. Bandwidth promises that a message which got any of these was not sent.
 * 429: the account's queue of fifteen minutes is full.
 */
export const REFUSALS = new Map<number, { errorCode: string; reason: string; retryable: boolean }>([
  [400, { errorCode: 'request-validation', reason: 'Bandwidth could not accept the message.', retryable: false }],
  [401, { errorCode: 'unauthorized', reason: 'Bandwidth refused the credentials. Check the account id, and the API user\'s name and password of the channel.', retryable: false }],
  [403, { errorCode: 'forbidden', reason: 'The API user may not use messaging. Give it the role HTTP Messaging in Bandwidth\'s dashboard.', retryable: false }],
  [404, { errorCode: 'not-found', reason: 'Bandwidth knows no such account. Check the account id of the channel.', retryable: false }],
  [415, { errorCode: 'unsupported-content-type', reason: 'Bandwidth could not read the request.', retryable: false }],
  [429, { errorCode: 'max-message-queue-size-exceeded', reason: 'Bandwidth\'s queue of this account is full.', retryable: true }],
]);
