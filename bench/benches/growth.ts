// How answers slow down when there is more: a customer of a thousand addresses beside ordinary ones, and ten times the data.
import { createVisitorToken } from '../../src/access/tokens.ts';
import { systemActor } from '../../src/access/viewer.ts';
import { inWorkspace, openPool } from '../../src/platform/db.ts';
import { row, type Bench, type Row } from '../bench.ts';
import { canonicalQueries } from '../canonical.ts';
import { startOurs } from '../contenders/start.ts';
import { copyOf, KEYS, WORKSPACE, type Data, type Size } from '../data.ts';
import { ask, request } from '../load.ts';
import { MUTATIONS } from '../mutations.ts';
import { oursRequests } from '../questions.ts';
import { inRounds, ratio, spreadOf, type Contender, type Spread } from '../rounds.ts';

const TIMES = 10;

export const manyIdentities: Bench = {
  names: ['q3.identities1000'],
  async run(context) {
    const data = await context.data();
    const server = await startOurs(data);
    try {
      const contender = (name: string, ids: string[]): Contender => ({ name, address: server.said, pid: server.pid, requests: oursRequests('q3', ids) });
      const turns = await inRounds([contender('ordinary', data.customerIds), contender('many', [data.manyId])], { ...context, postmaster: context.cluster.postmaster });
      return [row('q3.identities1000', ratio(turns, 'ordinary', 'many'), 'x', '<= 3')];
    } finally {
      await server.stop();
    }
  },
};

export const growth: Bench = {
  names: ['growth.p50'],
  async run(context) {
    // The run's own size is the large one, since that is the one which the other figures are of.
    const small: Size = { customers: Math.max(100, Math.round(context.size.customers / TIMES)), messages: Math.max(1_000, Math.round(context.size.messages / TIMES)) };
    // Copies, since mutations come last.
    const copies = [await copyOf(context.cluster, await context.data(small), 'small'), await copyOf(context.cluster, await context.data(), 'large')];
    const sizes = copies.map(({ data }) => data);
    const servers = await Promise.all(sizes.map(startOurs));
    const worst: { name: string; spread: Spread }[] = [];
    const grow = async (name: string, requests: readonly (readonly Buffer[] | (() => Buffer))[]): Promise<void> => {
      const contenders = ['small', 'large'].map((size, at) => ({ name: size, address: servers[at]!.said, pid: servers[at]!.pid, requests: requests[at]! }));
      for (const { address, requests: some } of contenders) {
        const { status, text } = await ask(address, typeof some === 'function' ? some() : some[0]!);
        if (status !== 200 || text.startsWith('{"errors"') || /"userErrors":\[\{/.test(text)) throw new Error(`${name}: ${status} ${text.slice(0, 400)}`);
      }
      // One connection: how long an answer takes, not how many go side by side.
      const turns = await inRounds(contenders, { rounds: context.rounds, seconds: context.seconds / 5, warmSeconds: context.warmSeconds ?? 0.4, connections: 1, postmaster: 0 });
      const [before, after] = ['small', 'large'].map((size) => turns.get(size)!.map(({ p50Ms }) => p50Ms));
      const spread = spreadOf(after!.map((ms, round) => ms / before![round]!));
      context.say(`  ${name.padEnd(22)} p50 ${spreadOf(before!).median.toFixed(2)} -> ${spreadOf(after!).median.toFixed(2)} ms   ${spread.median.toFixed(2)} x`);
      worst.push({ name, spread });
    };
    try {
      const visitors = await Promise.all(sizes.map(visitorToken));
      const operations = sizes.map(canonicalQueries);
      for (const [index, { name }] of operations[0]!.entries()) {
        await grow(name, sizes.map((_data, at) => {
          const { source, variables, byVisitor } = operations[at]![index]!;
          const authorization = `Bearer ${byVisitor ? visitors[at]! : KEYS.ADMIN}`;
          return variables.map((each) => request('/graphql', { authorization }, { query: source, variables: each }));
        }));
      }
      for (const { name, query, input } of MUTATIONS) {
        await grow(name, sizes.map((data) => {
          let n = 0;
          return () => request('/graphql', { authorization: `Bearer ${KEYS.ADMIN}` }, { query, variables: { input: input(n++, data) } });
        }));
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
      await Promise.all(copies.map((copy) => copy.drop()));
    }
    worst.sort((a, b) => b.spread.median - a.spread.median);
    const details: Row[] = worst.map(({ name, spread }) => row(`growth.p50.${name}`, spread, 'x', '<= 1.3'));
    return [row('growth.p50', worst[0]!.spread, 'x', '<= 1.3'), ...details];
  },
};

async function visitorToken(data: Data): Promise<string> {
  const app = openPool({ url: data.url, role: 'throughline_app', max: 1, applicationName: 'bench' });
  try {
    const { token } = await inWorkspace(app, WORKSPACE, (tx) =>
      createVisitorToken(tx, systemActor(WORKSPACE), { accountId: data.chatAccountId, identityId: data.visitorIds[0]! }));
    return token;
  } finally {
    await app.end({ timeout: 5 });
  }
}
