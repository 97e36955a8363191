// What Meta's Cloud API refuses of a message, and in which words. https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
import type { SandboxAnswer } from './sandbox.ts';

export const failed = (status: number, code: number, message: string, o: { subcode?: number; details?: string; transient?: boolean } = {}): SandboxAnswer => ({
  status,
  body: {
    error: {
      message, type: 'OAuthException', code, ...(o.subcode === undefined ? {} : { error_subcode: o.subcode }), ...(o.transient ? { is_transient: true } : {}),
      ...(o.details === undefined ? {} : { error_data: { messaging_product: 'whatsapp', details: o.details } }), fbtrace_id: 'Sandbox',
    },
  },
});

export function refusal(status: number): object {
  const [code, message] = status === 429 ? [130429, '(#130429) Rate limit hit'] : [131000, '(#131000) Something went wrong'];
  return failed(status, code as number, message as string).body as object;
}

export const objectIn = (value: unknown): Record<string, unknown> | null => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null);

/** `to`: a number's digits, or a group's id; `recipient`: a user id. */
export function recipientIn({ to, recipient, recipient_type: type = 'individual' }: Record<string, unknown>): { to: string } | { fault: SandboxAnswer } {
  if (type === 'group') return typeof to === 'string' && to !== '' ? { to } : { fault: missing('to') };
  if (typeof recipient === 'string') return /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/.test(recipient) ? { to: recipient } : { fault: invalid('recipient is no user id.') };
  if (typeof to !== 'string' || to === '') return { fault: missing('to') };
  return /^\+?\d{5,15}$/.test(to) ? { to: to.replace('+', '') } : { fault: invalid('to is no phone number.') };
}

const missing = (name: string): SandboxAnswer => failed(400, 131008, '(#131008) Required parameter is missing', { details: `The parameter ${name} is required.` });
const invalid = (details: string): SandboxAnswer => failed(400, 131009, '(#131009) Parameter value is not valid', { details });

interface Known {
  isUploaded: (id: string) => boolean;
  isKnown: (id: string) => boolean;
}

const MEDIA = new Set(['image', 'video', 'audio', 'document', 'sticker']);

export function contentFault(type: string, content: Record<string, unknown> | null, known: Known): SandboxAnswer | null {
  if (!content) return missing(type);
  if (type === 'text') {
    if (typeof content.body !== 'string' || content.body.trim() === '') return missing('text.body');
    return content.body.length > 4_096 ? failed(400, 100, '(#100) Invalid parameter', { details: 'Param text[\'body\'] must be at most 4096 characters long.' }) : null;
  }
  if (type === 'reaction') {
    if (typeof content.message_id !== 'string' || !known.isKnown(content.message_id)) return invalid('The message to react to is not known.');
    return typeof content.emoji === 'string' ? null : missing('reaction.emoji');
  }
  if (MEDIA.has(type)) {
    if (typeof content.link === 'string' ? !/^https?:/.test(content.link) : !known.isUploaded(String(content.id))) return invalid(`${type}.id is no uploaded file.`);
    if (content.caption === undefined) return null;
    if (type === 'audio' || type === 'sticker') return failed(400, 100, '(#100) Invalid parameter', { details: `Unexpected key "caption" on param "${type}".` });
    return typeof content.caption === 'string' && content.caption.length <= 1_024 ? null : invalid('caption must be at most 1024 characters long.');
  }
  return type === 'template' ? null : failed(400, 131051, '(#131051) Unsupported message type');
}

export function templateFault(given: Record<string, unknown>, templates: readonly { name: string; language: string; parameters: number }[]): SandboxAnswer | null {
  const language = objectIn(given.language)?.code;
  const template = templates.find((one) => one.name === given.name && one.language === language);
  if (!template) return failed(404, 132001, '(#132001) Template name does not exist in the translation', { details: `template name (${String(given.name)}) does not exist in ${String(language)}` });
  const components = Array.isArray(given.components) ? given.components.map(objectIn) : [];
  const parameters = components.filter((one) => one?.type === 'body').flatMap((one) => (Array.isArray(one!.parameters) ? one!.parameters.map(objectIn) : []));
  if (parameters.some((one) => one?.type !== 'text' || typeof one.text !== 'string' || one.text === '')) return failed(400, 131008, '(#131008) Required parameter is missing', { details: 'Parameter of type text is missing text value' });
  if (parameters.length === template.parameters) return null;
  return failed(400, 132000, '(#132000) Number of parameters does not match the expected number of params', {
    details: `body: number of localizable_params (${parameters.length}) does not match the expected number of params (${template.parameters})`,
  });
}
