// The judges of everyday use: Apollo Client, urql and graphql-request, as their own documentation sets them up, against the running server. The
// same for each: a query, a second page, a mutation, an error with its code, and what the cache makes of ids; for those that can, a subscription.
import { ApolloClient, type ApolloLink, gql, HttpLink, InMemoryCache, split } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination, getMainDefinition } from '@apollo/client/utilities';
import { cacheExchange, Client as Urql, fetchExchange, gql as urqlGql, subscriptionExchange } from '@urql/core';
import { ClientError, GraphQLClient } from 'graphql-request';
import { createClient, type Client as WsClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { within } from '../events/make.ts';
import { startTestServer, type TestServer } from '../harness/server.ts';

let server: TestServer;
let url: string;
let key: string;
let customerId: string;
let conversationId: string;
const open: WsClient[] = [];
beforeAll(async () => {
  server = await startTestServer({ demo: true });
  url = `${server.address}/graphql`;
  const demo = server.server.demo!;
  key = demo.adminKey;
  ({ customer: customerId, conversation: conversationId } = demo.ids);
}, 60_000);
afterEach(() => Promise.all(open.splice(0).map((client) => client.dispose())));
afterAll(() => server.stop());

const overSocket = (): WsClient => {
  const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: { Authorization: `Bearer ${key}` } });
  open.push(client);
  return client;
};

const PROFILE = 'query Profile($id: ID!) { customer(id: $id) { __typename id displayName language version } }';
const PAGE = 'query Page($first: Int!, $after: String) { conversations(first: $first, after: $after) { edges { cursor node { __typename id status } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }';
const CHANGE = 'mutation Change($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { __typename id displayName language version } userErrors { code message field } } }';
const UNKNOWN = 'query Unknown($id: ID!) { customer(id: $id) { id } }';
const LIVE = 'subscription Live($id: ID!) { conversationUpdated(conversationId: $id) { cursor eventKind conversation { __typename id tags } } }';
const tag = (name: string) =>
  server.ask('mutation ($id: ID!, $tags: [String!]!) { tag(input: { conversationId: $id, add: $tags }) { userErrors { code } } }', { id: conversationId, tags: [name] }, key);
/** Tags until something is told: the subscription began at some moment in between. */
async function told<T>(prefix: string, next: Promise<T>): Promise<T> {
  let done = false;
  void next.finally(() => (done = true)).catch(() => {});
  for (let count = 0; !done && count < 50; count++) {
    await tag(`${prefix}-${count}`);
    await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 100))]);
  }
  return within(5_000, 'What is live', next);
}

describe('Apollo Client', () => {
  const client = () => {
    const http = new HttpLink({ uri: url, headers: { authorization: `Bearer ${key}` } });
    const ws = new GraphQLWsLink(overSocket());
    const link: ApolloLink = split(({ query }) => {
      const definition = getMainDefinition(query);
      return definition.kind === 'OperationDefinition' && definition.operation === 'subscription';
    }, ws, http);
    return new ApolloClient({ link, cache: new InMemoryCache({ typePolicies: { Query: { fields: { conversations: relayStylePagination() } } } }) });
  };

  test('queries, pages by its relay policy, and shows a mutation in what was queried before', async () => {
    const apollo = client();
    const { data } = await apollo.query({ query: gql(PROFILE), variables: { id: customerId } });
    expect(data.customer.displayName).toBe('Ada Lovelace');

    const pages = apollo.watchQuery({ query: gql(PAGE), variables: { first: 3 } });
    const first = (await pages.refetch()).data.conversations;
    expect(first.edges).toHaveLength(3);
    await pages.fetchMore({ variables: { after: first.pageInfo.endCursor } });
    const both = pages.getCurrentResult().data.conversations;
    expect(both.edges).toHaveLength(6);
    expect(new Set(both.edges.map((edge: any) => edge.node.id)).size).toBe(6);

    const changed = await apollo.mutate({ mutation: gql(CHANGE), variables: { input: { customerId, language: 'fr' } } });
    expect(changed.data!.upsertCustomer.userErrors).toEqual([]);
    const cached = await apollo.query({ query: gql(PROFILE), variables: { id: customerId }, fetchPolicy: 'cache-only' });
    expect(cached.data.customer.language).toBe('fr');
    apollo.stop();
  });
  test('gives errors with their codes, of the operation and of a mutation’s payload', async () => {
    const apollo = client();
    await expect(apollo.query({ query: gql(UNKNOWN), variables: { id: 'cnv_1' } })).rejects.toMatchObject({ graphQLErrors: [{ path: ['customer'], extensions: { code: 'INVALID_ID' } }] });
    const { data } = await apollo.mutate({ mutation: gql(CHANGE), variables: { input: { customerId, language: 'de', expectedVersion: 1 } } });
    expect(data!.upsertCustomer).toMatchObject({ customer: null, userErrors: [{ code: 'CONFLICT' }] });
    apollo.stop();
  });
  test('follows a subscription over graphql-ws, which changes its cache', async () => {
    const apollo = client();
    const next = new Promise<any>((resolve, reject) => {
      apollo.subscribe({ query: gql(LIVE), variables: { id: conversationId } }).subscribe({ next: resolve, error: reject });
    });
    const { data } = await told('apollo', next);
    expect(data.conversationUpdated.conversation.tags.join()).toContain('apollo-');
    apollo.stop();
  });
});

describe('urql', () => {
  // GET is urql's default for short queries, and what Apollo Server's prevention of cross-site requests refuses; the README says so too.
  const client = (preferGetMethod: false | undefined = false) => {
    const ws = overSocket();
    return new Urql({
      url, ...(preferGetMethod === undefined ? {} : { preferGetMethod }), fetchOptions: { headers: { authorization: `Bearer ${key}` } },
      exchanges: [cacheExchange, fetchExchange, subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({ unsubscribe: ws.subscribe({ query: request.query!, variables: request.variables as Record<string, unknown> }, { next: (value) => sink.next(value as never), error: (error) => sink.error(error), complete: () => sink.complete() }) }),
        }),
      })],
    });
  };

  test('queries, pages, and asks again for what a mutation changed', async () => {
    const urql = client();
    expect((await urql.query(urqlGql(PROFILE), { id: customerId }).toPromise()).data.customer.displayName).toBe('Ada Lovelace');
    const first = (await urql.query(urqlGql(PAGE), { first: 2 }).toPromise()).data.conversations;
    const second = (await urql.query(urqlGql(PAGE), { first: 2, after: first.pageInfo.endCursor }).toPromise()).data.conversations;
    expect(second.pageInfo.hasPreviousPage).toBe(true);
    expect(second.edges.map((edge: any) => edge.node.id)).not.toContain(first.edges[1].node.id);
    const { data } = await urql.mutation(urqlGql(CHANGE), { input: { customerId, language: 'it' } }).toPromise();
    expect(data.upsertCustomer.userErrors).toEqual([]);
    expect((await urql.query(urqlGql(PROFILE), { id: customerId }).toPromise()).data.customer.language).toBe('it');
  });
  test('gives errors with their codes', async () => {
    const { error, data } = await client().query(urqlGql(UNKNOWN), { id: 'cnv_1' }).toPromise();
    expect(data).toEqual({ customer: null });
    expect(error!.graphQLErrors[0]!.extensions.code).toBe('INVALID_ID');
    expect(error!.response.status).toBe(400);
  });
  test('by GET, its default, is refused with a reason or answered, and never changes anything', async () => {
    const { data, error } = await client(undefined).query(urqlGql(PROFILE), { id: customerId }).toPromise();
    if (error) expect(error.message).toMatch(/CSRF|preflight|Cross-Site/);
    else expect(data.customer.displayName).toBe('Ada Lovelace');
  });
  test('follows a subscription over graphql-ws', async () => {
    const urql = client();
    const next = new Promise<any>((resolve) => {
      const subscription = urql.subscription(urqlGql(LIVE), { id: conversationId }).subscribe((result) => {
        resolve(result);
        setTimeout(() => subscription.unsubscribe());
      });
    });
    expect((await told('urql', next)).data.conversationUpdated.conversation.id).toBe(conversationId);
  });
});

describe('graphql-request', () => {
  const client = () => new GraphQLClient(url, { headers: { authorization: `Bearer ${key}` } });

  test('queries, pages and changes', async () => {
    const { customer } = await client().request<any>(PROFILE, { id: customerId });
    expect(customer.displayName).toBe('Ada Lovelace');
    const all: string[] = [];
    for (let after: string | null = null; ;) {
      const { conversations }: any = await client().request<any>(PAGE, { first: 4, after });
      all.push(...conversations.edges.map((edge: any) => edge.node.id));
      if (!conversations.pageInfo.hasNextPage) break;
      after = conversations.pageInfo.endCursor;
    }
    expect(new Set(all).size).toBe(all.length);
    expect(all).toContain(conversationId);
    const { upsertCustomer } = await client().request<any>(CHANGE, { input: { customerId, language: 'es' } });
    expect(upsertCustomer).toMatchObject({ customer: { language: 'es' }, userErrors: [] });
  });
  test('throws errors with their codes, and a missing key by its status', async () => {
    const refused = await client().request(UNKNOWN, { id: 'cnv_1' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ClientError);
    expect((refused as ClientError).response).toMatchObject({ status: 400, errors: [{ extensions: { code: 'INVALID_ID' } }] });
    const nobody = await new GraphQLClient(url).request(PROFILE, { id: customerId }).catch((error: unknown) => error);
    expect((nobody as ClientError).response).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });
});
