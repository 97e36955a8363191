// Amazon SES reports bounces, complaints and deliveries as JSON, which SNS can send as a mail. Source: SES developer guide, "Amazon SNS
// notification contents".
import { z } from 'zod';
import { oneLine } from './clean.ts';

const recipients = z.array(z.object({ emailAddress: z.string(), action: z.string().optional(), status: z.string().optional(), diagnosticCode: z.string().optional() })).max(1000);
const notice = z.object({
  notificationType: z.string().optional(),
  eventType: z.string().optional(),
  mail: z.object({ messageId: z.string().optional(), headers: z.array(z.object({ name: z.string(), value: z.string() })).optional() }).optional(),
  bounce: z.object({ bounceType: z.string().optional(), bouncedRecipients: recipients }).optional(),
  complaint: z.object({ complainedRecipients: recipients, complaintFeedbackType: z.string().nullish() }).optional(),
  delivery: z.object({ recipients: z.array(z.string()).max(1000), smtpResponse: z.string().optional() }).optional(),
});

export interface Notice {
  originalId: string | null;
  /** Null unless it is a complaint. */
  feedbackType: string | null;
  recipients: { recipient: string; action: string; status: string | null; diagnostic: string }[];
}

/** Null when the text isn't such a notice. */
export function readNotice(text: string): Notice | null {
  const json = /^\s*(\{[\s\S]{20,200000}\})\s*(?:--|$)/.exec(text.slice(0, 201_000))?.[1];
  if (!json || !/(?:notificationType|eventType)\\?"/.test(json)) return null;
  const outer = parsed(json);
  // Without raw delivery SNS wraps the notice: a string of JSON in its own JSON.
  const wrapped = z.object({ Message: z.string() }).safeParse(outer);
  const read = notice.safeParse(wrapped.success ? parsed(wrapped.data.Message) : outer);
  if (!read.success) return null;
  const { mail, bounce, complaint, delivery } = read.data;
  const header = mail?.headers?.find(({ name }) => name.toLowerCase() === 'message-id')?.value.replace(/^<|>$/g, '');
  const originalId = header ?? mail?.messageId ?? null;
  const address = (value: string) => oneLine(value.slice(0, 2_000).replace(/^.*<|>.*$/g, ''), 320).toLowerCase();
  if (bounce) {
    return {
      originalId,
      feedbackType: null,
      recipients: bounce.bouncedRecipients.map(({ emailAddress, action, status, diagnosticCode }) => ({
        recipient: address(emailAddress),
        action: action ?? 'failed',
        status: /^[245]\.\d{1,3}\.\d{1,3}$/.test(status ?? '') ? status! : bounce.bounceType === 'Transient' ? '4.0.0' : null,
        diagnostic: oneLine((diagnosticCode ?? '').replace(/^\s*[\w-]+\s*;\s*/, ''), 2000),
      })),
    };
  }
  if (complaint) {
    return {
      originalId,
      feedbackType: complaint.complaintFeedbackType ?? 'abuse',
      recipients: complaint.complainedRecipients.map(({ emailAddress }) => ({ recipient: address(emailAddress), action: 'failed', status: null, diagnostic: '' })),
    };
  }
  return delivery
    ? { originalId, feedbackType: null, recipients: delivery.recipients.map((recipient) => ({ recipient: address(recipient), action: 'delivered', status: null, diagnostic: oneLine(delivery.smtpResponse ?? '', 2000) })) }
    : null;
}

/** SNS folds long JSON lines when it mails them. */
function parsed(json: string): unknown {
  for (const text of [json, json.replace(/\r?\n/g, '')]) {
    try {
      return JSON.parse(text);
    } catch {
      // Not JSON in this form.
    }
  }
  return null;
}
