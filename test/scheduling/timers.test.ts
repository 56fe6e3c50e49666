import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { every, later, within } from '../../src/scheduling/timers.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left).toBe(0);
});

describe('a timer', () => {
  it('that is longer than Node allows does not fire at once', async () => {
    const work = vi.fn();
    const timer = later(Number.MAX_SAFE_INTEGER, work);
    await vi.advanceTimersByTimeAsync(1000);
    expect(work).not.toHaveBeenCalled();
    timer.cancel();
  });

  it('does nothing after it is cancelled', async () => {
    const work = vi.fn();
    const once = later(10, work);
    once.cancel();
    const repeated = every(10, work);
    await vi.advanceTimersByTimeAsync(25);
    repeated.cancel();
    await vi.advanceTimersByTimeAsync(25);
    expect(work).toHaveBeenCalledTimes(2);
  });
});

describe('an answer that has to come in time', () => {
  it('is what it is if it comes', async () => {
    expect(await within(10, Promise.resolve('answer'), () => 'late')).toBe('answer');
    await expect(within(10, Promise.reject(new Error('failed')), () => 'late')).rejects.toThrow('failed');
  });

  it('is replaced if it is late, and its later failure is ignored', async () => {
    const answer = Promise.withResolvers<string>();
    const outcome = within(10, answer.promise, () => 'late');
    await vi.advanceTimersByTimeAsync(10);
    answer.reject(new Error('failed'));
    expect(await outcome).toBe('late');
  });

  it('may be an error if it is late', async () => {
    const outcome = within(10, new Promise<string>(() => {}), () => {
      throw new Error('too late');
    });
    const thrown = expect(outcome).rejects.toThrow('too late');
    await vi.advanceTimersByTimeAsync(10);
    await thrown;
  });
});
