import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OverLimitError } from '../../../src/server/limits/over-limit.ts';
import { Rate } from '../../../src/server/limits/rate.ts';

const rateOf = (points: number) => new Rate({ limit: 'actor_points', points, reason: 'Too many.' });

describe('a rate', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('refuses a key that has spent its points, says how long, and takes it again after that time', async () => {
    const rate = rateOf(3);
    for (let call = 0; call < 3; call++) await rate.spend('a');
    vi.advanceTimersByTime(4000);
    const error = await rate.spend('a').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OverLimitError);
    expect(error).toMatchObject({ code: 'THROTTLED', limit: 'actor_points', retryAfterMs: 6000 });
    await rate.spend('b', 3);
    vi.advanceTimersByTime(6000);
    await rate.spend('a', 3);
  });

  it('lets what costs more than the whole limit happen alone', async () => {
    const rate = rateOf(3);
    await rate.spend('a', 60);
    await expect(rate.spend('a')).rejects.toThrow(OverLimitError);
  });

  it('can be looked at without spending anything', async () => {
    const rate = rateOf(2);
    for (let look = 0; look < 5; look++) await rate.check('a');
    await rate.spend('a', 2);
    await expect(rate.check('a')).rejects.toMatchObject({ retryAfterMs: 10_000 });
  });

  it('is without a limit if it is 0', async () => {
    const rate = rateOf(0);
    for (let call = 0; call < 100; call++) await rate.spend('a', 1000);
    await rate.check('a');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('remembers a bounded number of keys, the latest ones', async () => {
    const rate = rateOf(1);
    for (let key = 0; key < 60_000; key++) await rate.spend(`address ${key}`);
    // Each key that is remembered has a timer that forgets it.
    expect(vi.getTimerCount()).toBe(50_000);
    await expect(rate.spend('address 59999')).rejects.toThrow(OverLimitError);
    await rate.spend('address 0');
    vi.advanceTimersByTime(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
