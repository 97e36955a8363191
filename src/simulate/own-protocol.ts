// The desk's own channels, by the visitors' API: people whom the shop's backend identifies by a token that it signs.
import { SignJWT } from 'jose';
import { sandboxSecret, type Act, type Told } from '../sandbox/offer.ts';
import { ApiRefused, type Api } from './api.ts';
import { accountsOf } from './connect.ts';
import type { Person } from './people.ts';
import { SHOP, shopIdentity, type Way } from './way.ts';

const KEY = `${sandboxSecret('live_chat', 'identification')}${sandboxSecret('live_chat', 'of visitors')}`;
const CONNECT = 'mutation ConnectChat($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { id } userErrors { code message field } } }';
const PUBLISHABLE = 'query ChatKey($id: ID!) { node(id: $id) { ... on ChannelAccount { publishableKey } } }';
const START = 'mutation StartChat($input: StartChatInput!) { startChat(input: $input) { token userErrors { code message field } } }';
const IDENTIFY = 'mutation Identify($input: IdentifyVisitorInput!) { identifyVisitor(input: $input) { token userErrors { code message field } } }';
const SEND = 'mutation Say($input: SendVisitorMessageInput!) { sendVisitorMessage(input: $input) { message { id } userErrors { code message field } } }';
const EDIT = 'mutation Edit($input: EditVisitorMessageInput!) { editVisitorMessage(input: $input) { message { id } userErrors { code message field } } }';

export interface OwnChannel {
  channel: 'LIVE_CHAT' | 'IN_APP';
  name: string;
  /** Whether somebody can begin who isn't identified yet. */
  beginsUnknown: boolean;
}

/** Connects an account of its own, or takes the one that an earlier run connected. */
export async function ownWay(api: Api, { channel, name, beginsUnknown }: OwnChannel): Promise<Way> {
  const known = (await accountsOf(api)).find((account) => account.provider === 'throughline' && account.channel === channel && account.name === name && account.state === 'ACTIVE');
  const input = { channel, provider: 'throughline', name, settings: { externalSystem: SHOP }, secrets: { identification: { algorithm: 'HS256', key: KEY } } };
  const accountId = known?.id ?? ((await api.ask(CONNECT, { input })).connectChannel.channelAccount.id as string);
  const publishable = api.as((await api.ask(PUBLISHABLE, { id: accountId })).node.publishableKey as string);
  const visitors = new Map<string, Promise<Api>>();

  async function visitorOf(person: Person): Promise<Api> {
    const beginner = beginsUnknown ? publishable.as(((await publishable.ask(START, { input: { name: person.name } })).startChat as { token: string }).token) : publishable;
    const signed = await new SignJWT({ name: person.name }).setProtectedHeader({ alg: 'HS256' }).setSubject(person.shopId).setAudience(accountId).setIssuedAt().setExpirationTime('1h').sign(new TextEncoder().encode(KEY));
    const identified = (await beginner.ask(IDENTIFY, { input: { clientId: 'identified', token: signed } })).identifyVisitor as { token: string };
    return api.as(identified.token);
  }

  async function done(person: Person, act: Act): Promise<string> {
    const visitor = await visitors.get(person.shopId)!;
    if (act.kind === 'message') return ((await visitor.ask(SEND, { input: { clientId: act.id, text: act.text } })).sendVisitorMessage.message as { id: string } | null)?.id ?? act.id;
    if (act.kind === 'edit') return (await visitor.ask(EDIT, { input: { clientId: act.id, messageId: act.about, text: act.text } })).editVisitorMessage.message.id as string;
    throw new Error(`By the desk's own protocol there is no ${act.kind}.`);
  }

  return {
    channel, by: 'Throughline', can: new Set(['message', 'edit'] as const), accountId, identityOf: shopIdentity,
    tell: async (person, act): Promise<Told> => {
      if (!visitors.has(person.shopId)) visitors.set(person.shopId, visitorOf(person));
      try {
        return { status: 200, body: '', providerId: await done(person, act) };
      } catch (error) {
        if (!(error instanceof ApiRefused)) throw error;
        visitors.delete(person.shopId);
        return { status: 400, body: `${error.code}: ${error.message}`, providerId: act.id };
      }
    },
  };
}
