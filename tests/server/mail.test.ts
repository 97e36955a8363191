import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Account } from '../../src/channels/channel.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import { sendMail, type EmailSecrets, type EmailSettings } from '../../src/channels/email/send.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { outgoing } from '../../src/platform/http.ts';
import { createLog } from '../../src/platform/log.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { Budgets } from '../../src/access/budget.ts';
import { startMailDoor } from '../../src/server/mail.ts';
import { outbound, signer, WORKSPACE } from '../channels/email/builders.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  const { id, actor } = await db.workspace();
  await inWorkspace(db.app, id, (tx) => connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Support', address: 'support@acme.example', settings: {}, secrets: {} }));
});
afterAll(() => db.close());

it('a mail that cannot be stored is answered 451, and the log says why, without anybody\'s address', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const full = async () => {
    throw Object.assign(new Error('No space left for the mail of ada@customer.example.'), { code: 'ENOSPC' });
  };
  const door = await startMailDoor({
    budgets: new Budgets({ costPerMinute: 20_000, refusedPerMinute: 1, deliveriesPerMinute: 1e9 }),
    app: db.app, blobs: { put: full, get: async () => null, remove: async () => undefined, removeUnused: async () => undefined }, host: '127.0.0.1', port: 0, arrived: () => {},
    resolver: async () => [], report: (message, error) => log.error({ err: error }, message),
  });
  try {
    const sender: Account<EmailSettings, EmailSecrets> = {
      id: WORKSPACE, workspaceId: WORKSPACE, address: 'ada@customer.example', name: 'Ada', settings: { host: '127.0.0.1', port: door.port, secure: 'none', replyTokens: false }, secrets: {},
    };
    const files = [{ filename: 'a.pdf', mime: 'application/pdf', content: Buffer.from('%PDF'), url: '' }];
    const message = outbound({ to: { kind: 'email', value: 'support@acme.example', displayName: null }, files });
    expect(await sendMail(message, sender, outgoing({ allowPrivate: true }), { sign: signer })).toMatchObject({ outcome: 'failed', errorCode: '451', retryable: true });
  } finally {
    await door.stop();
  }
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([expect.objectContaining({ level: 'error', msg: 'A mail could not be stored.', err: expect.objectContaining({ code: 'ENOSPC' }) })]);
  expect(lines.join('')).not.toMatch(/@|127\.0\.0\.1/);
});
