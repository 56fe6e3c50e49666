import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pause } from '../../client/src/core/pause.ts';
import { openWindow } from './window.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a pause', () => {
  it('ends when the window says that there is a connection again', async () => {
    const { window, listening } = openWindow();
    const paused = pause(10_000);
    window.dispatchEvent(new Event('online'));
    await paused;
    expect([listening.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('ends after its time, also without a window, and listens no more', async () => {
    const alone = pause(10_000);
    const { listening } = openWindow();
    const paused = pause(10_000);
    await vi.advanceTimersByTimeAsync(9999);
    expect([listening.size, vi.getTimerCount()]).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all([alone, paused]);
    expect(listening.size).toBe(0);
  });

  it('ends with the reason of its signal, also of one that is aborted already', async () => {
    const { listening } = openWindow();
    const stop = new AbortController();
    const outcome = expect(pause(10_000, stop.signal)).rejects.toThrow('enough');
    stop.abort(new Error('enough'));
    await outcome;
    await expect(pause(10_000, stop.signal)).rejects.toThrow('enough');
    expect([listening.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
