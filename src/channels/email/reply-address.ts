// Names of our own messages that come back in mail: the plus-address that answers go to, and the Message-IDs we mint. Both carry the
// message's
// id and a signature, so that who holds one really was written to; nothing has to be looked up to know that it is ours.
import { timingSafeEqual } from 'node:crypto';
import type { InboundEvent } from '../channel.ts';

/** HMAC-SHA256 under a key that only we hold (platform/secrets `keyedHash`). */
export type Sign = (text: string) => Buffer;

/** RFC 4648 base32 in lower case: relays change the case of local parts. 26 characters of id, 16 (80 bits) of signature. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const TOKEN = /^([a-z2-7]{26})([a-z2-7]{16})$/;
const MARK = 'tl-';
/** RFC 5321, 4.5.3.1.1. */
const LOCAL_PART_MAX = 64;

/** The token of a message of ours (UUID), valid in its workspace only. */
export function mintToken(sign: Sign, workspaceId: string, messageId: string): string {
  return base32(Buffer.from(messageId.replaceAll('-', ''), 'hex')) + signature(sign, workspaceId, messageId);
}

/** The message's UUID, or null for a token that isn't ours or is another workspace's. In constant time. */
export function verifyToken(sign: Sign, workspaceId: string, token: string): string | null {
  const found = TOKEN.exec(token.toLowerCase());
  if (!found) return null;
  const messageId = uuidOf(found[1]!);
  if (messageId === null) return null;
  return timingSafeEqual(Buffer.from(found[2]!), Buffer.from(signature(sign, workspaceId, messageId))) ? messageId : null;
}

/** `support@acme.example` -> `support+tl-…@acme.example`; null when the local part would pass 64 characters. */
export function replyAddress(mailbox: string, token: string): string | null {
  const at = mailbox.lastIndexOf('@');
  const local = `${mailbox.slice(0, at)}+${MARK}${token}`;
  return at < 1 || local.length > LOCAL_PART_MAX ? null : `${local}${mailbox.slice(at)}`;
}

/** The token in an address and the mailbox without it; of an address without one, the address itself. Any other plus tag stays. */
export function splitReplyAddress(address: string): { mailbox: string; token: string | null } {
  const found = /^(.+)\+tl-([a-z2-7]{42})(@[^@]+)$/i.exec(address);
  return found ? { mailbox: found[1]! + found[3]!, token: found[2]!.toLowerCase() } : { mailbox: address, token: null };
}

/** Our Message-ID of a message (without angle brackets): the same for every attempt, so that a doubled one is seen as one. */
export const mintMessageId = (sign: Sign, workspaceId: string, messageId: string, domain: string): string =>
  `${MARK}${mintToken(sign, workspaceId, messageId)}@${domain}`;

/** The UUID of our message that a Message-ID names; null when it isn't one of ours. */
export function ourMessage(sign: Sign, workspaceId: string, id: string): string | null {
  const found = /^<?tl-([a-z2-7]{42})@[^@]+$/i.exec(id);
  return found ? verifyToken(sign, workspaceId, found[1]!) : null;
}

/** The UUID of our message that a mail proves to answer: by the address that it was sent to, else by the ids that it names, best first. */
export function provenAnswer(sign: Sign, workspaceId: string, event: Pick<InboundEvent, 'recipients' | 'message'>): string | null {
  for (const { valueRaw } of event.recipients) {
    const { token } = splitReplyAddress(valueRaw);
    const messageId = token === null ? null : verifyToken(sign, workspaceId, token);
    if (messageId !== null) return messageId;
  }
  for (const id of event.message?.references ?? []) {
    const messageId = ourMessage(sign, workspaceId, id);
    if (messageId !== null) return messageId;
  }
  return null;
}

const signature = (sign: Sign, workspaceId: string, messageId: string): string => base32(sign(`e-mail reply:${workspaceId}:${messageId}`).subarray(0, 10));

function base32(bytes: Buffer): string {
  let bits = 0;
  let value = 0;
  let text = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31];
}

/** 26 characters hold 130 bits; the last two must be zero, or one id would have several spellings. */
function uuidOf(text: string): string | null {
  let bits = 0;
  let value = 0;
  const bytes: number[] = [];
  for (const character of text) {
    value = (value << 5) | ALPHABET.indexOf(character);
    bits += 5;
    if (bits >= 8) {
      bytes.push((value >>> (bits - 8)) & 0xff);
      bits -= 8;
    }
    value &= (1 << bits) - 1;
  }
  if (value !== 0 || bytes.length !== 16) return null;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
