import { afterEach, expect, it, vi } from 'vitest';
import { VerifiedTokens } from '../../../src/server/auth/verified-tokens.ts';

const ADA = { id: 'ada', roles: ['customer'], claims: {} } as const;
const inMs = (ms: number) => new Date(Date.now() + ms);

afterEach(() => {
  vi.useRealTimers();
});

it('knows the bearer of a token that was verified, and of no other', () => {
  const verified = new VerifiedTokens();
  const authenticated = { actor: ADA, expiresAt: inMs(60_000) };
  verified.remember('a.b.c', authenticated);
  expect(verified.find('a.b.c')).toBe(authenticated);
  expect(verified.find('a.b.d')).toBeUndefined();
});

it('forgets a token at the moment at which it expires', () => {
  vi.useFakeTimers();
  const verified = new VerifiedTokens();
  verified.remember('a.b.c', { actor: ADA, expiresAt: inMs(5000) });
  vi.advanceTimersByTime(4999);
  expect(verified.find('a.b.c')).toBeDefined();
  vi.advanceTimersByTime(1);
  expect(verified.find('a.b.c')).toBeUndefined();
});

it('has the signature checked again after half a minute, however often the token is used', () => {
  vi.useFakeTimers();
  const verified = new VerifiedTokens();
  verified.remember('a.b.c', { actor: ADA, expiresAt: inMs(3_600_000) });
  vi.advanceTimersByTime(29_000);
  expect(verified.find('a.b.c')).toBeDefined();
  vi.advanceTimersByTime(1001);
  expect(verified.find('a.b.c')).toBeUndefined();
});

it('remembers no more than so many bytes of tokens, the last ones', () => {
  const verified = new VerifiedTokens();
  const token = (nth: number) => `${'x'.repeat(16_000)}.${nth}`;
  for (let nth = 0; nth < 1000; nth++) verified.remember(token(nth), { actor: ADA, expiresAt: inMs(60_000) });
  const remembered = Array.from({ length: 1000 }, (_, nth) => verified.find(token(nth)) !== undefined);
  expect(remembered.at(-1)).toBe(true);
  expect(remembered[0]).toBe(false);
  expect(remembered.filter(Boolean).length).toBeLessThan(300);
});
