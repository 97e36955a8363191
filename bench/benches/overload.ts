// Three times as much as the server can do: how much of what it could do it still does, in time.
import { openPool } from '../../src/platform/db.ts';
import { row, type Bench } from '../bench.ts';
import { startOurs } from '../contenders/start.ts';
import { copyOf, KEYS } from '../data.ts';
import { load, quantile, request } from '../load.ts';
import { offer, type Offered } from '../offer.ts';
import { oursRequests, QUESTIONS } from '../questions.ts';
import { spreadOf } from '../rounds.ts';

const TIMES = 3;
/** Who looks at a screen waits so long. */
const DEADLINE_MS = 2_000;
const CONNECTIONS = 4_000;
/** Every so many-th request brings a message in; the others read. */
const WRITE_EVERY = 5;
const MUTATION = 'mutation Ingest($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { result } userErrors { message } } }';

export const overload: Bench = {
  names: ['overload.goodput'],
  async run(context) {
    const copy = await copyOf(context.cluster, await context.data(), 'overload');
    const server = await startOurs(copy.data);
    const reads = QUESTIONS.map((question) => oursRequests(question, copy.data.customerIds));
    const owner = openPool({ url: copy.data.url, max: 1, applicationName: 'bench' });
    const stored = async (): Promise<number> => (await owner<{ n: number }[]>`select count(*)::int as n from messages where provider_message_id like 'overload-%'`)[0]!.n;
    let number = 0;
    let writes = 0;
    const next = (): Buffer => {
      const n = number++;
      if (n % WRITE_EVERY > 0) return reads[n % reads.length]![n % reads[n % reads.length]!.length]!;
      writes++;
      return request('/graphql', { authorization: `Bearer ${KEYS.ADMIN}` }, { query: MUTATION, variables: { input: { messages: [
        { channel: 'EMAIL', address: { kind: 'EMAIL', value: `seed-${n % copy.data.size.customers}@customers.example` }, text: `Is there any news? (${n})`, externalId: `overload-${n}@mail.example` }] } } });
    };
    try {
      const peaks: number[] = [];
      const offers: Offered[] = [];
      const work = { address: server.said, seconds: context.seconds };
      await load({ ...work, requests: next, connections: context.connections, seconds: context.seconds / 2 });
      for (let round = 0; round < context.rounds; round++) {
        const [asked, there] = [writes, await stored()];
        const { good, bad, seconds, fault } = await load({ ...work, requests: next, connections: context.connections });
        if (bad > 0) throw new Error(`A request was not answered: ${fault}`);
        if ((await stored()) - there !== writes - asked) throw new Error(`${writes - asked} messages were taken, and ${(await stored()) - there} are there.`);
        peaks.push(good / seconds);
        const offered = await offer({ ...work, requests: next, perSecond: TIMES * peaks.at(-1)!, deadlineMs: DEADLINE_MS, connections: CONNECTIONS });
        if (offered.fault !== null) throw new Error(`Under load it answered: ${offered.fault}`);
        offers.push(offered);
      }
      const each = (pick: (one: Offered, round: number) => number) => spreadOf(offers.map(pick));
      return [
        row('overload.goodput', each(({ goodMeanwhile }, round) => goodMeanwhile / context.seconds / peaks[round]!), 'x', '>= 0.8'),
        row('overload.peak', spreadOf(peaks), '1/s'),
        row('overload.p99_ms', each(({ latenciesMs }) => quantile(latenciesMs, 0.99)), 'ms'),
        row('overload.refused', each(({ refused, offered }) => refused / offered), 'x'),
        row('overload.late', each(({ late, offered }) => late / offered), 'x'),
        row('overload.lost', each(({ lost, offered }) => lost / offered), 'x'),
      ];
    } finally {
      await owner.end({ timeout: 5 });
      await server.stop();
      await copy.drop();
    }
  },
};
