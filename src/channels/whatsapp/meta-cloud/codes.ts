// Errors of WhatsApp's Cloud API, as a call or as a report of a message that failed -> a sentence for the agent and whether to try again.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
import type { Meaning, Said } from '../../meta/graph.ts';

const final = (reason: string): Meaning => ({ reason, retryable: false });
const passing = (reason: string): Meaning => ({ reason, retryable: true });

/** The customer told WhatsApp that he wants no more of the business's marketing. */
export const STOPPED_MARKETING = '131050';

const TOKEN = final('Meta refused the access token: it has expired, was withdrawn, or belongs to somebody without access. Connect the account with a new one.');
const PERMISSION = final('The Meta app lacks the permission to send this. Check whatsapp_business_messaging, and that the system user was assigned the WhatsApp account.');
const RATE = passing('Meta is receiving too many requests from this account for now.');
const MEDIA = final('Meta could not take the file: of another type than it says, too large, or damaged.');
const TEMPLATE = final('The template\'s parameters don\'t fit it: their number or their form.');

const MEANINGS = new Map<string, Meaning>([
  ['0', TOKEN],
  ['1', passing('Meta had a fault of its own.')],
  ['2', passing('Meta is not available for the moment.')],
  ['3', PERMISSION],
  ['4', RATE],
  ['10', PERMISSION],
  ['33', final('The business\'s number was deleted at Meta.')],
  ['100', final('Meta found a field of the message invalid.')],
  ['190', TOKEN],
  ['200', PERMISSION],
  ['368', final('Meta has blocked the account for a violation of its policies.')],
  ['80007', RATE],
  ['80008', RATE],
  ['130429', RATE],
  ['130472', final('WhatsApp did not deliver it: the number is part of an experiment in which marketing messages are held back.')],
  ['130497', final('The business may not write to people in that country.')],
  ['131000', passing('WhatsApp could not send the message and does not say why.')],
  ['131005', PERMISSION],
  ['131008', final('A field of the message is missing.')],
  ['131009', final('A field of the message has a value that WhatsApp doesn\'t take.')],
  ['131014', MEDIA],
  ['131016', passing('WhatsApp is not available for the moment.')],
  ['131021', final('The message goes from the number to itself.')],
  ['131026', final('WhatsApp can\'t deliver to this customer: the number has no WhatsApp, an old version of it, or has not accepted its terms.')],
  ['131030', final('The number is not among those that a test number may write to.')],
  ['131031', final('Meta has locked the WhatsApp account, for a violation of its policies or a wrong PIN.')],
  ['131037', final('The number\'s display name is not approved yet.')],
  ['131042', final('The WhatsApp account\'s payment is not settled: check the means of payment in Meta\'s Business Manager.')],
  ['131045', final('The number is not registered with the Cloud API, or its certificate is wrong.')],
  ['131047', final('The window for an answer is closed: the customer wrote more than 24 hours ago. Only a template can be sent until he writes again.')],
  ['131048', passing('WhatsApp limits this number: too many of its messages were blocked or reported as spam.')],
  ['131049', final('WhatsApp did not deliver it, since this customer gets many marketing messages already. The same message should not be sent again at once.')],
  [STOPPED_MARKETING, final('The customer has turned off marketing messages of this business.')],
  ['131051', final('WhatsApp does not take messages of this type.')],
  ['131052', MEDIA],
  ['131053', MEDIA],
  ['131056', passing('Too many messages went to this customer in a short time.')],
  ['131057', passing('The WhatsApp account is under maintenance at Meta.')],
  ['131062', final('This message can\'t go to a WhatsApp user id: it needs the customer\'s number.')],
  ['132000', TEMPLATE],
  ['132001', final('There is no approved template of this name in this language.')],
  ['132005', final('The template\'s text is too long with these parameters.')],
  ['132007', final('The template\'s content breaks WhatsApp\'s policy.')],
  ['132012', TEMPLATE],
  ['132015', final('The template is paused because of its low quality.')],
  ['132016', final('The template was disabled for good because of its low quality.')],
  ['132068', final('The form (flow) is blocked.')],
  ['132069', final('The form (flow) is throttled: too many were sent in the last hour.')],
  ['133004', passing('Meta\'s server is not available for the moment.')],
  ['133010', final('The number is not registered with the Cloud API.')],
  ['134011', final('The business must accept WhatsApp\'s payment terms first.')],
  ['135000', passing('WhatsApp could not send the message and does not say why.')],
]);

/** What an error means; for one that isn't listed, what Meta said of it. Of those about "a field", Meta's own sentence names which. */
export function meaningOf(code: string, _subcode: string | null, said: Said): Meaning {
  const known = MEANINGS.get(code) ?? (/^2\d\d$/.test(code) ? PERMISSION : undefined);
  if (known === undefined) return { reason: said.details ?? said.message ?? `Meta gave the error code ${code}.`, retryable: said.transient };
  const named = NAMES_A_FIELD.has(code) ? (said.details ?? said.message) : null;
  return named === null ? known : { ...known, reason: `${known.reason} Meta says: ${named}` };
}

const NAMES_A_FIELD = new Set(['100', '131008', '131009', '131014', '131052', '131053', '132000', '132012']);

/** Nothing can be sent until somebody mends it: the token, the permission, the number's registration, a lock, the payment. */
export const isWhatsappAccountFault = (errorCode: string): boolean => ACCOUNT_FAULTS.has(errorCode.split('/')[0]!);

const ACCOUNT_FAULTS = new Set(['0', '33', '190', '368', '131031', '131042', '131045', '133010']);
