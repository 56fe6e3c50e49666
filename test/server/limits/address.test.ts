import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createAddresses } from '../../../src/server/limits/address.ts';
import { readConfig } from '../../../src/settings/config.ts';

const behind = (trustedProxies: string) =>
  createAddresses(readConfig({ TRUSTED_PROXIES: trustedProxies }).trustedProxies);
const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('the address that a request is counted under', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
  ])('of a connection from %s is %s', (remote, key) => {
    expect(behind('').clientOf(request(remote))).toBe(key);
    expect(behind('').peerOf(remote)).toBe(key);
  });

  it('cannot be chosen by a client that sends X-Forwarded-For itself', () => {
    expect(behind('').clientOf(request('192.0.2.7', '198.51.100.1'))).toBe('192.0.2.7');
    expect(behind('10.0.0.0/8').clientOf(request('192.0.2.7', '198.51.100.1'))).toBe('192.0.2.7');
    expect(behind('10.0.0.0/8').clientOf(request('10.0.0.1', '198.51.100.1, 192.0.2.7'))).toBe('192.0.2.7');
  });

  it.each([
    ['10.0.0.0/8', '192.0.2.7', '192.0.2.7'],
    ['10.0.0.0/8', '198.51.100.1, 192.0.2.7, 10.2.3.4', '192.0.2.7'],
    ['10.0.0.1', '192.0.2.7, 10.2.3.4', '10.2.3.4'],
    ['private', '192.0.2.7, 192.168.3.4, 172.16.0.1', '192.0.2.7'],
    ['10.0.0.0/8, 2001:db8::/32', '2001:db9::1, 2001:db8::5', '2001:db9::/64'],
    ['10.0.0.0/8', '192.0.2.7:4711', '192.0.2.7'],
    ['10.0.0.0/8', '[2001:db8::1]:443', '2001:db8::/64'],
  ])('behind %s is that of the client in "%s"', (trusted, forwarded, key) => {
    expect(behind(trusted).clientOf(request('10.0.0.1', forwarded))).toBe(key);
  });

  it.each([undefined, '', 'nonsense', 'unknown, ,', '192.0.2.7, <script>'])(
    'is the proxy’s if it has written no address (%j)',
    (forwarded) => {
      expect(behind('10.0.0.0/8').clientOf(request('10.0.0.1', forwarded))).toBe('10.0.0.1');
    },
  );

  it('is read from a bounded number of entries', () => {
    const many = `192.0.2.7, ${Array(50).fill('10.0.0.2').join(', ')}`;
    expect(behind('10.0.0.0/8').clientOf(request('10.0.0.1', many))).toBe('10.0.0.2');
  });
});

describe('a trusted proxy', () => {
  it('may hold any number of connections', () => {
    expect(behind('loopback').peerOf('127.0.0.1')).toBeUndefined();
    expect(behind('loopback').peerOf('::1')).toBeUndefined();
    expect(behind('loopback').peerOf('192.0.2.7')).toBe('192.0.2.7');
  });

  it.each(['nonsense', '10.0.0.0/33', '10.0.0.1,,x', '*'])('cannot be %j', (setting) => {
    expect(() => behind(setting)).toThrow(/TRUSTED_PROXIES must be addresses or CIDR ranges/);
  });
});
