import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FillTurns } from '../../../../src/kernel/read/run/fill-turns.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Turns on a log that grows when the test says so. */
function turnsOn(log: { position: number }, atOnce = 1) {
  const stopping = new AbortController();
  return { turns: new FillTurns({ atOnce, head: log, stopping: stopping.signal }), stop: () => stopping.abort() };
}

/** How long it takes until something is done, in ms of the test's clock. */
async function msOf(done: Promise<unknown>): Promise<number> {
  const began = performance.now();
  let ms: number | undefined;
  void done.then(() => {
    ms = performance.now() - began;
  });
  for (let n = 0; n < 2000 && ms === undefined; n++) await vi.advanceTimersByTimeAsync(1);
  return ms ?? Number.POSITIVE_INFINITY;
}

describe('read models that are filled', () => {
  it('take turns, in the order in which they ask', async () => {
    const { turns } = turnsOn({ position: 100 });
    const order: string[] = [];
    const batch = async (name: string) => {
      const turn = await turns.take(name);
      order.push(`${name} begins`);
      await vi.advanceTimersByTimeAsync(20);
      order.push(`${name} ends`);
      await turn.end(50);
    };
    await Promise.all([batch('a'), batch('b'), batch('c')]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('have as many turns at a time as they may, and one while commands arrive', async () => {
    const log = { position: 100 };
    const { turns } = turnsOn(log, 2);
    const first = await turns.take('a');
    const second = await turns.take('b');
    expect(await msOf(turns.take('c'))).toBeGreaterThanOrEqual(1000);
    await Promise.all([first.end(50), second.end(50)]);
    log.position = 110;
    await turns.take('a');
    expect(await msOf(turns.take('b'))).toBeGreaterThanOrEqual(1000);
  });

  it('rest for as long as a turn took while commands arrive, and not otherwise', async () => {
    const log = { position: 100 };
    const { turns } = turnsOn(log);
    const turnOf = async (gap: number) => {
      const turn = await turns.take('a');
      await vi.advanceTimersByTimeAsync(40);
      return msOf(turn.end(gap));
    };
    expect(await turnOf(90)).toBeLessThan(2);
    expect(await turnOf(80)).toBeLessThan(2);
    log.position = 110;
    expect(await turnOf(70)).toBeGreaterThanOrEqual(40);
  });

  it('do not rest if they get no closer to the end: they would never arrive', async () => {
    const log = { position: 100 };
    const { turns } = turnsOn(log);
    for (const gap of [50, 60, 60]) {
      const turn = await turns.take('a');
      log.position += 100;
      await vi.advanceTimersByTimeAsync(40);
      const ms = await msOf(turn.end(gap));
      if (gap === 60) expect(ms).toBeLessThan(2);
    }
  });

  it('do not wait longer than a second for one whose batch is held up', async () => {
    const { turns } = turnsOn({ position: 100 });
    await turns.take('locked');
    const ms = await msOf(turns.take('a'));
    expect(ms).toBeGreaterThanOrEqual(1000);
    expect(ms).toBeLessThan(1010);
  });

  it('wait for nothing when the instance stops', async () => {
    const { turns, stop } = turnsOn({ position: 100 });
    await turns.take('locked');
    stop();
    expect(await msOf(turns.take('a'))).toBeLessThan(2);
  });
});
