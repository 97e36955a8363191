import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import type { Channel } from '../../src/conversations/continuity.ts';
import { parseMail } from '../../src/channels/email/parse.ts';
import { applyEvent } from '../../src/inbound/apply.ts';
import { ingestMessage } from '../inbound/ingest-one.ts';
import { now } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { mail } from '../channels/email/builders.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let actor: Actor;
let accountId: string;

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  ({ accountId } = await inWorkspace(db.app, actor.workspaceId, (tx) =>
    connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Support', address: 'support@acme.example', settings: {}, secrets: { inbound: 'a-secret-for-the-door' } })));
});
afterAll(() => db.close());

const apply = async (headers: Record<string, string>, body: string) => {
  const { events } = await parseMail(mail({ To: 'support@acme.example', Subject: 'Hello', Date: 'Thu, 05 Mar 2026 10:00:00 +0100', ...headers }, body));
  return inWorkspace(db.app, actor.workspaceId, (tx) => applyEvent(tx, { workspaceId: actor.workspaceId, accountId, channel: 'EMAIL' as Channel, event: events[0]!, receivedAt: now(), historical: false }));
};
const stored = (ids: (string | null)[]) => inWorkspace(db.app, actor.workspaceId, (tx) => tx<{ text: string; providerMessageId: string | null }[]>`
  select text, provider_message_id from messages where workspace_id = ${actor.workspaceId} and id = any(${ids as string[]}::uuid[]) order by created_at, id`);

describe('mails under one Message-ID', () => {
  const id = { 'Message-ID': '<same@mail.example>' };

  it('are as many messages as there are mails, and each of them again is a duplicate', async () => {
    const mails = [[{ ...id, From: 'ada@example.com' }, 'The first'], [{ ...id, From: 'ada@example.com' }, 'Another body'], [{ ...id, From: 'ben@example.com' }, 'The first']] as const;
    const applied = [];
    for (const [headers, body] of mails) applied.push(await apply(headers, body));
    expect(applied.map(({ state }) => state)).toEqual(['APPLIED', 'APPLIED', 'APPLIED']);
    expect(await stored(applied.map(({ messageId }) => messageId))).toEqual([
      { text: 'The first', providerMessageId: 'same@mail.example' }, { text: 'Another body', providerMessageId: null }, { text: 'The first', providerMessageId: null },
    ]);
    expect(new Set(applied.map(({ identityId }) => identityId)).size).toBe(2);
    for (const [headers, body] of mails) expect((await apply({ Received: 'from a by b; Thu, 05 Mar 2026 10:00:07 +0100', ...headers }, `${body}\n`)).state).toBe('DUPLICATE');

    // What answers the id answers the message that had it first.
    const answer = await apply({ From: 'ada@example.com', 'Message-ID': '<answer@mail.example>', 'In-Reply-To': '<same@mail.example>' }, 'And?');
    expect(answer.conversationId).toBe(applied[0]!.conversationId);
    const [row] = await inWorkspace(db.app, actor.workspaceId, (tx) => tx`select join_message_id from messages where workspace_id = ${actor.workspaceId} and id = ${answer.messageId}`);
    expect(row!.joinMessageId).toBe(applied[0]!.messageId);
  });

  it('at the same moment are all kept', async () => {
    const at = { 'Message-ID': '<moment@mail.example>' };
    const applied = await Promise.all(['ada', 'ben', 'cleo', 'dora'].map((name) => apply({ ...at, From: `${name}@example.com` }, `I am ${name}`)));
    const rows = await stored(applied.map(({ messageId }) => messageId));
    expect(rows).toHaveLength(4);
    expect(rows.filter(({ providerMessageId }) => providerMessageId !== null)).toHaveLength(1);
  });

  it('that a program brings in by its id after it came by mail is the one that is here', async () => {
    const first = await apply({ 'Message-ID': '<history@mail.example>', From: 'ada@example.com' }, 'Long ago');
    const again = await inWorkspace(db.app, actor.workspaceId, (tx) => ingestMessage(tx, actor, {
      channel: 'EMAIL', accountId: null, address: { kind: 'EMAIL', value: 'ada@example.com' }, direction: 'INBOUND', text: 'Long ago', occurredAt: '2026-03-05T09:00:00.000Z', externalId: 'history@mail.example',
    }, 'HISTORICAL'));
    expect(again).toMatchObject({ state: 'DUPLICATE', messageId: first.messageId, conversationId: first.conversationId });
  });

  describe('and a program brought it in by its id before', () => {
    const bring = (id: string, o: { direction?: 'INBOUND' | 'OUTBOUND'; kind?: string; value?: string } = {}) => inWorkspace(db.app, actor.workspaceId, (tx) => ingestMessage(tx, actor, {
      channel: 'EMAIL', accountId: null, address: { kind: o.kind ?? 'EMAIL', namespace: o.kind ? 'old desk' : null, value: o.value ?? 'ada@example.com' }, direction: o.direction ?? 'INBOUND', text: 'Hello, it is late',
      occurredAt: '2026-03-05T09:00:00.000Z', externalId: id,
    }, 'HISTORICAL'));
    const count = async (id: string) => (await inWorkspace(db.app, actor.workspaceId, (tx) => tx`
      select count(*)::int as n from messages where workspace_id = ${actor.workspaceId} and (provider_message_id = ${id} or subject = ${`About ${id}`})`))[0]!.n as number;
    const come = (id: string, from: string, body: string) => apply({ 'Message-ID': `<${id}>`, From: from, Subject: `About ${id}` }, body);

    it.each([['the bare id', 'bare@mail.example', (id: string) => id], ['the id as the header has it', 'header@mail.example', (id: string) => `<${id}>`]])('(%s), the mail is that message; another one under the id is not', async (_, id, spelled) => {
      const brought = await bring(spelled(id));
      const came = await come(id, 'Ada <ADA@example.com>', 'Hello, it is late\n-- \nAda');
      expect(came).toMatchObject({ state: 'DUPLICATE', messageId: brought.messageId, conversationId: brought.conversationId });
      expect(await come(id, 'Ada <ADA@example.com>', 'Hello, it is late\n-- \nAda')).toMatchObject({ state: 'DUPLICATE' });
      expect(await bring(spelled(id))).toMatchObject({ state: 'DUPLICATE', messageId: brought.messageId });
      expect(await count(id)).toBe(1);
      expect(await come(id, 'ada@example.com', 'Something else under the same id')).toMatchObject({ state: 'APPLIED' });
      expect(await count(id)).toBe(2);
    });

    it('for somebody else, the mail is kept', async () => {
      await bring('others@mail.example');
      expect(await come('others@mail.example', 'mallory@example.com', 'Hello, it is late')).toMatchObject({ state: 'APPLIED' });
      expect(await come('others@mail.example', 'ada@example.com', 'Hello, it is late')).toMatchObject({ state: 'DUPLICATE' });
    });

    it('as the history of a customer whom another system knows, the mail is that message', async () => {
      const brought = await bring('system@mail.example', { kind: 'EXTERNAL_ID', value: '4711' });
      expect(await come('system@mail.example', 'ada@example.com', 'Hello, it is late')).toMatchObject({ state: 'DUPLICATE', messageId: brought.messageId });
    });

    it('as one of ours to a customer, and again, it is one message', async () => {
      const brought = await bring('ours@mail.example', { direction: 'OUTBOUND' });
      expect(await bring('ours@mail.example', { direction: 'OUTBOUND' })).toMatchObject({ state: 'DUPLICATE', messageId: brought.messageId });
      const { events } = await parseMail(mail({ From: 'support@acme.example', To: 'ada@example.com', 'Message-ID': '<ours@mail.example>', Subject: 'About ours@mail.example', Date: 'Thu, 05 Mar 2026 10:00:00 +0100' }, 'Hello'));
      expect(await inWorkspace(db.app, actor.workspaceId, (tx) => applyEvent(tx, { workspaceId: actor.workspaceId, accountId, channel: 'EMAIL', event: { ...events[0]!, direction: 'echo_external' }, receivedAt: now(), historical: true })))
        .toMatchObject({ state: 'DUPLICATE', messageId: brought.messageId });
      expect(await count('ours@mail.example')).toBe(1);
    });

    it('at the same moment too, whichever is first', async () => {
      for (let i = 0; i < 6; i++) {
        const id = `moment${i}@mail.example`;
        const [brought, came] = await Promise.all([bring(id), come(id, 'ada@example.com', 'Hello, it is late')]);
        expect([brought.state, came.state].sort()).toEqual(['APPLIED', 'DUPLICATE']);
        expect(await count(id)).toBe(1);
      }
    });
  });
});
