// Pure: Meta's messaging webhooks, of Messenger and of Instagram -> events.
// https://developers.facebook.com/docs/messenger-platform/reference/webhook-events, https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../channel.ts';
import { readJson } from '../json.ts';
import { changeEvent, notUnderstood } from './messaging-changes.ts';
import { toldIn, type Told } from './messaging-envelope.ts';
import { messagingEvents } from './messaging-events.ts';
import { INSTAGRAM, MESSENGER, type MessagingKind } from './messaging-parties.ts';
import { at, cleaned, isObject, listOf, textOf } from './messaging-read.ts';
import { withoutRepeats } from './repeats.ts';

export const parseMessenger = (request: RawRequest): Parsed => parse(request, MESSENGER);
export const parseInstagram = (request: RawRequest): Parsed => parse(request, INSTAGRAM);

/**
 * A body that says it is the other channel's is refused, so that of two channels under one address the right one reads it. Whatever else Meta
 * says there is kept as `unknown`: refusing it would have it sent again, and the webhook switched off in the end.
 */
function parse(request: RawRequest, kind: MessagingKind): Parsed {
  if (request.method.toUpperCase() === 'GET') return { events: [], files: [] };
  const body = cleaned(readJson(request.body));
  if (!isObject(body) && !Array.isArray(body)) throw new Unparsable('The body is JSON, but neither an object nor a list.');
  const events = listOf(body).flatMap((envelope) => {
    const object = textOf(at(envelope, 'object'));
    if (object === null || object === kind.object) return toldIn(envelope).flatMap((told) => eventsOf(kind, told));
    if (object === MESSENGER.object || object === INSTAGRAM.object) throw new Unparsable(`It is of the object "${object}", where "${kind.object}" is read.`);
    return [notUnderstood(kind, `object_${object}`, envelope)];
  });
  return { events: withoutRepeats(events), files: [] };
}

function eventsOf(kind: MessagingKind, told: Told): InboundEvent[] {
  if (told.as === 'other') return [notUnderstood(kind, 'not_understood', told.content, { account: told.entryId })];
  if (told.as === 'change') return [changeEvent(kind, told)];
  const events = messagingEvents(kind, told.content, told.entryId);
  return events.length > 0 ? events : [notUnderstood(kind, 'messaging', told.content, { item: told.content, account: told.entryId })];
}
