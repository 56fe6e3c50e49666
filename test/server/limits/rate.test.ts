import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OverLimitError } from '../../../src/server/limits/over-limit.ts';
import { Rate } from '../../../src/server/limits/rate.ts';

/** Counts a point. @throws as the rate does, at once or later. */
const spend = async (rate: Rate, key: string) => rate.spend(key);
const rateOf = (points: number) => new Rate({ limit: 'actor_points', points, reason: 'Too many.' });

describe('a rate', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('refuses a key that has spent its points, says how long, and takes it again after that time', async () => {
    const rate = rateOf(3);
    for (let call = 0; call < 3; call++) await rate.spend('a');
    vi.advanceTimersByTime(4000);
    const error = await spend(rate, 'a').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OverLimitError);
    expect(error).toMatchObject({ code: 'THROTTLED', limit: 'actor_points', retryAfterMs: 6000 });
    await rate.spend('b', 3);
    vi.advanceTimersByTime(6000);
    await rate.spend('a', 3);
  });

  it('lets what costs more than the whole limit happen alone', async () => {
    const rate = rateOf(3);
    await rate.spend('a', 60);
    await expect(spend(rate, 'a')).rejects.toThrow(OverLimitError);
  });

  it('can be looked at without spending anything', async () => {
    const rate = rateOf(2);
    for (let look = 0; look < 5; look++) rate.check('a');
    await rate.spend('a', 2);
    expect(() => rate.check('a')).toThrow(expect.objectContaining({ retryAfterMs: 10_000 }));
  });

  it('is without a limit if it is 0', async () => {
    const rate = rateOf(0);
    for (let call = 0; call < 100; call++) await rate.spend('a', 1000);
    rate.check('a');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('remembers a bounded number of keys, those that have spent something last', async () => {
    const rate = rateOf(1);
    for (let key = 0; key < 50_000; key++) await rate.spend(`address ${key}`);
    await expect(spend(rate, 'address 0')).rejects.toThrow(OverLimitError);
    for (let key = 50_000; key < 60_000; key++) await rate.spend(`address ${key}`);
    expect(rate.keys).toBe(50_000);
    await expect(spend(rate, 'address 0')).rejects.toThrow(OverLimitError);
    await expect(spend(rate, 'address 10001')).rejects.toThrow(OverLimitError);
    await rate.spend('address 1');
    await rate.spend('address 10000');
  });

  it('forgets keys whose window has ended, and then has no timer', async () => {
    const rate = rateOf(1);
    await rate.spend('a');
    vi.advanceTimersByTime(5000);
    await rate.spend('b');
    vi.advanceTimersByTime(5000);
    expect(rate.keys).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(rate.keys).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
