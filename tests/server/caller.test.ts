import fc from 'fast-check';
import { BlockList } from 'node:net';
import { expect, test } from 'vitest';
import { callerAddress } from '../../src/server/caller.ts';

const request = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
  ({ headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, socket: { remoteAddress } }) as unknown as Parameters<typeof callerAddress>[0];
const proxies = new BlockList();
proxies.addSubnet('10.0.0.0', 8, 'ipv4');
proxies.addAddress('2001:db8::1', 'ipv6');

test('without a trusted proxy, what the caller says of himself counts for nothing', () => {
  fc.assert(fc.property(fc.string(), (text) => {
    expect(callerAddress(request('::ffff:198.51.100.7', text), null)).toBe('198.51.100.7');
    // The socket's other end isn't one of the proxies.
    expect(callerAddress(request('198.51.100.7', text), proxies)).toBe('198.51.100.7');
  }));
});

test.each([
  [1, '203.0.113.9', '203.0.113.9'],
  [1, '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  [2, '6.6.6.6, 1.1.1.1, 203.0.113.9', '1.1.1.1'],
  [3, '203.0.113.9', '203.0.113.9'],
  [1, 'unknown', '10.0.0.1'],
  [2, '6.6.6.6, nonsense, 203.0.113.9', '203.0.113.9'],
  [1, '[2001:DB8::7]:443', '2001:db8::7'],
  [1, '203.0.113.9:5060', '203.0.113.9'],
  [1, undefined, '10.0.0.1'],
] as const)('behind %i proxies, of "%s" the entry that the outermost trusted one wrote counts', (hops, forwarded, expected) => {
  expect(callerAddress(request('10.0.0.1', forwarded), hops)).toBe(expected);
});

test('of proxies that are known by their addresses, what the last of them saw counts', () => {
  expect(callerAddress(request('10.0.0.1', '6.6.6.6, 203.0.113.9, 10.4.4.4'), proxies)).toBe('203.0.113.9');
  expect(callerAddress(request('2001:db8::1', ['6.6.6.6', '203.0.113.9']), proxies)).toBe('203.0.113.9');
  expect(callerAddress(request('10.0.0.1', '10.3.3.3'), proxies)).toBe('10.3.3.3');
});

test('a socket that is gone has no address', () => {
  expect(callerAddress(request(undefined, '6.6.6.6'), 1)).toBeNull();
});

test('whatever is in the header, an answer is an IP address that was in it or the socket’s', () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 6 }), fc.integer({ min: 1, max: 9 }), (entries, hops) => {
    const address = callerAddress(request('10.0.0.1', entries.join(',')), hops)!;
    expect([...entries.join(',').split(',').map((entry) => entry.trim().toLowerCase().replace(/^::ffff:/, '').replace(/%.*$/, '').replace(/^\[|\](:\d+)?$/g, '').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')), '10.0.0.1']).toContain(address);
  }));
});
