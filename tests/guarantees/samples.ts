// What every field of the API is asked with, by a workspace of its own things: a new field needs a row here, so that it is crawled, permitted and
// searched for secrets like the others. Where a value says whose it is (an id, an address, a name), it is the world's.
import type { World } from './world.ts';

export type Caller = 'ADMIN' | 'MEMBER' | 'VISITOR' | 'PUBLISHABLE';
export interface Sample {
  args: (w: World) => Record<string, unknown>;
  /** Who asks; the workspace's administrator. */
  as?: Caller;
  /** The code by which even its own workspace is refused. */
  refused?: string;
}
type Samples = Record<string, Sample[]>;

let count = 0;
/** A number that no other call has. */
const next = (): number => ++count;
const of = (...all: Sample['args'][]): Sample[] => all.map((args) => ({ args }));
const inputs = (...all: Sample['args'][]): Sample[] => all.map((args) => ({ args: (w) => ({ input: args(w) }) }));
const as = (caller: Caller, samples: Sample[]): Sample[] => samples.map((sample) => ({ ...sample, as: caller }));
const refused = (code: string, samples: Sample[]): Sample[] => samples.map((sample) => ({ ...sample, refused: code }));

const RANGE = { from: '2026-01-01T00:00:00.000Z', to: '2030-01-01T00:00:00.000Z' };
const email = (w: World) => ({ kind: 'EMAIL', value: w.email });
const phone = (w: World) => ({ kind: 'PHONE', value: w.phone });
const externalId = (w: World) => ({ kind: 'EXTERNAL_ID', namespace: 'shop', value: `customer ${w.mark}` });
const order = (w: World) => ({ system: 'shop', type: 'order', externalId: `order ${w.mark}` });

/** Every prefix that `node(id:)` knows, for whom. */
export const NODES: Record<Exclude<Caller, 'PUBLISHABLE'>, string[]> = {
  ADMIN: ['att', 'bhr', 'cal', 'ccg', 'cha', 'clm', 'cnv', 'cus', 'dlv', 'evt', 'idn', 'inb', 'key', 'leg', 'mem', 'msg', 'nte', 'prt', 'que', 'rcd', 'rct', 'rcp', 'rec', 'rfr', 'rtd', 'rul', 'stp', 'tea', 'tle', 'trn', 'wks'],
  MEMBER: [],
  VISITOR: ['vis', 'vmg', 'vcn'],
};
const nodes = (make: (id: string) => Record<string, unknown>): Sample[] =>
  Object.entries(NODES).flatMap(([caller, prefixes]) => as(caller as Caller, prefixes.map((prefix) => ({ args: (w: World) => make(w.ids[prefix]!) }))));

/** Lists (`first`, `after`, `filter`) need none: they are asked by their types. */
export const QUERIES: Samples = {
  node: nodes((id) => ({ id })),
  nodes: nodes((id) => ({ ids: [id] })),
  viewer: of(() => ({})),
  workspace: of(() => ({})),
  identity: of((w) => ({ id: w.ids.idn })),
  claim: of((w) => ({ id: w.ids.clm })),
  customer: of((w) => ({ id: w.ids.cus }), (w) => ({ identity: email(w) }), (w) => ({ identity: phone(w) }), (w) => ({ identity: externalId(w) })),
  conversation: of((w) => ({ id: w.ids.cnv })),
  conversationChange: of((w) => ({ id: w.ids.ccg })),
  message: of((w) => ({ id: w.ids.msg })),
  call: of((w) => ({ id: w.ids.cal })),
  note: of((w) => ({ id: w.ids.nte })),
  externalRecord: of((w) => ({ id: w.ids.rec })),
  externalRecordByKey: of(order),
  routingRule: of((w) => ({ id: w.ids.rul })),
  visitor: as('VISITOR', of(() => ({}))),
  visitorChat: as('PUBLISHABLE', of(() => ({}))),
  conversationStats: of(() => ({ by: ['CHANNEL', 'QUEUE'], range: RANGE })),
  conversationStatsRows: of((w) => ({ figure: 'OPEN_BACKLOG', range: RANGE, queueId: w.ids.que }), (w) => ({ figure: 'MESSAGES_IN', range: RANGE, after: w.statsCursor })),
  cursor: of(() => ({})),
  changes: of(() => ({ first: 5 }), (w) => ({ after: w.cursor })),
  agentWorkspace: of((w) => ({ conversationId: w.ids.cnv })),
  screenPop: of((w) => ({ channel: 'SMS', address: w.phone }), (w) => ({ channel: 'EMAIL', address: w.email }), (w) => ({ channel: 'VOICE', address: w.phone })),
  search: of((w) => ({ query: w.mark }), (w) => ({ query: w.email }), (w) => ({ query: w.phone }), (w) => ({ query: `4711${w.mark}` }), (w) => ({ query: `order ${w.mark}`, kinds: ['EXTERNAL_RECORD'] }), (w) => ({ query: w.mark, kinds: ['MESSAGE'] })),
};

export const MUTATIONS: Samples = {
  updateWorkspace: inputs(() => ({ reopenHours: 6 })),
  createMember: [...refused('ALREADY_EXISTS', inputs((w) => ({ name: 'Tom', email: `tom.${w.mark}@acme.example` }))), ...inputs((w) => ({ name: 'New', email: `new${next()}@acme.example`, idempotencyKey: `queue ${w.mark}` })).map((sample) => ({ ...sample, refused: 'IDEMPOTENCY_MISMATCH' }))],
  createTeam: inputs((w) => ({ name: `Team ${next()}`, memberIds: [w.ids.mem] })),
  setTeamMembers: inputs((w) => ({ teamId: w.ids.tea, memberIds: [w.ids.mem] })),
  createQueue: inputs((w) => ({ name: `Queue ${next()}`, businessHoursId: w.ids.bhr })),
  updateQueue: inputs((w) => ({ queueId: w.ids.que, businessHoursId: w.ids.bhr })),
  createBusinessHours: inputs(() => ({ name: `Hours ${next()}`, timeZone: 'Europe/Berlin', hours: [{ day: 1, from: '09:00', to: '17:00' }] })),
  createApiKey: inputs(() => ({ name: 'Reports', role: 'REPORTING' })),
  createMemberToken: inputs((w) => ({ memberId: w.ids.mem })),
  confirmClaim: inputs((w) => ({ claimId: w.ids.clm })),
  rejectClaim: inputs((w) => ({ claimId: w.ids.clm })),
  undoIdentityChange: refused('INVALID_TRANSITION', inputs((w) => ({ identityId: w.ids.idn }))),
  setIdentityShared: inputs((w) => ({ identityId: w.ids.idn, isShared: false })),
  upsertCustomer: inputs(
    (w) => ({ customerId: w.ids.cus, language: 'en' }), (w) => ({ identity: email(w), language: 'en' }), (w) => ({ identity: phone(w), language: 'en' }), (w) => ({ externalId: { system: 'shop', value: `customer ${w.mark}` }, language: 'en' }),
    (w) => ({ customerId: w.ids.cus, identities: [phone(w)] }),
  ),
  upsertCustomers: inputs(
    (w) => ({ customers: [{ customerId: w.ids.cus, language: 'en' }] }), (w) => ({ customers: [{ identity: email(w), language: 'en' }] }), (w) => ({ customers: [{ externalId: { system: 'shop', value: `customer ${w.mark}` }, language: 'en' }] }),
    (w) => ({ customers: [{ customerId: w.ids.cus, identities: [externalId(w)] }] }),
  ),
  addIdentity: inputs((w) => ({ customerId: w.ids.cus, identity: email(w) }), (w) => ({ customerId: w.ids.cus, identity: phone(w) })),
  tagCustomer: inputs((w) => ({ customerId: w.ids.cus, add: ['vip'] })),
  connectChannel: [
    ...inputs((w) => ({ channel: 'SMS', provider: 'twilio', name: 'Second', address: `+49301${100_000 + next()}`, settings: { accountSid: w.twilio.accountSid, apiBaseUrl: w.twilio.url }, endpointId: w.ids.end })),
    ...refused('ALREADY_EXISTS', inputs((w) => ({ channel: 'EMAIL', provider: 'mime', name: 'Again', address: `support.${w.mark.toLowerCase()}@acme.example`, settings: { fromName: 'x', host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: 'a-secret-of-sixteen' } }))),
  ],
  updateChannelAccount: inputs((w) => ({ accountId: w.ids.cha, name: 'Texts' })),
  assignConversation: inputs((w) => ({ conversationId: w.ids.cnv, assigneeId: w.ids.mem, teamId: w.ids.tea, queueId: w.ids.que })),
  setCallDisposition: inputs((w) => ({ callId: w.ids.cal, wrapUpCode: `wrapped ${w.mark}` })),
  setConversationStatus: inputs((w) => ({ conversationId: w.ids.cnv, status: 'OPEN' })),
  tag: inputs((w) => ({ conversationId: w.ids.cnv, add: ['late'] })),
  updateConversation: inputs((w) => ({ conversationId: w.ids.cnv, priority: 'HIGH' })),
  splitConversation: refused('INVALID_INPUT', inputs((w) => ({ conversationId: w.ids.apart, messageIds: [w.ids.first, w.ids.second], noteIds: [w.ids.apartNote] }))).concat(refused('CONFLICT', inputs((w) => ({ conversationId: w.ids.cnv, callIds: [w.ids.cal], noteIds: [w.ids.nte], expectedVersion: 0 })))),
  moveMessages: refused('INVALID_INPUT', inputs((w) => ({ messageIds: [w.ids.first], toConversationId: w.ids.apart }), (w) => ({ messageIds: [w.ids.first], noteIds: [w.ids.apartNote], toConversationId: w.ids.apart }), (w) => ({ callIds: [w.ids.cal], toConversationId: w.ids.apart }))),
  mergeConversations: refused('INVALID_INPUT', inputs((w) => ({ fromConversationId: w.ids.apart, intoConversationId: w.ids.cnv }))),
  undoConversationChange: refused('INVALID_TRANSITION', inputs((w) => ({ changeId: w.ids.ccg }))),
  markRead: as('MEMBER', inputs((w) => ({ conversationId: w.ids.cnv }))),
  sendMessage: inputs((w) => ({ conversationId: w.ids.cnv, channel: 'SMS', text: 'Hello' }), (w) => ({ conversationId: w.ids.cnv, channel: 'SMS', text: 'Hello', seenUpTo: w.cursor }), (w) => ({ conversationId: w.ids.cnv, channel: 'SMS', text: 'Hello', quotedMessageId: w.ids.quoted })),
  startConversation: inputs((w) => ({ customerId: w.ids.cus, channel: 'SMS', accountId: w.ids.cha, identityId: w.ids.phone, text: 'Hello' })),
  addNote: inputs((w) => ({ customerId: w.ids.cus, body: 'Nice', externalRecordIds: [w.ids.rec] }), (w) => ({ conversationId: w.ids.cnv, body: 'Nice' })),
  editNote: inputs((w) => ({ noteId: w.ids.nte, body: 'Nicer' })),
  pinNote: inputs((w) => ({ noteId: w.ids.nte, pinned: true })),
  linkNote: inputs((w) => ({ noteId: w.ids.nte, add: [w.ids.rec] }), (w) => ({ noteId: w.ids.nte, remove: [w.ids.rec] })),
  upsertExternalRecord: inputs((w) => ({ ...order(w), customerId: w.ids.cus, status: 'PAID' }), (w) => ({ ...order(w), identity: email(w), status: 'PAID' })),
  upsertExternalRecords: inputs((w) => ({ records: [{ ...order(w), customerId: w.ids.cus, status: 'PAID' }] }), (w) => ({ records: [{ ...order(w), identity: email(w), status: 'PAID' }] })),
  reorderRoutingRules: inputs((w) => ({ routingRuleIds: [w.ids.rul] })),
  createRoutingRule: inputs((w) => ({ name: `Rule ${next()}`, conditions: { businessHours: { id: w.ids.bhr, state: 'OPEN' } }, actions: { queueId: w.ids.que } })),
  updateRoutingRule: inputs((w) => ({ routingRuleId: w.ids.rul, conditions: { businessHours: { id: w.ids.bhr, state: 'OPEN' } }, actions: { queueId: w.ids.que } })),
  ingestMessages: inputs(
    (w) => ({ messages: [{ channel: 'EMAIL', address: email(w), text: 'Hi', externalId: `mail.${w.mark}@customers.example` }] }),
    (w) => ({ messages: [{ channel: 'SMS', accountId: w.ids.cha, address: phone(w), text: 'Hi', inReplyTo: `mail.${w.mark}@customers.example`, threadKey: `thread ${w.mark}` }] }),
  ),
  replayInboundEvent: refused('INVALID_TRANSITION', inputs((w) => ({ inboundEventId: w.ids.inb }))),
  startChat: as('PUBLISHABLE', inputs(() => ({ clientId: `start${next()}` }), (w) => ({ clientId: `start${next()}`, email: w.email, phone: w.phone }))),
  identifyVisitor: as('PUBLISHABLE', refused('INVALID_INPUT', inputs(() => ({ clientId: `known${next()}`, token: 'no token' })))),
  sendVisitorMessage: as('VISITOR', inputs((w) => ({ clientId: `said${next()}`, text: 'Hello', replyToId: w.ids.vmg }))),
  editVisitorMessage: as('VISITOR', inputs((w) => ({ clientId: `edit${next()}`, messageId: w.ids.vmg, text: 'Hello!' }))),
  markVisitorSeen: as('VISITOR', inputs((w) => ({ clientId: `seen${next()}`, messageId: w.ids.answer }))),
  setVisitorTyping: as('VISITOR', inputs((w) => ({ conversationId: w.ids.vcn, isTyping: true }))),
  visitorPage: as('VISITOR', inputs(() => ({ clientId: `page${next()}`, url: 'https://shop.example/' }))),
  createVisitorToken: inputs((w) => ({ identityId: w.ids.chat })),
  setTyping: inputs((w) => ({ conversationId: w.ids.cnv, isTyping: true })),
  setPresence: as('MEMBER', inputs((w) => ({ presence: 'ONLINE', conversationId: w.ids.cnv }))),
  // What ends things, at the end.
  deleteVisitorMessage: as('VISITOR', inputs((w) => ({ clientId: `gone${next()}`, messageId: w.ids.vmg }))),
  checkChannelAccount: refused('INVALID_TRANSITION', inputs((w) => ({ accountId: w.ids.spare }))),
  rotateChannelSecrets: inputs((w) => ({ accountId: w.ids.spare, secrets: { inbound: 'another-secret-of-the-door' } })),
  setChannelAccountState: inputs((w) => ({ accountId: w.ids.spare, state: 'DISABLED' })),
  disconnectChannel: inputs((w) => ({ accountId: w.ids.spare })),
  revokeToken: inputs((w) => ({ tokenId: w.ids.tok })),
  revokeApiKey: inputs((w) => ({ apiKeyId: w.ids.key })),
  deactivateMember: inputs((w) => ({ memberId: w.ids.mem })),
};

export const SUBSCRIPTIONS: Samples = {
  visitorEvents: as('VISITOR', of((w) => ({ after: w.cursor }))),
  teamTyping: as('VISITOR', of((w) => ({ conversationId: w.ids.vcn }))),
  events: of((w) => ({ after: w.cursor })),
  messageAdded: of((w) => ({ conversationId: w.ids.cnv, after: w.cursor }), (w) => ({ customerId: w.ids.cus, after: w.cursor })),
  conversationUpdated: of((w) => ({ conversationId: w.ids.cnv, after: w.cursor })),
  inbox: of((w) => ({ filter: { assigneeId: w.ids.mem, teamId: w.ids.tea, queueId: w.ids.que }, after: w.cursor })),
  incomingCall: of((w) => ({ after: w.cursor })),
  typing: of((w) => ({ conversationId: w.ids.cnv })),
  presence: of(() => ({})),
};

/** What lists are narrowed by, each value a filter of its own. */
export const FILTERS: Record<string, (w: World) => Record<string, unknown>[]> = {
  ConversationFilter: (w) => [{ assigneeId: w.ids.mem }, { teamId: w.ids.tea }, { queueId: w.ids.que }, { tag: w.mark }],
  ExternalRecordFilter: (w) => [{ customerId: w.ids.cus }, { number: `4711${w.mark}` }],
  TimelineEntryFilter: (w) => [{ conversationId: w.ids.cnv }],
  InboundEventFilter: (w) => [{ accountId: w.ids.cha }],
  CustomerFilter: (w) => [{ tag: w.mark }, { company: w.mark }],
};

/** Where a type whose fields take arguments is found, and for whom. */
export const PARENTS: Record<string, { open: (w: World) => string; as?: Caller }> = {
  Customer: { open: (w) => `node(id: "${w.ids.cus}") { ... on Customer {` },
  Conversation: { open: (w) => `node(id: "${w.ids.cnv}") { ... on Conversation {` },
  Member: { open: (w) => `node(id: "${w.ids.mem}") { ... on Member {` },
  Team: { open: (w) => `node(id: "${w.ids.tea}") { ... on Team {` },
  AgentWorkspace: { open: (w) => `agentWorkspace(conversationId: "${w.ids.cnv}") { ... on AgentWorkspace {` },
  Visitor: { open: () => 'visitor { ... on Visitor {', as: 'VISITOR' },
  VisitorConversation: { open: (w) => `node(id: "${w.ids.vcn}") { ... on VisitorConversation {`, as: 'VISITOR' },
};

export const credentialOf = (w: World, caller: Caller = 'ADMIN'): string => ({ ADMIN: w.keys.ADMIN, MEMBER: w.member.token, VISITOR: w.visitor.token, PUBLISHABLE: w.publishable })[caller];
