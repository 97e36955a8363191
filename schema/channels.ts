// Where messages come from and go to: a provider's credential (endpoint) and the numbers, mailboxes and widgets under it (accounts).
import { boolean, foreignKey, index, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { bytea, workspaces } from './workspaces.ts';

export const CHANNELS = ['LIVE_CHAT', 'EMAIL', 'VOICE', 'SMS', 'WHATSAPP', 'MESSENGER', 'INSTAGRAM', 'X', 'IN_APP'] as const;
export const ACCOUNT_STATES = ['ACTIVE', 'DISABLED', 'DISCONNECTED'] as const;

/** One a credential of a provider. Its address is `/hooks/<provider>/<id as end_…>`; a leaked one can be replaced without touching the accounts. */
export const channelEndpoints = pgTable('channel_endpoints', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  provider: text().notNull(),
  /** AES-GCM sealed JSON of the provider's secrets, bound to workspace and endpoint (platform/secrets): `{ current: {…}, previous?: {…} }`. */
  secrets: bytea().notNull(),
  createdAt: moment().notNull(),
  rotatedAt: moment(),
  disabledAt: moment(),
}, (t) => [primaryKey({ columns: [t.workspaceId, t.id] }), uniqueIndex('channel_endpoints_id').on(t.id)]);

export const channelAccounts = pgTable('channel_accounts', {
  workspaceId: workspaceId(),
  id: id(),
  endpointId: uuid().notNull(),
  channel: text().notNull(),
  provider: text().notNull(),
  name: text().notNull(),
  /** The account as its provider names it: our number in E.164, our mailbox, the widget's id. Deliveries name it. */
  address: text().notNull(),
  /** What is not secret: From name, SMTP host, trusted authserv-id, API base URL … (each provider's file has its schema). */
  settings: jsonb().notNull(),
  state: text().notNull().default('ACTIVE'),
  isDefault: boolean().notNull().default(false),
  /** Since when nothing can be sent by it, and what its provider said (a token that ended, a number that was taken away); null while all is well. */
  faultAt: moment(),
  fault: text(),
  /** What was last said of the account itself by whoever carries it (Gmail's question whether mail may be forwarded), and its facts by name. */
  noticeAt: moment(),
  notice: text(),
  noticeDetails: jsonb(),
  /** When the next message may go out by its provider's pace; and until when the provider asked us to wait. */
  sendSlotAt: moment(),
  sendPausedUntil: moment(),
  createdAt: moment().notNull(),
  disconnectedAt: moment(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'channel_accounts_endpoint', columns: [t.workspaceId, t.endpointId], foreignColumns: [channelEndpoints.workspaceId, channelEndpoints.id] }),
  uniqueIndex('channel_accounts_address').on(t.workspaceId, t.channel, t.provider, t.address),
  index('channel_accounts_by_endpoint').on(t.workspaceId, t.endpointId),
  oneOf('channel_accounts_channel', t.channel, CHANNELS),
  oneOf('channel_accounts_state', t.state, ACCOUNT_STATES),
]);
