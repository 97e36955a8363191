// TwiML, the XML in which Twilio takes its orders. https://www.twilio.com/docs/voice/twiml
import type { HttpReply } from '../channel.ts';

/** An element; text and attribute values are escaped, attributes without a value left out. */
export function element(name: string, attributes: Record<string, string | number | undefined> = {}, ...children: (Xml | string)[]): Xml {
  const written = Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${escaped(String(value))}"`])).join('');
  const inside = children.map((child) => (typeof child === 'string' ? escaped(child) : child.xml)).join('');
  return { xml: inside === '' ? `<${name}${written}/>` : `<${name}${written}>${inside}</${name}>` };
}
export interface Xml {
  xml: string;
}

export const twiml = (...verbs: Xml[]): HttpReply => ({
  status: 200,
  headers: { 'content-type': 'text/xml; charset=utf-8' },
  body: `<?xml version="1.0" encoding="UTF-8"?>${element('Response', {}, ...verbs).xml}`,
});

/** To a message: no answer. To a call: it ends. To a report: nothing. */
export const emptyTwiml = (): HttpReply => twiml();

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Without the control characters that XML 1.0 can't hold at all. */
// eslint-disable-next-line no-control-regex
const escaped = (text: string): string => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '').replace(/[&<>"']/g, (character) => ENTITIES[character]!);
