// Steering sandbox providers by HTTP, for developers and tests: what there is, where deliveries go, a customer who writes, what was sent.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Act, Offer } from './offer.ts';
import { openSandbox, type Sandbox, type SandboxAnswer, type SandboxRequest } from './sandbox.ts';

const PROVIDER_ID = z.string().min(1).max(300);
const acts = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('message'), text: z.string(), subject: z.string().optional(), file: z.strictObject({ filename: z.string(), mime: z.string(), base64: z.base64() }).optional() }),
  z.strictObject({ kind: z.literal('reaction'), about: PROVIDER_ID, emoji: z.string() }),
  z.strictObject({ kind: z.literal('edit'), about: PROVIDER_ID, text: z.string() }),
  z.strictObject({ kind: z.literal('call'), talkSeconds: z.int().min(0).nullable().default(null), voicemailSeconds: z.int().min(1).nullable().default(null) }),
]);
const told = z.strictObject({
  channel: z.string(), from: z.strictObject({ name: z.string(), address: z.string() }), id: z.string().regex(/^[0-9a-f]{32}$/, '32 hexadecimal digits.').optional(), act: acts,
});
const webhook = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });

/** `GET /`; `POST /<provider>/webhook`; `POST /<provider>/tell`; `GET /<provider>/sent`. `port` 0: a free one. */
export async function openControl(offers: readonly Offer[], port: number): Promise<Sandbox> {
  return openSandbox({
    port, refusal: () => ({}),
    take: (request) => answer(offers, request).catch((error: Error) => refused(400, error instanceof z.ZodError ? z.prettifyError(error) : error.message)),
  });
}

async function answer(offers: readonly Offer[], request: SandboxRequest): Promise<SandboxAnswer> {
  const [, name = '', what = ''] = new URL(request.url, 'http://sandbox').pathname.split('/');
  if (request.method === 'GET' && name === '') return { status: 200, body: { providers: offers.map(({ provider, title, url, secrets, accounts }) => ({ provider, title, url, secrets, accounts })) } };
  const offer = offers.find(({ provider }) => provider === name);
  if (!offer) return refused(404, `There is no provider "${name}"; there are ${offers.map(({ provider }) => provider).join(', ')}.`);
  const route = ROUTES[`${request.method} ${what}`];
  return route ? route(offer, () => JSON.parse(request.body.toString('utf8')) as unknown) : refused(404, `A provider has ${Object.keys(ROUTES).join(', ')}.`);
}

const ROUTES: Record<string, (offer: Offer, body: () => unknown) => Promise<SandboxAnswer>> = {
  'POST webhook': async (offer, body) => {
    await offer.deliverTo(webhook.parse(body()).url);
    return { status: 200, body: { ok: true } };
  },
  'POST tell': async (offer, body) => {
    const { channel, from, id = randomBytes(16).toString('hex'), act } = told.parse(body());
    const account = offer.accounts.find((one) => one.channel === channel.toUpperCase());
    if (!account) return refused(400, `${offer.title} has ${offer.accounts.map((one) => one.channel).join(', ')}.`);
    const file = 'file' in act && act.file ? { file: { ...act.file, content: Buffer.from(act.file.base64, 'base64') } } : {};
    return { status: 200, body: await offer.tell(account.channel, from, { ...act, ...file, id } as Act) };
  },
  'GET sent': (offer) => Promise.resolve({ status: 200, body: { sent: offer.sent() } }),
};

const refused = (status: number, message: string): SandboxAnswer => ({ status, body: { error: message } });
