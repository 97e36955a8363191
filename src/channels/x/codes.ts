// X's refusals -> a sentence for the agent and whether to try again. X names a refusal in three ways, and one table holds them all:
//   a number      `{ errors: [{ code, message }] }`, of the older API, still given for Direct Messages
//   a problem     `{ type: "https://api.x.com/2/problems/client-forbidden", title, detail }`: the last part of its address
//   an HTTP status, when it says no more
// https://docs.x.com/x-api/fundamentals/response-codes-and-errors · https://developer.x.com/en/support/x-api/error-troubleshooting

export interface Meaning {
  reason: string;
  retryable: boolean;
}

const final = (reason: string): Meaning => ({ reason, retryable: false });
const passing = (reason: string): Meaning => ({ reason, retryable: true });

const CREDENTIALS = final('X refused the account\'s credentials. Check the keys and tokens of the channel; a token that was revoked has to be made again.');
const NO_PERMISSION = final('The app or its access token may not send Direct Messages. Give the app "Read and write and Direct message", then make the access token again.');
const CLOSED = final('The customer takes no Direct Messages from this account: he closed them to it, or never wrote to it first.');
const GONE = final('There is no such X account any more.');
const TOO_FAST = passing('X takes no more messages from this account for now.');
const FAULT = passing('X had a fault of its own.');

const CODES = new Map<string, Meaning>([
  ['17', GONE], ['50', GONE],
  ['32', CREDENTIALS], ['89', CREDENTIALS], ['215', CREDENTIALS],
  ['63', final('The customer\'s X account is suspended.')],
  ['64', final('X suspended the account that the message would be sent from.')],
  ['87', NO_PERMISSION], ['93', NO_PERMISSION], ['220', NO_PERMISSION], ['261', NO_PERMISSION],
  ['88', TOO_FAST],
  ['130', passing('X is overloaded for the moment.')],
  ['131', FAULT],
  ['135', final('X does not accept the time of the request: the clock of this server is wrong.')],
  ['150', CLOSED], ['349', CLOSED],
  ['151', final('X did not take the message and does not say why.')],
  ['226', final('X took the message for an automated one and refused it.')],
  ['324', final('X cannot use the file: its format, size or length is not one that a Direct Message takes.')],
  ['325', final('X no longer has the file that was uploaded for the message.')],
  ['326', final('X locked the account. Somebody has to log in at x.com and follow the steps there.')],
  ['354', final('The text is longer than the 10,000 characters that X takes.')],
  ['453', final('The app\'s access level at X does not include Direct Messages.')],
  // Seen from X itself, and in no list of its: the recipient takes requests from verified accounts only. https://github.com/d60/twikit/issues/297
  ['476', final('The customer takes Direct Messages from strangers only when they are verified by X.')],
  ['invalid-request', final('X could not read the request.')],
  ['resource-not-found', GONE],
  ['not-authorized-for-resource', CLOSED],
  ['client-forbidden', final('The app is not enrolled for this part of X\'s API. See its project and access level in the developer console.')],
  ['client-not-enrolled', final('The app is not enrolled for this part of X\'s API. See its project and access level in the developer console.')],
  ['oauth1-permissions', NO_PERMISSION],
  ['unsupported-authentication', CREDENTIALS],
  ['usage-capped', final('The app has used up what its plan at X allows.')],
  ['rate-limit-exceeded', TOO_FAST],
  ['HTTP_400', final('X could not read the request.')],
  ['HTTP_401', CREDENTIALS],
  ['HTTP_402', final('The developer account at X has no credit left.')],
  ['HTTP_403', final('X does not let this account write to the customer: he takes no Direct Messages from it, or the app lacks the permission.')],
  ['HTTP_404', GONE],
  ['HTTP_413', final('X cannot take a file of this size.')],
  ['HTTP_429', TOO_FAST],
  ['HTTP_500', FAULT],
  ['HTTP_503', passing('X is overloaded for the moment.')],
]);

/** The meaning of the first name that is known; of none, what X said. Whatever the table says, HTTP's own word for "later" counts. */
export function meaningOf(names: readonly string[], status: number, said: string | null): Meaning & { errorCode: string } {
  const known = names.find((name) => CODES.has(name));
  const byStatus = status === 408 || status === 425 || status === 429 || status >= 500;
  const meaning = known === undefined ? final(said ?? `X answered with HTTP status ${status}.`) : CODES.get(known)!;
  return { errorCode: known ?? names[0]!, reason: meaning.reason, retryable: meaning.retryable || byStatus };
}

/** X no longer takes the keys of the account. */
export const isCredentialFault = (errorCode: string): boolean => CODES.get(errorCode) === CREDENTIALS;
