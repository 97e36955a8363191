// Pure: the text of a text message as a part.
import type { Part } from '../channel.ts';
import { textBehindBase64 } from './base64-text.ts';

/** None when there is no text. What came stays the text; what base64 seems to say is what is shown, since that is no more than a hint. */
export const textParts = (text: string | null): Part[] =>
  text === null ? [] : [{ type: 'text', text, visibleText: textBehindBase64(text) ?? text, quotedText: null, html: null }];
