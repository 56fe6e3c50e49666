import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pause, Sleeper } from '../../src/scheduling/sleeper.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Whether a wait has ended after what has happened so far. */
async function hasEnded(wait: Promise<unknown>): Promise<boolean> {
  let ended = false;
  void wait.then(() => {
    ended = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return ended;
}

describe('a sleeper', () => {
  it('sleeps for its time', async () => {
    const asleep = new Sleeper().sleep(100);
    await vi.advanceTimersByTimeAsync(99);
    expect(await hasEnded(asleep)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await hasEnded(asleep)).toBe(true);
  });

  it('is woken before its time, and leaves no timer', async () => {
    const sleeper = new Sleeper();
    const asleep = sleeper.sleep(100);
    sleeper.wake();
    expect(await hasEnded(asleep)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('says if it was woken', async () => {
    const sleeper = new Sleeper();
    const late = sleeper.sleep(100);
    await vi.advanceTimersByTimeAsync(100);
    expect(await late).toBe(false);
    const asleep = sleeper.sleep(100);
    sleeper.wake();
    expect(await asleep).toBe(true);
  });

  it('does not sleep if it was called before, and then sleeps again', async () => {
    const sleeper = new Sleeper();
    sleeper.wake();
    sleeper.wake();
    expect(await hasEnded(sleeper.sleep())).toBe(true);
    const asleep = sleeper.sleep();
    expect(await hasEnded(asleep)).toBe(false);
    sleeper.wake();
    expect(await hasEnded(asleep)).toBe(true);
  });

  it('does not sleep any more once it is stopped', async () => {
    const stopping = new AbortController();
    const sleeper = new Sleeper(stopping.signal);
    const asleep = sleeper.sleep();
    stopping.abort();
    expect(await hasEnded(asleep)).toBe(true);
    for (let nth = 0; nth < 3; nth++) expect(await hasEnded(sleeper.sleep())).toBe(true);
    expect(await hasEnded(new Sleeper(stopping.signal).sleep())).toBe(true);
  });
});

describe('a pause', () => {
  it('lasts for its time unless it is stopped', async () => {
    const stopping = new AbortController();
    const [whole, cut] = [pause(100), pause(100, stopping.signal)];
    stopping.abort();
    expect([await hasEnded(whole), await hasEnded(cut)]).toEqual([false, true]);
    await vi.advanceTimersByTimeAsync(100);
    expect(await hasEnded(whole)).toBe(true);
    expect(await hasEnded(pause(100, stopping.signal))).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
