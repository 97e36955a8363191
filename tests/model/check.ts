// What must hold after a run, each against the tables themselves.
import { expect } from 'vitest';
import { verifyChain } from '../../src/events/chain.ts';
import { decodeCursor } from '../../src/events/log.ts';
import { publicId } from '../../src/platform/ids.ts';
import { caughtUp } from '../harness/server.ts';
import { ask } from './clients.ts';
import { NUMBERS, type Model, type Real } from './commands.ts';

export async function check(model: Model, real: Real): Promise<void> {
  await caughtUp(real.server.db);
  await acknowledged(model, real);
  await timelines(model, real);
  await log(real);
}

/** G1, G2: each acknowledged message is there, once, and was told once. */
async function acknowledged({ said }: Model, { server, ws }: Real): Promise<void> {
  const { owner } = server.db;
  const messages = await owner<{ id: string; text: string; address: string }[]>`
    select m.id, m.text, i.value as address from messages m join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
    where m.workspace_id = ${ws.id} and m.channel = 'SMS'`;
  expect(messages.map(({ text, address }) => `${text} ${address}`).sort()).toEqual([...said].map(([id, { person }]) => `text ${id} ${NUMBERS[person]}`).sort());
  const told = await owner<{ id: string }[]>`select data ->> 'messageId' as id from events where workspace_id = ${ws.id} and kind = 'message.received'`;
  expect(told.map(({ id }) => id).sort()).toEqual(messages.map(({ id }) => id).sort());
}

/** G3: a timeline is in the order in which things were said, whenever they came, of everybody who is this customer now, and of nobody else. */
async function timelines({ said, people }: Model, { server, ws }: Real): Promise<void> {
  const ids: (string | null)[] = [];
  for (const [person, value] of NUMBERS.entries()) {
    const same = people.with(person);
    const expected = [...said].filter(([, one]) => same.includes(one.person)).sort(([, a], [, b]) => a.atMs - b.atMs).map(([id]) => `text ${id}`);
    const { customer } = await ask(server, 'query ($v: String!) { customer(identity: { kind: PHONE, value: $v }) { id timeline(first: 100, filter: { kindIn: [MESSAGE], channelIn: [SMS] }) { nodes { subject { ... on Message { text } } } } } }', { v: value }, ws.keys.AGENT);
    ids.push(customer?.id ?? null);
    expect(customer === null).toBe(same.length === 0);
    const told: string[] = (customer?.timeline.nodes ?? []).map(({ subject }: { subject: { text: string } }) => subject.text);
    // The newest stand first.
    expect(told.reverse().slice(-100)).toEqual(expected.slice(-100));
  }
  const { owner } = server.db;
  const [row] = await owner<{ customers: number; visitor: string }[]>`
    select (select count(*)::int from customers where workspace_id = ${ws.id} and state = 'ACTIVE') as customers,
      (select customer_id from identities where workspace_id = ${ws.id} and id = ${ws.visitor.identityId}) as visitor`;
  expect(row!.customers).toBe(people.customers);
  for (const [person, id] of ids.entries()) {
    if (id === null) continue;
    expect(ids.flatMap((other, at) => (other === id ? [at] : []))).toEqual(people.with(person).sort());
    expect(id === publicId('cus', row!.visitor)).toBe(people.isVisitor(person));
  }
}

/** G3, G4: a conversation's events have no gap, nothing in the log was altered, and what each reader saw, joined over its drops, is the table from where it began. */
async function log({ server, ws, readers }: Real): Promise<void> {
  const { owner, system } = server.db;
  const gaps = await owner`
    select conversation_id from events where workspace_id = ${ws.id} and conversation_id is not null group by conversation_id
    having count(*) <> max(conversation_seq) or min(conversation_seq) <> 1 or count(distinct conversation_seq) <> count(*)`;
  expect(gaps).toHaveLength(0);
  expect((await verifyChain(system, ws.id)).intact).toBe(true);
  for (const reader of readers) {
    const rows = await owner<{ id: string }[]>`select id from events where workspace_id = ${ws.id} and position > ${decodeCursor(ws.id, reader.start)} order by position`;
    await reader.readTo(rows.length);
    expect(reader.seen).toEqual(rows.map(({ id }) => publicId('evt', id)));
  }
}
