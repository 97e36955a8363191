import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mintMessageId, mintToken, ourMessage, replyAddress, splitReplyAddress, verifyToken } from '../../../src/channels/email/reply-address.ts';
import { signer, WORKSPACE } from './builders.ts';

const uuid = fc.uuid();
const OTHER = '01890000-0000-7000-8000-000000000002';

describe('reply addresses', () => {
  test('a token gives its message back, in its own workspace only, in any case of letters', () => {
    fc.assert(fc.property(uuid, (id) => {
      const token = mintToken(signer, WORKSPACE, id);
      expect(token).toMatch(/^[a-z2-7]{42}$/);
      expect(verifyToken(signer, WORKSPACE, token)).toBe(id);
      expect(verifyToken(signer, WORKSPACE, token.toUpperCase())).toBe(id);
      expect(verifyToken(signer, OTHER, token)).toBeNull();
      expect(verifyToken((text) => signer(`${text}!`), WORKSPACE, token)).toBeNull();
    }));
  });

  test('a token with any character changed is worth nothing', () => {
    const token = mintToken(signer, WORKSPACE, '01890000-0000-7000-8000-00000000beef');
    for (let i = 0; i < token.length; i++) {
      for (const character of 'az27') {
        if (token[i] === character) continue;
        expect(verifyToken(signer, WORKSPACE, token.slice(0, i) + character + token.slice(i + 1))).toBeNull();
      }
    }
    fc.assert(fc.property(fc.string(), (text) => {
      expect(verifyToken(signer, WORKSPACE, text)).toBeNull();
    }));
  });

  test('addresses and Message-IDs carry it and give it back', () => {
    fc.assert(fc.property(uuid, fc.stringMatching(/^[a-z][a-z0-9.+]{0,15}$/), (id, local) => {
      const mailbox = `${local}@acme.example`;
      const address = replyAddress(mailbox, mintToken(signer, WORKSPACE, id))!;
      expect(address.indexOf('@')).toBeLessThanOrEqual(64);
      expect(splitReplyAddress(address)).toEqual({ mailbox, token: mintToken(signer, WORKSPACE, id) });
      const messageId = mintMessageId(signer, WORKSPACE, id, 'acme.example');
      expect(ourMessage(signer, WORKSPACE, messageId)).toBe(id);
      expect(ourMessage(signer, WORKSPACE, `<${messageId}>`)).toBe(id);
      expect(ourMessage(signer, OTHER, messageId)).toBeNull();
    }));
  });

  test('a mailbox whose name is too long gets none; other plus tags stay', () => {
    expect(replyAddress(`${'x'.repeat(40)}@acme.example`, mintToken(signer, WORKSPACE, '01890000-0000-7000-8000-00000000beef'))).toBeNull();
    expect(splitReplyAddress('support+vip@acme.example')).toEqual({ mailbox: 'support+vip@acme.example', token: null });
    expect(splitReplyAddress('support+tl-short@acme.example').token).toBeNull();
  });
});
