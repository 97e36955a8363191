// Pure: what a WhatsApp user tapped or filled in, as Twilio hands it on.
import { storable } from '../../../identities/address.ts';
import type { Part } from '../../channel.ts';
import type { Fields } from '../../twilio/form.ts';

/**
 * A button of a template or of a message (ButtonText, ButtonPayload), an entry of a list (ListId, ListTitle), or a filled-in form (InteractiveData, JSON);
 * none for anything else. Lists and forms are not in Twilio's table of parameters: the names are those that its users report, and InteractiveData is
 * read in the shapes that WhatsApp itself gives a reply.
 */
export function partsOfInteraction(fields: Fields): Part[] {
  const data = jsonOf(fields.text('InteractiveData'));
  const button = choice(fields.text('ButtonPayload'), fields.text('ButtonText')) ?? choiceIn(data, 'button_reply');
  const entry = choice(fields.text('ListId'), fields.text('ListTitle')) ?? choiceIn(data, 'list_reply');
  const tapped = button ?? entry;
  if (tapped !== null) return [{ type: 'choice', id: tapped.id, title: tapped.title ?? fields.text('Body') ?? tapped.id ?? '' }];
  return data === undefined ? [] : [{ type: 'form', fields: data }];
}

interface Choice {
  id: string | null;
  title: string | null;
}

const choice = (id: string | null, title: string | null): Choice | null => (id === null && title === null ? null : { id, title });

function choiceIn(data: unknown, name: string): Choice | null {
  const reply = memberOf(data, name);
  return choice(textOf(memberOf(reply, 'id')), textOf(memberOf(reply, 'title')));
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const CHARACTERS_MAX = 64 * 1024;
/** Objects and lists; so also how deep they can be nested. */
const MEMBERS_MAX = 500;

/** Undefined for what isn't an object. Escapes bring back what the field's own text was cleaned of. */
function jsonOf(text: string | null): unknown {
  if (text === null || text.length > CHARACTERS_MAX || (text.match(/[[{]/g)?.length ?? 0) > MEMBERS_MAX) return undefined;
  try {
    const value: unknown = JSON.parse(text, (_name, member: unknown) => (typeof member === 'string' ? storable(member) : withStorableNames(member)));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function withStorableNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [storable(name), member]));
}
