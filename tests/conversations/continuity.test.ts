import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANNELS } from '../../schema/channels.ts';
import { CONVERSATION_STATUSES } from '../../schema/conversations.ts';
import { decide, explainJoin, type Candidates, type Matter } from '../../src/conversations/continuity.ts';

const HOURS = (n: number) => n * 3_600_000;
const AT = '2026-03-05T12:00:00.000Z';
const before = (ms: number) => new Date(Date.parse(AT) - ms).toISOString();
const matter = (o: Partial<Matter>): Matter => ({ id: 'm1', status: 'OPEN', channels: ['LIVE_CHAT'], closedAt: null, groupId: null, lastActivityAt: before(1000), ...o });
const policy = { continuity: 'ONE_OPEN_MATTER', reopenHours: 72 } as const;
const email = { channel: 'EMAIL', at: AT, groupId: null, historical: false } as const;
const none: Candidates = { answered: null, lane: null, open: [], latest: null };

describe('continuity', () => {
  it('a first message opens a conversation', () => {
    expect(decide(policy, email, none)).toMatchObject({ action: 'OPEN', reason: 'NEW_CONVERSATION' });
  });

  it('an e-mail joins the open chat of the same customer, and says so', () => {
    const decision = decide(policy, email, { ...none, open: [matter({})] });
    expect(decision).toMatchObject({ action: 'JOIN', conversationId: 'm1', reason: 'OPEN_MATTER_OTHER_CHANNEL' });
    expect(explainJoin('OPEN_MATTER_OTHER_CHANNEL', 'EMAIL', 'LIVE_CHAT', null)).toBe('open matter of the same customer, e-mail after chat');
  });

  it('with one conversation per channel an e-mail does not join an open chat, and does join an open e-mail', () => {
    const perChannel = { ...policy, continuity: 'ONE_PER_CHANNEL' } as const;
    expect(decide(perChannel, email, { ...none, open: [matter({})] }).action).toBe('OPEN');
    expect(decide(perChannel, email, { ...none, open: [matter({ channels: ['EMAIL'] })] })).toMatchObject({ action: 'JOIN', reason: 'OPEN_MATTER' });
  });

  it('of two open matters, after a merge, the latest goes on', () => {
    const open = [matter({ id: 'old', lastActivityAt: before(HOURS(5)) }), matter({ id: 'new', lastActivityAt: before(HOURS(1)) })];
    expect(decide(policy, email, { ...none, open })).toMatchObject({ conversationId: 'new' });
    expect(decide(policy, email, { ...none, open: open.reverse() })).toMatchObject({ conversationId: 'new' });
  });

  it('of two open matters the one goes on in which the latest message by the address stands, while it is open and of the channel', () => {
    const open = [matter({ id: 'sms', lastActivityAt: before(HOURS(5)), channels: ['EMAIL'] }), matter({ id: 'busy', lastActivityAt: before(HOURS(1)) })];
    expect(decide(policy, email, { ...none, open, latest: open[0]! })).toMatchObject({ conversationId: 'sms' });
    expect(decide(policy, email, { ...none, open, latest: matter({ id: 'over', status: 'CLOSED', closedAt: before(HOURS(1)) }) })).toMatchObject({ conversationId: 'busy' });
    expect(decide({ ...policy, continuity: 'ONE_PER_CHANNEL' }, email, { ...none, open, latest: open[1]! })).toMatchObject({ conversationId: 'sms' });
  });

  it('what is written in a group joins the group\'s open matter, and what is written to us alone never does', () => {
    const open = [matter({ id: 'group', groupId: 'g', lastActivityAt: before(0) }), matter({ id: 'alone' })];
    expect(decide(policy, email, { ...none, open, latest: open[0]! })).toMatchObject({ conversationId: 'alone' });
    expect(decide(policy, { ...email, groupId: 'g' }, { ...none, open, latest: open[1]! })).toMatchObject({ conversationId: 'group' });
    expect(decide(policy, { ...email, groupId: 'other' }, { ...none, open }).action).toBe('OPEN');
  });

  it('an explicit reply joins what it answers, rather than another open matter', () => {
    const answered = { matter: matter({ id: 'answered' }), messageId: 'msg', token: false, trusted: true };
    expect(decide(policy, email, { ...none, answered, open: [matter({ id: 'other' })] })).toMatchObject({ conversationId: 'answered', reason: 'ANSWERS_MESSAGE', joinMessageId: 'msg' });
  });

  it('a reply reopens a conversation up to and including the last of the reopen hours, and opens a related one after them', () => {
    const closed = (hours: number) => ({ matter: matter({ status: 'CLOSED', closedAt: before(HOURS(hours)) }), messageId: 'msg', token: false, trusted: true });
    expect(decide(policy, email, { ...none, answered: closed(72) })).toMatchObject({ action: 'REOPEN', conversationId: 'm1' });
    expect(decide(policy, email, { ...none, answered: closed(72.001) })).toMatchObject({ action: 'OPEN', reason: 'NEW_AFTER_CLOSED', relatedConversationId: 'm1' });
  });

  it('a stranger who names a message of a conversation does not get into it', () => {
    const answered = { matter: matter({}), messageId: 'msg', token: false, trusted: false };
    expect(decide(policy, email, { ...none, answered })).toMatchObject({ action: 'OPEN', relatedConversationId: 'm1' });
  });

  it('a lane reopens what was closed in it, and only finds the open matter otherwise', () => {
    const lane = matter({ id: 'lane', status: 'CLOSED', closedAt: before(HOURS(1)) });
    const sms = { ...email, channel: 'SMS' } as const;
    expect(decide(policy, sms, { ...none, lane })).toMatchObject({ action: 'REOPEN', conversationId: 'lane', reason: 'REOPENED_BY_REPLY' });
    expect(decide(policy, sms, { ...none, lane, open: [matter({ id: 'open' })] })).toMatchObject({ action: 'JOIN', conversationId: 'open' });
  });

  it('history never reopens and never joins an open matter by itself', () => {
    const historical = { ...email, historical: true };
    expect(decide(policy, historical, { ...none, open: [matter({})] })).toMatchObject({ action: 'OPEN' });
    const answered = { matter: matter({ status: 'CLOSED', closedAt: before(HOURS(9999)) }), messageId: 'msg', token: false, trusted: true };
    expect(decide(policy, historical, { ...none, answered })).toMatchObject({ action: 'JOIN' });
  });

  it('never joins a closed conversation without reopening it, and never reopens an open one, whatever the candidates', () => {
    const anyMatter = fc.record({
      id: fc.constantFrom('a', 'b', 'c'), status: fc.constantFrom(...CONVERSATION_STATUSES), channels: fc.array(fc.constantFrom(...CHANNELS)),
      ageMs: fc.integer({ min: 0, max: HOURS(300) }),
    }).map(({ ageMs, ...m }): Matter => ({ ...m, closedAt: m.status === 'CLOSED' ? before(ageMs) : null, groupId: null, lastActivityAt: before(ageMs) }));
    fc.assert(fc.property(
      fc.option(anyMatter), fc.option(anyMatter), fc.array(anyMatter.filter((m) => m.status !== 'CLOSED')), fc.boolean(), fc.constantFrom('ONE_OPEN_MATTER', 'ONE_PER_CHANNEL'), fc.constantFrom(...CHANNELS),
      (answered, lane, open, trusted, continuity, channel) => {
        const all = [answered, lane, ...open].filter((m) => m !== null);
        const decision = decide({ continuity, reopenHours: 72 } as never, { channel, at: AT, groupId: null, historical: false }, { answered: answered && { matter: answered, messageId: null, token: false, trusted }, lane, open, latest: open[0] ?? null });
        if (decision.action === 'OPEN') return;
        const target = all.filter((m) => m.id === decision.conversationId);
        expect(target.some((m) => (m.status === 'CLOSED') === (decision.action === 'REOPEN'))).toBe(true);
      },
    ));
  });
});
