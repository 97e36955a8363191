// `throughline sandbox`: providers on this machine, to develop and test with.
import { parseArgs } from 'node:util';
import { openControl } from '../../sandbox/control.ts';
import type { Offer } from '../../sandbox/offer.ts';
import { OFFERS, openOffers } from '../../sandbox/offers.ts';
import { reportOn } from '../../sandbox/reporting.ts';
import { apiAt } from '../../simulate/api.ts';
import { connectInput, connectOffer } from '../../simulate/connect.ts';
import { numberOf, UsageError, type Command } from './command.ts';

const PORT = '4100';

export const sandboxCommand: Command = {
  name: 'sandbox',
  usage: '[--port N] [--providers A,B] [--rate-limit N] [--fail-rate SHARE] [--no-receipts] [--seed N] [--connect URL --key KEY]',
  summary: `Local servers that speak the providers' APIs (${Object.keys(OFFERS).join(', ')}): they check, refuse and report as the providers do, and sign what they deliver.
--port N           where they are steered; the providers stand on the ports after it (default ${PORT})
--providers A,B    only these
--rate-limit N     requests a second that each takes; beyond them 429 with Retry-After
--fail-rate SHARE  the share of requests that end in a 503, from 0 to 1
--no-receipts      nothing is reported on what was sent
--connect URL      connects all of them to the server there, with an admin's --key
Steering: GET / (all of them), POST /PROVIDER/webhook {"url"}, GET /PROVIDER/sent,
POST /PROVIDER/tell {"channel", "from": {"name", "address"}, "act": {"kind": "message", "text"}} (also reaction, edit, call)`,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: 'string', default: PORT }, providers: { type: 'string' }, 'rate-limit': { type: 'string' }, 'fail-rate': { type: 'string', default: '0' }, 'no-receipts': { type: 'boolean' }, seed: { type: 'string', default: '1' },
        connect: { type: 'string' }, key: { type: 'string' },
      },
    });
    const port = numberOf(values.port, 'port', 0);
    const climate = { perSecond: values['rate-limit'] === undefined ? null : numberOf(values['rate-limit'], 'rate-limit', 1), failRate: shareOf(values['fail-rate']), seed: numberOf(values.seed, 'seed', 0) };
    if (values.connect !== undefined && values.key === undefined) throw new UsageError('--connect takes an admin\'s key beside it: --key tl_….');
    const offers = await openOffers(namesIn(values.providers), { climate, ...(port === 0 ? {} : { port: port + 1 }) });
    const control = await openControl(offers, port);
    const reporting = values['no-receipts'] ? null : reportOn(offers);
    if (values.connect !== undefined) for (const offer of offers) await connectOffer(apiAt(values.connect, values.key!), offer);
    for (const offer of offers) console.log(described(offer, control.url, values.connect !== undefined));
    console.log(`Steered at ${control.url}. Ctrl-C ends it.`);
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
    });
    await reporting?.stop();
    for (const fault of reporting?.faults ?? []) console.error(fault);
    await Promise.all([control.close(), ...offers.map((offer) => offer.close())]);
    return 0;
  },
};

function described(offer: Offer, control: string, isConnected: boolean): string {
  const lines = [`${offer.title} (${offer.provider}) at ${offer.url}`];
  for (const [n, account] of offer.accounts.entries()) {
    const input = connectInput(offer, account, n === 0 ? undefined : 'the endpointId of the first');
    lines.push(`  ${account.channel.padEnd(10)} ${account.address}`, ...(isConnected ? [] : [`    connectChannel  ${JSON.stringify({ input })}`]));
  }
  lines.push(isConnected ? '  is connected' : `  then tell it where to deliver:  curl ${control}/${offer.provider}/webhook -d '{"url": "<webhookUrl of the account>"}'`);
  return `${lines.join('\n')}\n`;
}

function namesIn(list: string | undefined): string[] {
  const names = list === undefined ? Object.keys(OFFERS) : list.split(',').map((name) => name.trim()).filter(Boolean);
  const unknown = names.find((name) => !Object.hasOwn(OFFERS, name));
  if (unknown !== undefined || names.length === 0) throw new UsageError(`There is no provider "${unknown ?? ''}"; there are ${Object.keys(OFFERS).join(', ')}.`);
  return names;
}

function shareOf(text: string): number {
  const share = Number(text);
  if (text.trim() === '' || !(share >= 0 && share <= 1)) throw new UsageError('--fail-rate takes a share from 0 to 1, such as 0.1.');
  return share;
}
