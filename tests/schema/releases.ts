// What a release is asked, and what is kept of it (tests/fixtures/releases/COMMIT.json, by record-release.ts).
export interface Recorded {
  commit: string;
  /** How many migrations it had: the first ones of migrations/. */
  migrations: number;
  secretKey: string;
  /** Of nothing but the recorded data. */
  adminKey: string;
  visitorToken: string;
  variables: { customerId: string; cursor: string };
  /** One a question. */
  answers: unknown[];
  tables: Record<string, unknown[]>;
  sequences: Record<string, number>;
}

const PERSON = '$customerId: ID!';
/** Only what the first release had; $customerId is Ada, $cursor of before what was written last. */
export const ASKED: readonly { by: 'admin' | 'visitor'; query: string }[] = [
  {
    by: 'admin',
    query: `query (${PERSON}) { customer(id: $customerId) {
      id displayName name language tier company tags attributes state lastActivityAt createdAt version externalIds { system value } attributesWithSource { id key value source observedAt }
      identities(first: 20) { nodes { id kind namespace value trust displayName isShared lastSeenAt validTo } } claims(first: 10) { nodes { id kind value state createdAt } }
      externalRecords(first: 10) { nodes { id system type number status url } } notes(first: 10) { nodes { id body pinned createdAt } }
      conversations(first: 10) { nodes { id subject status channels priority tags lastActivityAt messageCount version assignee { id name } queue { id name } messages(first: 50) { nodes { id direction text occurredAt deliveryState joinExplanation } } } } } }`,
  },
  {
    by: 'admin',
    query: `query (${PERSON}) { customer(id: $customerId) { timeline(first: 100) { nodes { id kind occurredAt channel summary claimed conversation { id } actor { kind id } subject { __typename
      ... on Message { id text direction } ... on Call { id direction callState: state disposition talkMs } ... on Note { id body } ... on ExternalRecord { id number } ... on Conversation { id status } ... on Identity { id value } ... on Claim { id claimState: state } } } } } }`,
  },
  { by: 'admin', query: 'query ($cursor: Cursor) { changes(after: $cursor, first: 100) { id cursor kind occurredAt conversationSeq actor { kind id } customer { id } } }' },
  { by: 'admin', query: '{ search(query: "Lovelace") { kind score customer { id } message { id } } teams { nodes { id name } } queues { nodes { id name } } members { nodes { id name role } } routingRules { nodes { id name } } channelAccounts { nodes { id channel address name } } }' },
  { by: 'visitor', query: '{ visitor { id name conversations(first: 5) { nodes { id status messages(last: 50) { nodes { id clientId author text sentAt } } } } } }' },
];
