// What each kind of address may do: whose customer wins when several are known, how many a customer may have, and which values say nothing of a
// person. A table, so that the rule for a kind is one line.
import type { Address, AddressKind } from './address.ts';

export interface KindPolicy {
  /** When one delivery attests addresses of several customers, the message goes to the one of the greatest priority. */
  priority: number;
  /** Most current addresses of this kind that linking gives one customer; above it something is wrong (a shop's tablet, a test number). */
  limit: number;
  /** One current address a customer and namespace: a second external id of one system is another record, so another person. */
  unique: boolean;
  /** The provider never gives the same value to another person. */
  immutable: boolean;
  /** Whether a delivery that attests it beside others links it by itself. */
  mayLink: boolean;
}

export const POLICIES: Record<AddressKind, KindPolicy> = {
  EXTERNAL_ID: { priority: 100, limit: 20, unique: true, immutable: true, mayLink: true },
  WA_PARENT_BSUID: { priority: 80, limit: 5, unique: false, immutable: false, mayLink: true },
  WA_BSUID: { priority: 75, limit: 5, unique: false, immutable: false, mayLink: true },
  PSID: { priority: 70, limit: 10, unique: false, immutable: true, mayLink: true },
  IGSID: { priority: 70, limit: 10, unique: false, immutable: true, mayLink: true },
  X_USER_ID: { priority: 70, limit: 5, unique: false, immutable: true, mayLink: true },
  EMAIL: { priority: 60, limit: 20, unique: false, immutable: false, mayLink: true },
  PHONE: { priority: 50, limit: 10, unique: false, immutable: false, mayLink: true },
  SIP_URI: { priority: 40, limit: 10, unique: false, immutable: false, mayLink: true },
  // A browser, not a person: it follows whoever is proven in it, and many browsers are one person's.
  VISITOR: { priority: 10, limit: 1_000, unique: false, immutable: true, mayLink: true },
};

/** An address that was attested beside those of this many other customers is shared by itself: nothing is linked by it from then on. */
export const QUARANTINE_CUSTOMERS = 5;

/**
 * What an address is good for.
 * - KEY: one person's; messages find him by it and it links.
 * - SHARED: a real address that many people or machines use (info@, noreply@): routed to one customer, never a key for linking.
 * - NOBODY: a placeholder (anonymous, 0000000): occupies no identity; each message that has only this begins with a customer of its own.
 */
export type Standing = 'KEY' | 'SHARED' | 'NOBODY';

/** Pure; `address` in normal form. */
export function standing(address: Address): Standing {
  const { kind, value } = address;
  const plain = value.toLowerCase();
  if (PLACEHOLDERS.has(plain)) return 'NOBODY';
  if (kind === 'PHONE') return PHONE_PLACEHOLDERS.has(value) || !/[\p{L}\p{N}]/u.test(value) || REPEATED.test(value) || COUNTED.test(value) ? 'NOBODY' : 'KEY';
  if (kind === 'SIP_URI') return /^sip:(?:anonymous|unavailable|restricted|unknown)@|\.invalid$/i.test(plain) ? 'NOBODY' : 'KEY';
  if (kind !== 'EMAIL') return /[\p{L}\p{N}]/u.test(value) ? 'KEY' : 'NOBODY';
  if (plain.endsWith('.invalid')) return 'NOBODY';
  const local = plain.slice(0, plain.lastIndexOf('@')).split('+')[0]!;
  return MACHINES.test(local) || ROLES.has(local) ? 'SHARED' : 'KEY';
}

/** What forms, networks and careless integrations send when there is nobody. */
const PLACEHOLDERS = new Set([
  'anonymous', 'restricted', 'private', 'unavailable', 'unknown', 'withheld', 'blocked', 'no caller id', 'null', 'undefined', 'none', 'nil', 'nan',
  'n/a', 'na', 'guest', '0', '-1', '[object object]', 'test@test.com', 'none@none.com', 'noemail@noemail.com', 'na@na.com', 'a@a.com',
]);

/** What Twilio shows for a caller without a number: the words spelled on a keypad (help article "What do these strange phone numbers mean?"). */
const PHONE_PLACEHOLDERS = new Set(['+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253', '+464', '+17378742833', '+15555555555']);
const REPEATED = /^\+?(?:\d{0,3}0{6,}|(\d)\1{6,})$/;
const COUNTED = /^\+?1?(?:0?123456789?0?|987654321?0?)$/;

const MACHINES = /^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|mailer[-_.]?daemon|postmaster|bounces?|auto[-_.]?reply|notifications?|newsletter|listserv|majordomo)(?:[-_.].*)?$/;

/** RFC 2142's mailbox names and what else firms print on their doors. */
const ROLES = new Set([
  'info', 'contact', 'office', 'sales', 'marketing', 'support', 'help', 'helpdesk', 'service', 'customerservice', 'billing', 'accounts', 'accounting',
  'invoices', 'orders', 'admin', 'administrator', 'webmaster', 'hostmaster', 'abuse', 'security', 'noc', 'hello', 'team', 'mail', 'enquiries',
  'inquiries', 'reception', 'jobs', 'hr', 'press', 'kontakt', 'contacto', 'contato', 'buero',
]);
