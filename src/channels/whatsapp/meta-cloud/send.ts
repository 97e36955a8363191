// One answer to a customer by WhatsApp's Cloud API.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages, …/business-phone-numbers/media
import type { HttpClient } from '../../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../../channel.ts';
import { callGraph, type Graph } from '../../meta/graph.ts';
import { at, idOf, listOf } from '../../meta/messaging-read.ts';
import { notSent } from '../../meta/not-sent.ts';
import type { MetaSecrets } from '../../meta/signature.ts';
import { laneKey } from '../../telephone.ts';
import { graphOf, type CloudSettings } from './account.ts';
import { CAPTION_MAX, refusedByUs, typeOf, type FileType } from './limits.ts';

/**
 * Sends one answer: a template, a reaction, or text and files. WhatsApp takes one file a message, with the text beside it where that is short and the file
 * can have one; else the text goes first, and every file as a message of its own. Files are uploaded before anything is sent, so that one which Meta
 * doesn't take fails the whole. Every message carries the attempt, which comes back with its reports: an answer that was lost is settled by them.
 */
export async function sendWhatsappCloud(message: OutboundMessage, account: Account<CloudSettings, MetaSecrets>, http: HttpClient): Promise<SendResult> {
  const refusal = refusedByUs(message);
  if (refusal) return refusal;
  const graph = graphOf(account, http);
  const prepared = await contentsOf(graph, account.address, message);
  if (!Array.isArray(prepared)) return prepared;
  const ids: string[] = [];
  for (const [index, { what, content }] of prepared.entries()) {
    const called = await callGraph(graph, 'POST', `${account.address}/messages`, {
      body: {
        messaging_product: 'whatsapp', ...recipientOf(message), ...(index === 0 && message.inReplyTo !== null && !message.reaction ? { context: { message_id: message.inReplyTo } } : {}),
        ...content, biz_opaque_callback_data: message.attemptId,
      },
    });
    const [sent] = called.outcome === 'answered' ? listOf(at(called.answer, 'messages')) : [];
    const id = idOf(at(sent, 'id'));
    if (id === null) return notSent(called, prepared.slice(0, index).map((one) => one.what), what);
    ids.push(id);
  }
  // Accepted is no more than that: whether it was sent, a report says.
  return {
    outcome: 'accepted', providerMessageId: ids[0]!, ...(ids.length > 1 ? { furtherIds: ids.slice(1) } : {}), threadKeys: [laneKey(account.address, message.groupId ?? message.to.value)],
    state: 'accepted',
  };
}

/** `to` is a number without its plus, or a group; who shows no number is written to by his id. */
function recipientOf({ to, groupId }: OutboundMessage): object {
  if (groupId != null) return { recipient_type: 'group', to: groupId };
  return { recipient_type: 'individual', ...(to.kind === 'phone' ? { to: to.value.replace('+', '') } : { recipient: to.value }) };
}

interface Content {
  /** For a sentence about what was sent and what wasn't. */
  what: string;
  content: Record<string, unknown>;
}

async function contentsOf(graph: Graph, numberId: string, message: OutboundMessage): Promise<Content[] | SendResult> {
  const { reaction, template } = message;
  if (reaction) return [{ what: 'the reaction', content: { type: 'reaction', reaction: { message_id: reaction.target, emoji: reaction.emoji ?? '' } } }];
  if (template) return [{ what: 'the template', content: { type: 'template', template: templateOf(template) } }];
  const text = message.text.trim() === '' ? null : message.text;
  const [first] = message.files;
  const caption = text !== null && first && text.length <= CAPTION_MAX && typeOf(first) !== 'audio' ? text : null;
  const contents: Content[] = text === null || caption !== null ? [] : [{ what: 'the text', content: { type: 'text', text: { body: text, preview_url: /https?:\/\//.test(text) } } }];
  for (const file of message.files) {
    const attached = await uploaded(graph, numberId, file, file === first ? caption : null);
    // Nothing was sent yet, and what is uploaded twice is seen by nobody.
    if ('failed' in attached) return attached.failed;
    contents.push(attached);
  }
  return contents;
}

const templateOf = ({ name, language, parameters }: NonNullable<OutboundMessage['template']>): object => ({
  name, language: { policy: 'deterministic', code: language.replace('-', '_') },
  ...(parameters.length === 0 ? {} : { components: [{ type: 'body', parameters: parameters.map((text) => ({ type: 'text', text })) }] }),
});

const UPLOAD_TIMEOUT_MS = 90_000;

/** Only a document has a name. */
async function uploaded(graph: Graph, numberId: string, file: OutboundMessage['files'][number], caption: string | null): Promise<Content | { failed: SendResult }> {
  const type: FileType = typeOf(file);
  const what = `the file ${file.filename}`;
  const body = new FormData();
  body.set('messaging_product', 'whatsapp');
  body.set('type', file.mime);
  body.set('file', new Blob([new Uint8Array(file.content)], { type: file.mime }), file.filename);
  const called = await callGraph(graph, 'POST', `${numberId}/media`, { body, timeoutMs: UPLOAD_TIMEOUT_MS });
  const id = called.outcome === 'answered' ? idOf(at(called.answer, 'id')) : null;
  if (id !== null) return { what, content: { type, [type]: { id, ...(caption === null ? {} : { caption }), ...(type === 'document' ? { filename: file.filename } : {}) } } };
  const result = notSent(called, [], what);
  return { failed: result.outcome === 'unknown' ? { outcome: 'failed', errorCode: 'UPLOAD', reason: `The file ${file.filename} could not be uploaded. ${result.reason}`, retryable: true } : result };
}

/**
 * Tells the customer that his message, and all before it, was read; with `typing` also that an answer is being written, which he sees until it comes, for
 * 25 seconds at the most. Whether Meta took it.
 */
export async function acknowledgeCloud(told: { providerMessageId: string; typing: boolean }, account: Account<CloudSettings, MetaSecrets>, http: HttpClient): Promise<boolean> {
  const called = await callGraph(graphOf(account, http), 'POST', `${account.address}/messages`, {
    body: { messaging_product: 'whatsapp', status: 'read', message_id: told.providerMessageId, ...(told.typing ? { typing_indicator: { type: 'text' } } : {}) },
  });
  return called.outcome === 'answered';
}
