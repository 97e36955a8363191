import { describe, expect, test } from 'vitest';
import { CHANNEL_NAMES } from '../../src/channels/channel.ts';
import { findProvider, providerNamed, PROVIDERS } from '../../src/channels/registry.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const form = (fields: Record<string, string>) => ({
  method: 'POST', url: 'https://support.example.com/hooks/twilio/end_1', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(new URLSearchParams(fields).toString()),
});
const text = form({ MessageSid: `SM${'2'.repeat(32)}`, SmsSid: `SM${'2'.repeat(32)}`, AccountSid: ACCOUNT, From: '+14155550100', To: '+14155550199', Body: 'Hello', NumMedia: '0' });
const status = form({ MessageSid: `SM${'2'.repeat(32)}`, SmsSid: `SM${'2'.repeat(32)}`, AccountSid: ACCOUNT, From: '+14155550199', To: '+14155550100', MessageStatus: 'delivered', SmsStatus: 'delivered' });
const call = form({ CallSid: `CA${'3'.repeat(32)}`, AccountSid: ACCOUNT, From: '+14155550100', To: '+14155550199', CallStatus: 'ringing', Direction: 'inbound', ApiVersion: '2010-04-01' });

test('every provider is of a channel that there is, once, and has what it declares', () => {
  expect(new Set(PROVIDERS.map((p) => `${p.channel} ${p.provider}`)).size).toBe(PROVIDERS.length);
  for (const provider of PROVIDERS) {
    expect(CHANNEL_NAMES).toContain(provider.channel);
    expect(findProvider(provider.provider, provider.channel)).toBe(provider);
    expect(provider.addressKinds.length).toBeGreaterThan(0);
  }
});

test('a provider that there is not is none, also of another’s channel', () => {
  expect(findProvider('nobody')).toBeUndefined();
  expect(findProvider('twilio', 'email')).toBeUndefined();
  expect(() => providerNamed('nobody')).toThrow(/no provider/);
});

const whatsapp = (fields: Record<string, string>) => form({ MessageSid: `SM${'4'.repeat(32)}`, AccountSid: ACCOUNT, From: 'whatsapp:+14155550100', To: 'whatsapp:+14155550199', ...fields });

describe('several channels of one credential', () => {
  const twilio = providerNamed('twilio');
  test.each([
    ['a text message', text, 'sms', 'message'],
    ['its status', status, 'sms', 'receipt'],
    ['a call', call, 'voice', 'call'],
    ['a WhatsApp message', whatsapp({ Body: 'Hello', NumMedia: '0' }), 'whatsapp', 'message'],
    ['its status', whatsapp({ MessageStatus: 'read' }), 'whatsapp', 'receipt'],
  ])('%s is read as what it is', async (_name, request, channel, kind) => {
    const { events } = await twilio.parse(request);
    expect(events.map((event) => [event.channel, event.kind])).toEqual([[channel, kind]]);
    expect(events).toEqual((await providerNamed('twilio', channel as 'sms').parse(request)).events);
  });

  test('each is answered as its own channel answers', async () => {
    for (const [request, channel] of [[text, 'sms'], [call, 'voice']] as const) {
      const parsed = await twilio.parse(request);
      expect(twilio.respond(request, parsed)).toEqual(providerNamed('twilio', channel).respond(request, parsed));
    }
  });

  test('what cannot be read is refused with the reason of the channel that it is of', async () => {
    for (const [request, reason] of [[whatsapp({ MessageStatus: 'huh' }), /"huh"/], [form({ MessageSid: 'SM1', From: '+1', To: '+2', MessageStatus: 'huh' }), /"huh"/], [form({ CallSid: 'CA1', CallStatus: 'huh' }), /call status "huh"/]] as const) {
      await expect(twilio.parse(request)).rejects.toThrow(reason);
    }
  });

  test('what neither understands is refused or kept as unknown, never taken for something', async () => {
    const parsed = await Promise.resolve(twilio.parse(form({ Nothing: 'known' }))).catch((error: Error) => error);
    if (parsed instanceof Error) expect(parsed.name).toBe('Unparsable');
    else expect(parsed.events.every((event) => event.kind === 'unknown')).toBe(true);
  });

  test('it can send, since one of them can', () => expect(twilio.send).toBeTypeOf('function'));
});
