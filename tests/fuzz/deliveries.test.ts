// What providers deliver, spoiled: the fixtures of every provider, their bytes or their JSON changed, signed rightly. Each is taken or refused; none is a
// fault of ours, and nothing is left over. SEED and DELIVERIES set the run. VERIFY=1 also holds the event loop to 100 ms.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../guarantees/world.ts';
import type { TestDatabase } from '../harness/database.ts';
import { proven } from '../harness/proven.ts';
import { seeded, seedOfRun } from '../harness/seeded.ts';
import { testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { spawned } from '../harness/spawned.ts';
import { BYTES_MAX, openDoors, type Sample } from './doors.ts';
import { ANSWER_MS_MAX, faultOf, figure } from './oracle.ts';
import { spoiled } from './spoil.ts';

const SEED = seedOfRun();
const DELIVERIES = Number(process.env.DELIVERIES ?? 150);
const AT_ONCE = 4;

let db: TestDatabase;
let server: Started;
let close: () => Promise<void>;
let ws: TestWorkspace;
let all: Sample[];
beforeAll(async () => {
  let dataDir: string;
  ({ db, dataDir, server, close } = await spawned({ RATE_LIMIT_DELIVERIES_PER_MINUTE: '999999999999' }));
  ws = await testWorkspace(db);
  all = await openDoors(ws, server.address, dataDir);
}, 90_000);
afterAll(() => close());

async function deliver({ url, body, headers }: Sample): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { method: 'POST', headers: headers(body), body, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  return { status: response.status, text: await response.text() };
}

test(`${DELIVERIES} spoiled deliveries: no 5xx, no hang, nothing of our inside; all is applied or listed, and the server goes on`, { timeout: Math.max(60_000, DELIVERIES * 200) }, async () => {
  const random = seeded(SEED);
  const byProvider = [...new Set(all.map(({ provider }) => provider))].map((provider) => all.filter((sample) => sample.provider === provider));
  // Each provider as often as another, however many payloads there are of it.
  const pick = (of = byProvider[Math.floor(random() * byProvider.length)]!) => of[Math.floor(random() * of.length)]!;
  await figure(server.address, 'nodejs_eventloop_lag_max_seconds');
  const faults: string[] = [];
  const counts: Record<string, number> = {};
  let left = DELIVERIES;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const good = pick();
      const sample: Sample = { ...good, body: spoiled(good.body, pick().body, random, BYTES_MAX) };
      const answer = await deliver(sample).catch((error: unknown) => ({ status: 599, text: String(error) }));
      const fault = faultOf(answer.status, answer.text, sample.body.toString('latin1'));
      if (fault) faults.push(`${fault}\n  ${sample.provider} ${sample.body.toString('base64').slice(0, 3_000)}`);
      const what = `${sample.provider} ${answer.status}`;
      counts[what] = (counts[what] ?? 0) + 1;
    }
  }));
  expect(faults.slice(0, 3), `seed ${SEED}`).toEqual([]);
  await until('everything to be applied', async () => ((await db.owner`select 1 from inbound_events where state = 'PENDING' limit 1`).length === 0 ? true : undefined), ANSWER_MS_MAX + DELIVERIES * 50);
  // Given up on is what met a fault of ours, again and again.
  const dead = await db.owner<{ error: string }[]>`select error from inbound_events where state = 'DEAD' limit 5`;
  expect(dead.map(({ error }) => error), `seed ${SEED}: ${server.output().slice(-2_000)}`).toEqual([]);
  const lagMs = 1_000 * (await figure(server.address, 'nodejs_eventloop_lag_max_seconds'));
  expect(await figure(server.address, 'throughline_faults_total'), server.output().slice(-2_000)).toBe(0);
  expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
  expect((await server.query('{ customers { nodes { id } } }', null, ws.keys.ADMIN)).status).toBe(200);
  const states = await db.owner<{ state: string; n: number }[]>`select state, count(*)::int as n from inbound_events group by state order by state`;
  console.log(`${DELIVERIES} deliveries, seed ${SEED}: ${JSON.stringify(counts)}; ${states.map(({ state, n }) => `${n} ${state}`).join(', ')}; the event loop waited ${Math.round(lagMs)} ms at most.`);
  expect(Object.entries(counts).filter(([key]) => / 2\d\d$/.test(key)).reduce((sum, [, n]) => sum + n, 0)).toBeGreaterThan(DELIVERIES / 4);
  // What nobody can read any more proves little: of each provider some were read, and had their effect.
  const applied = await db.owner<{ provider: string; n: number }[]>`
    select e.provider, count(*)::int as n from inbound_events i join deliveries d on d.workspace_id = i.workspace_id and d.id = i.delivery_id join channel_endpoints e on e.workspace_id = d.workspace_id and e.id = d.endpoint_id
    where i.state in ('APPLIED', 'DUPLICATE') group by 1 order by 1`;
  console.log(`Applied: ${applied.map(({ provider, n }) => `${n} of ${provider}`).join(', ')}.`);
  if (DELIVERIES >= 500) expect(applied.map(({ provider }) => provider)).toEqual([...new Set(all.map(({ provider }) => provider))].sort());
  if (process.env.VERIFY) expect(lagMs).toBeLessThan(100);
  proven({ deliveries: Object.values(counts).reduce((sum, n) => sum + n, 0), loopMsMax: Math.round(lagMs) });
});
