// What clients do, each act by the doors and, beside it, in the model.
import fc from 'fast-check';
import { expect } from 'vitest';
import { nowMs } from '../../src/platform/clock.ts';
import { publicId } from '../../src/platform/ids.ts';
import type { TestServer, TestWorkspace } from '../harness/server.ts';
import { answered, ask, Reader } from './clients.ts';
import { People } from './people.ts';

export const NUMBERS = ['+4915112345671', '+4915112345672', '+4915112345673'];
/** Longer than an answer about a key is believed. */
const BELIEVED_MS = 5_000;
/** Turns of the event loop: between them and the first answer lies every phase of a write. */
const TURNS_MAX = 40;

type Said = { person: number; atMs: number };
/** What there must be. */
export interface Model {
  /** Acknowledged messages by their ids. */
  said: Map<string, Said>;
  people: People;
  readers: number;
  keys: number;
}
export interface Real {
  server: TestServer;
  ws: TestWorkspace;
  readers: Reader[];
  /** Keys that will be revoked, each with whoever follows the log by it. */
  keys: { id: string; secret: string; reader: Reader | null }[];
  clock: { aheadMs: number };
  /** How often each was done, by its name without its numbers. */
  acts: Map<string, number>;
}
export const newModel = (): Model => ({ said: new Map(), people: new People(), readers: 0, keys: 0 });

export type Command = fc.AsyncCommand<Model, Real>;
const command = (name: string, check: (model: Model) => boolean, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check,
  run: async (model, real) => {
    const kind = name.replace(/ x?\d+/g, '');
    real.acts.set(kind, (real.acts.get(kind) ?? 0) + 1);
    await run(model, real);
  },
  toString: () => name,
});
const always = () => true;

const INGEST = 'mutation ($m: [IngestMessageInput!]!) { ingestMessages(input: { messages: $m }) { messages { message { id } userErrors { code message } } userErrors { code message } } }';
const messageOf = ([id, { person, atMs }]: [string, Said]) => ({
  channel: 'SMS', address: { kind: 'PHONE', value: NUMBERS[person] }, text: `text ${id}`, externalId: id, occurredAt: new Date(atMs).toISOString(),
});
async function ingest({ server, ws }: Real, said: [string, Said][]): Promise<void> {
  const { ingestMessages } = await ask(server, INGEST, { m: said.map(messageOf) }, ws.keys.INTEGRATOR);
  for (const row of ingestMessages.messages) if (row.userErrors.length > 0) throw new Error(JSON.stringify(row.userErrors));
}
const newlySaid = (model: Model, person: number, count: number): [string, Said][] =>
  Array.from({ length: count }, (_, i) => [`m${model.said.size + 1 + i}`, { person, atMs: nowMs() - 1_000 + model.said.size * 5 + i }]);
function keep(model: Model, said: [string, Said][]): void {
  for (const [id, one] of said) {
    model.said.set(id, one);
    model.people.write(one.person);
  }
}
const nth = <T>(all: Iterable<T>, index: number): T => {
  const list = [...all];
  return list[index % list.length]!;
};

const killBackends = ({ server }: Real) =>
  server.db.owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'throughline%'`;
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise(setImmediate);
}

const writes = [
  fc.tuple(fc.nat(2), fc.nat(3)).map(([person, more]) => command(`ingest ${person} x${more + 1}`, always, async (model, real) => {
    const said = newlySaid(model, person, more + 1);
    await ingest(real, said);
    keep(model, said);
  })),
  fc.tuple(fc.nat(2), fc.nat(2)).map(([person, more]) => command(`ingest ${person} x${more + 1} twice at once`, always, async (model, real) => {
    const said = newlySaid(model, person, more + 1);
    await Promise.all([ingest(real, said), ingest(real, [...said].reverse())]);
    keep(model, said);
  })),
  fc.nat().map((which) => command(`duplicate ${which}`, ({ said }) => said.size > 0, async (model, real) => {
    const again = nth(model.said, which);
    await Promise.all([ingest(real, [again]), ingest(real, [again])]);
  })),
  fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 90 })).map(([person, minutes]) => command(`late ${person} by ${minutes} min`, always, async (model, real) => {
    const late: [string, Said] = [`m${model.said.size + 1}`, { person, atMs: nowMs() - minutes * 60_000 - model.said.size }];
    await ingest(real, [late]);
    keep(model, [late]);
  })),
  fc.constant(command('kill backends', always, async (_model, real) => void (await killBackends(real)))),
  fc.tuple(fc.nat(2), fc.nat(TURNS_MAX)).map(([person, wait]) => command(`ingest ${person} x2 killed after ${wait} turns`, always, async (model, real) => {
    const said = newlySaid(model, person, 2);
    await Promise.all([ingest(real, said), turns(wait).then(() => killBackends(real))]);
    keep(model, said);
  })),
];

const readers = [
  fc.constant(command('subscribe', (model) => model.readers < 4, async (model, real) => {
    const { cursor } = await ask(real.server, '{ cursor }', null, real.ws.keys.AGENT);
    real.readers.push(new Reader(real.server, real.ws.keys.AGENT, cursor));
    model.readers++;
  })),
  fc.nat().map((which) => command(`drop ${which}`, (model) => model.readers > 0, async (_model, real) => nth(real.readers, which).drop())),
  fc.nat().map((which) => command(`resume ${which}`, (model) => model.readers > 0, async (_model, real) => {
    const reader = nth(real.readers, which);
    reader.drop();
    reader.open();
  })),
];

const keys = [
  fc.boolean().map((follows) => command(follows ? 'new key and a follower' : 'new key', (model) => model.keys < 3, async (model, real) => {
    const { server, ws } = real;
    const { createApiKey } = await ask(server, 'mutation { createApiKey(input: { name: "model", role: AGENT }) { apiKey { id } secret userErrors { code } } }', null, ws.keys.ADMIN);
    expect((await ask(server, '{ viewer { role } }', null, createApiKey.secret)).viewer.role).toBe('AGENT');
    const { cursor } = await ask(server, '{ cursor }', null, createApiKey.secret);
    real.keys.push({ id: createApiKey.apiKey.id, secret: createApiKey.secret, reader: follows ? new Reader(server, createApiKey.secret, cursor) : null });
    model.keys++;
  })),
  fc.constant(command('revoke', (model) => model.keys > 0, async (model, real) => {
    const { server, ws } = real;
    const { id, secret, reader } = real.keys.pop()!;
    model.keys--;
    await ask(server, 'mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { userErrors { code } } }', { id }, ws.keys.ADMIN);
    real.clock.aheadMs += BELIEVED_MS;
    expect((await answered(server, '{ viewer { role } }', null, secret)).status).toBe(401);
    if (!reader) return;
    // 1012 and 1013 when its backend was killed just before: it is gone either way, and doesn't come in again.
    expect([4403, 1012, 1013]).toContain((await reader.ended()).code);
    const seen = reader.seen.length;
    await ask(server, 'mutation ($i: CreateTeamInput!) { createTeam(input: $i) { userErrors { code } } }', { i: { name: `After ${id}` } }, ws.keys.ADMIN);
    reader.open();
    expect([4401, 4403]).toContain((await reader.ended()).code);
    expect(reader.seen).toHaveLength(seen);
  })),
];

const CHAT = 'mutation ($p: String!) { startChat(input: { phone: $p }) { userErrors { code message } } }';
const decision = (name: 'confirmClaim' | 'rejectClaim') => `mutation ($i: ${name === 'confirmClaim' ? 'ConfirmClaimInput' : 'RejectClaimInput'}!) { ${name}(input: $i) { claim { state } userErrors { code message } } }`;
/** Decides a claim; that a lost answer had decided it already is seen by the retry. */
async function decide({ server, ws }: Real, person: number, name: 'confirmClaim' | 'rejectClaim', state: string): Promise<void> {
  const [claim] = await server.db.owner<{ id: string }[]>`select id from claims where workspace_id = ${ws.id} and value = ${NUMBERS[person]!}`;
  const { [name]: payload } = await ask(server, decision(name), { i: { claimId: publicId('clm', claim!.id) } }, ws.keys.AGENT);
  if (payload.userErrors[0]?.code !== 'INVALID_TRANSITION') expect(payload).toEqual({ claim: { state }, userErrors: [] });
}
const claims = [
  fc.nat(2).map((person) => command(`claim ${person}`, always, async (model, { server, ws }) => {
    const { startChat } = await ask(server, CHAT, { p: NUMBERS[person] }, ws.visitor.token);
    expect(startChat.userErrors).toEqual([]);
    model.people.claim(person);
  })),
  fc.nat(2).map((person) => command(`confirm ${person}`, ({ people }) => (people.claims.get(person)?.state ?? 'CONFIRMED') !== 'CONFIRMED', async (model, real) => {
    await decide(real, person, 'confirmClaim', 'CONFIRMED');
    model.people.confirm(person);
  })),
  fc.nat(2).map((person) => command(`reject ${person}`, ({ people }) => (people.claims.get(person)?.state ?? 'REJECTED') !== 'REJECTED', async (model, real) => {
    await decide(real, person, 'rejectClaim', 'REJECTED');
    model.people.reject(person);
  })),
];

// Deciding is possible after claiming only: named twice, it is done about as often as the others.
export const commands: fc.Arbitrary<Command>[] = [...writes, ...readers, ...keys, ...claims, ...claims];
