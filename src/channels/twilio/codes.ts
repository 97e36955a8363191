// Twilio's error codes, of the API's refusals and of status callbacks -> a sentence for the agent and whether to try again.
// https://www.twilio.com/docs/api/errors: only codes that a text message can meet. A refusal that isn't listed is for good.

export interface Meaning {
  reason: string;
  retryable: boolean;
}

const final = (reason: string): Meaning => ({ reason, retryable: false });
const passing = (reason: string): Meaning => ({ reason, retryable: true });

const CODES: Record<string, Meaning> = {
  14107: passing('Twilio accepts no more messages from this number for now.'),
  20001: final('Twilio could not read the request.'),
  20003: final('Twilio refused the credentials. Check the account SID and the auth token of the channel.'),
  20005: final('The Twilio account is not active.'),
  20404: final('Twilio knows no such account. Check the account SID of the channel.'),
  20429: passing('Twilio is receiving too many requests from this account.'),
  20500: passing('Twilio had a fault of its own.'),
  20503: passing('Twilio is not available for the moment.'),
  21211: final('The number is not a valid telephone number.'),
  21212: final('The sending number or name is not one that Twilio accepts.'),
  21266: final('The number is the one that the message would be sent from.'),
  21408: final('The Twilio account is not allowed to send to this country. It can be allowed in Twilio\'s geographic permissions.'),
  21601: final('The sending number cannot send text messages.'),
  21602: final('A text message needs a text.'),
  21603: final('The message has no sending number.'),
  21604: final('The message has no recipient.'),
  21606: final('The sending number is not one of this Twilio account, or cannot send text messages.'),
  21608: final('A Twilio trial account sends to verified numbers only.'),
  21609: final('Twilio cannot reach the address for delivery reports. Set PUBLIC_URL to an address that is reachable from the internet.'),
  21610: final('The recipient opted out with STOP. Only a START from the same number lifts it.'),
  21611: passing('The sending number has its longest queue; Twilio takes no more messages for now.'),
  21612: final('Twilio has no way from the sending number to this number.'),
  21614: final('The number is not a mobile number.'),
  21617: final('The text is longer than the 1,600 characters that Twilio takes.'),
  21619: final('A text message needs a text.'),
  21635: final('The number is a landline, which takes no text messages.'),
  21654: final('The message needs a Messaging Service that this account does not have.'),
  21659: final('The sending number is not one of this Twilio account.'),
  21660: final('The sending number is not one of this Twilio account.'),
  21661: final('The sending number cannot send text messages.'),
  21703: final('The Messaging Service has no number that can send this.'),
  21705: final('The Messaging Service is not valid.'),
  30001: passing('Twilio\'s queue for the sending number was full, and the message was dropped.'),
  30002: final('The Twilio account was suspended before the message was sent.'),
  30003: final('The phone is switched off, out of reach or cannot receive messages.'),
  30004: final('The recipient or the carrier blocked the message.'),
  30005: final('The number does not exist or is no longer in service.'),
  30006: final('The number is a landline, or its carrier takes no text messages.'),
  30007: final('A carrier or Twilio filtered the message as unwanted.'),
  30008: final('The message was not delivered; the carrier does not say why.'),
  30009: final('A segment of the message was lost on the way.'),
  30010: final('The message costs more than the account\'s maximum price.'),
  30022: passing('The carrier\'s daily or per-second limit of the sending number is reached.'),
  30023: final('The carrier\'s daily limit of the sending number is reached.'),
  30024: final('The sending number is not yet registered with the carrier.'),
  30032: final('The toll-free number is not verified.'),
  30034: final('The sending number is not registered for A2P 10DLC.'),
  30036: final('The message was not delivered within its validity period.'),
  30410: passing('The carrier did not answer in time.'),
  30453: final('The message could not be delivered.'),
  30454: final('The recipient\'s number received the same message too often.'),
  30500: passing('Twilio had a fault of its own.'),
  63018: passing('The channel\'s rate limit is reached.'),
  63038: final('The account\'s daily limit of messages is reached.'),
};

/** What a code means; for one that isn't listed, what Twilio said of it. */
export function meaningOf(code: string, said: string | null = null): Meaning {
  return (Object.hasOwn(CODES, code) ? CODES[code] : undefined) ?? final(said ?? `Twilio gave the error code ${code}.`);
}
