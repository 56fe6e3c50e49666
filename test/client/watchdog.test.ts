import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchdog } from '../../client/src/streams/watchdog.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(ms: number) {
  const dead = vi.fn();
  return { dog: watchdog(ms, dead), dead };
}

describe('the watchdog of a connection', () => {
  it('says once that nothing has arrived for the whole time', () => {
    const { dead } = watched(30_000);
    vi.advanceTimersByTime(29_999);
    expect(dead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100_000);
    expect(dead).toHaveBeenCalledTimes(1);
  });

  it('is content with something every 12 seconds', () => {
    const { dog, dead } = watched(30_000);
    for (let second = 0; second < 3600; second += 12) {
      vi.advanceTimersByTime(12_000);
      dog.heard();
    }
    expect(dead).not.toHaveBeenCalled();
  });

  it('says nothing after its end', () => {
    const { dog, dead } = watched(30_000);
    dog.end();
    vi.advanceTimersByTime(100_000);
    expect(dead).not.toHaveBeenCalled();
  });
});
