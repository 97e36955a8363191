// Postmark's error codes, as its API gives them for a mail -> a sentence for the agent and whether to try again. A refusal that isn't listed is
// for good. https://postmarkapp.com/developer/api/overview#error-codes

export interface Meaning {
  reason: string;
  retryable: boolean;
}

const final = (reason: string): Meaning => ({ reason, retryable: false });
const passing = (reason: string): Meaning => ({ reason, retryable: true });

const CODES = new Map<string, Meaning>([
  ['10', final('Postmark refused the credentials. Check the server token of the mailbox.')],
  ['100', passing('Postmark is being maintained.')],
  ['300', final('Postmark refused the mail: an address, a body or an attachment is not valid.')],
  ['400', final('Postmark knows no sender signature for the From address. Add it, or its domain, in Postmark.')],
  ['401', final('The sender signature of the From address is not confirmed in Postmark.')],
  ['402', final('Postmark could not read the request.')],
  ['403', final('Postmark could not read the request.')],
  ['405', final('The Postmark account has no credits left to send.')],
  ['406', final('Postmark does not send to this address: a mail to it bounced for good, its owner complained or unsubscribed, or it was switched off by hand. It can be reactivated in Postmark.')],
  ['409', final('Postmark could not read the request.')],
  ['411', final('Postmark does not send attachments of this type.')],
  ['412', final('The Postmark account is not approved yet: it sends to addresses of its own domain only.')],
  ['413', final('The Postmark account may not send. Postmark\'s support knows why.')],
  ['429', passing('Postmark is receiving too many requests from this account.')],
  ['1221', final('Postmark\'s message stream of the mailbox has a wrong name.')],
  ['1226', final('The Postmark server has no message stream of this name. Check `messageStream` of the mailbox.')],
  ['1235', final('The Postmark server has no message stream of this name. Check `messageStream` of the mailbox.')],
]);

/** By HTTP status, where the body names no code. */
const STATUSES = new Map<number, Meaning>([
  [401, CODES.get('10')!], [413, final('The mail is larger than the 10 MB that Postmark takes.')], [429, CODES.get('429')!],
  [500, passing('Postmark had a fault of its own.')], [503, passing('Postmark is not available for the moment.')],
]);

/** What a code means; for one that isn't listed, what Postmark said of it. `300` says what is wrong only in those words. */
export function meaningOf(status: number, code: string | null, said: string | null): Meaning {
  const meaning = (code === null ? undefined : CODES.get(code)) ?? STATUSES.get(status);
  if (code === '300' && said !== null) return final(`Postmark refused the mail: ${said}`);
  return meaning ?? final(said ?? `Postmark answered with HTTP status ${status}.`);
}
