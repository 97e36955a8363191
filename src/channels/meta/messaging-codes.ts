// The Graph API's errors, as the Send API of Messenger and Instagram meets them -> a sentence for the agent and whether to try again.
// https://developers.facebook.com/docs/messenger-platform/error-codes, …/docs/graph-api/guides/error-handling, …/docs/graph-api/overview/rate-limiting.
// Subcodes that those don't list are from answers that people report: 10/2018300, 10/2534022, 100/2534014, 100/2534037, 200/2534041. A refusal that isn't listed is for good.
import type { Meaning, Said } from './graph.ts';

const final = (reason: string): Meaning => ({ reason, retryable: false });
const passing = (reason: string): Meaning => ({ reason, retryable: true });

const WINDOW = final('The window for an answer is closed: Meta lets a business write for 24 hours after the customer\'s last message, and a person for 7 days with the human agent permission.');
const UNAVAILABLE = final('This person cannot be written to at the moment: the conversation was turned off or deleted, or the account is blocked or gone.');
const NO_SUCH_USER = final('Meta knows no such user of this account. An id counts only for the Page or Instagram account that it came by.');
const RATE = passing('Meta is receiving too many requests from this account for now.');
const TOKEN = final('Meta refused the access token: it has expired, was withdrawn, or its owner\'s password changed. Connect the account with a new one.');
const PERMISSION = final('The Meta app lacks the permission to send this. Check pages_messaging or instagram_manage_messages, and its access level.');
const NOT_OURS = final('Another app answers this conversation. It must pass the thread\'s control first.');
const FILE = final('Meta could not take the file.');

/** By code and subcode, else by the code alone. */
const MEANINGS = new Map<string, Meaning>([
  ['-1', passing('Meta had a fault of its own.')],
  ['1', passing('Meta had a fault of its own.')],
  ['1/99', PERMISSION],
  ['1/1357046', { ...final('Meta\'s answer could not be read; it may have sent the message.'), maybeSent: true }],
  ['2', passing('Meta is not available for the moment.')],
  ['2/2018344', final('An administrator of the Page must accept Meta\'s terms for its inbox first.')],
  ['3', PERMISSION],
  ['4', RATE],
  ['10', PERMISSION],
  ['10/2018065', WINDOW],
  ['10/2018278', WINDOW],
  ['10/2534022', WINDOW],
  ['10/2018108', UNAVAILABLE],
  ['10/2018300', NOT_OURS],
  ['17', RATE],
  ['32', RATE],
  ['100', final('Meta found a field of the message invalid.')],
  ['100/33', NO_SUCH_USER],
  ['100/2018001', NO_SUCH_USER],
  ['100/2534014', NO_SUCH_USER],
  ['100/2018008', final('Meta could not fetch the file from our public address.')],
  ['100/2018047', FILE],
  ['100/2018074', FILE],
  ['100/2018109', final('The file is larger than Meta takes.')],
  ['100/2534037', NOT_OURS],
  ['100/2534029', final('Meta has blocked the business for a violation of its policies.')],
  ['190', TOKEN],
  ['200', PERMISSION],
  ['200/1545041', UNAVAILABLE],
  ['200/2018021', PERMISSION],
  ['200/2018028', final('The Meta app has no advanced access yet: it can write only to people with a role in the app.')],
  ['200/2534041', final('The account does not let connected tools read its messages: turn it on in the Instagram app, under message controls.')],
  ['210', final('The access token is not one of the Page.')],
  ['230', PERMISSION],
  ['341', RATE],
  ['368', final('Meta has blocked the account from sending for a violation of its policies.')],
  ['506', final('Meta refused the message because the same was sent just before.')],
  ['551', UNAVAILABLE],
  ['613', RATE],
  ['613/1893016', final('Meta took the messages for bothersome, and limits what this account may send to this person.')],
  ['1200', passing('Meta could not send the message for the moment.')],
  ['1545041', UNAVAILABLE],
  ['2022', final('Meta has disabled this app\'s commerce messages for a violation of its policies.')],
  ['10903', final('This person cannot be answered here.')],
  ['10904', final('The Page has its messages turned off.')],
  ['36000', final('The image is larger than the 8 MB that Instagram takes.')],
  ['80001', RATE],
  ['80002', RATE],
  ['80006', RATE],
]);

/** What an error means; for one that isn't listed, what Meta said of it, and whether it looks as if it will pass. */
export function meaningOf(code: string, subcode: string | null, said: Pick<Said, 'message' | 'transient'> = { message: null, transient: false }): Meaning {
  const known = (subcode === null ? undefined : MEANINGS.get(`${code}/${subcode}`)) ?? MEANINGS.get(code);
  if (known === undefined) return { reason: said.message ?? `Meta gave the error code ${code}.`, retryable: said.transient };
  // "Invalid parameter" can be anything; Meta's own sentence names the field.
  return code === '100' && known === MEANINGS.get('100') && said.message !== null ? final(`Meta refused the message: ${said.message}`) : known;
}
