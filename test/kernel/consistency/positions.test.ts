import { describe, expect, it } from 'vitest';
import { Positions } from '../../../src/kernel/consistency/positions.ts';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import { fc } from '../../support/properties.ts';

const LONG = 2 ** 40;

describe('positions', () => {
  it('begin at 0, move by the projection and never go back', () => {
    const positions = new Positions(['a', 'b'], 10);
    expect([positions.of('a'), positions.of('b'), positions.names]).toEqual([0, 0, ['a', 'b']]);
    positions.advance('a', 5);
    positions.advance('a', 3);
    expect([positions.of('a'), positions.of('b')]).toEqual([5, 0]);
  });

  it('know only the projections that there are', async () => {
    const positions = new Positions(['a'], 10);
    expect([positions.has('a'), positions.has('b')]).toEqual([true, false]);
    expect(() => positions.of('b')).toThrow('no projection b');
    await expect(positions.reached('b', 1)).rejects.toThrow('no projection b');
  });
});

describe('waiting', () => {
  it('is over at once if the position is reached', async () => {
    const positions = new Positions(['a'], 0);
    positions.advance('a', 5);
    expect(await positions.reached('a', 5, { timeoutMs: 0, signal: AbortSignal.abort() })).toBe(true);
    expect(await positions.reached('a', 0)).toBe(true);
  });

  it('ends when the position is reached, for those whose it is', async () => {
    const positions = new Positions(['a'], 10);
    const order: number[] = [];
    const waits = [5, 3, 4].map((position) =>
      positions.reached('a', position).then((reached) => {
        if (reached) order.push(position);
      }),
    );
    expect([positions.waiting, positions.isAwaited('a')]).toEqual([3, true]);
    positions.advance('a', 4);
    await Promise.all(waits.slice(1));
    expect(order).toEqual([3, 4]);
    expect(positions.waiting).toBe(1);
    positions.advance('a', 5);
    await Promise.all(waits);
    expect([positions.waiting, positions.isAwaited('a')]).toEqual([0, false]);
  });

  it('ends with false when its time is over', async () => {
    const positions = new Positions(['a'], 10);
    expect(await positions.reached('a', 1, { timeoutMs: 5 })).toBe(false);
    expect(await positions.reached('a', 1, { timeoutMs: 0 })).toBe(false);
    expect([positions.waiting, positions.isAwaited('a')]).toEqual([0, false]);
  });

  it('for longer than a timer can run is not over at once', async () => {
    const positions = new Positions(['a'], 10);
    const wait = positions.reached('a', 1, { timeoutMs: LONG });
    let over = false;
    void wait.then(() => {
      over = true;
    });
    // Timers that overflow fire after a millisecond.
    await positions.reached('a', 1, { timeoutMs: 20 });
    expect(over).toBe(false);
    positions.advance('a', 1);
    expect(await wait).toBe(true);
  });

  it('ends with false when the reader goes away, or has gone before', async () => {
    const positions = new Positions(['a'], 10);
    const reader = new AbortController();
    const wait = positions.reached('a', 1, { signal: reader.signal });
    reader.abort();
    expect(await wait).toBe(false);
    expect(await positions.reached('a', 1, { signal: reader.signal })).toBe(false);
    expect(positions.waiting).toBe(0);
  });

  it('leaves nothing behind on the reader’s signal', async () => {
    const positions = new Positions(['a'], 10);
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const wait = positions.reached('a', 1, { signal });
    expect(listeners).toBe(1);
    positions.advance('a', 1);
    await wait;
    await positions.reached('a', 2, { signal, timeoutMs: 1 });
    expect(listeners).toBe(0);
  });

  it('is limited in number over all projections, and possible again when others have ended', async () => {
    const positions = new Positions(['a', 'b'], 2);
    const waits = [positions.reached('a', 1), positions.reached('b', 1, { timeoutMs: 5 })];
    await expect(positions.reached('a', 1)).rejects.toThrow(ThrottledError);
    await waits[1];
    const third = positions.reached('b', 1);
    await expect(positions.reached('b', 1)).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 500 });
    positions.advance('a', 1);
    positions.advance('b', 1);
    expect(await Promise.all([waits[0], third])).toEqual([true, true]);
  });

  it('of subscriptions takes none of the room that reads have, and has ten times as much', async () => {
    const positions = new Positions(['a'], 2);
    const subscribers = Array.from({ length: 20 }, () => positions.reached('a', 1, { as: 'subscription' }));
    expect(positions.waiting).toBe(20);
    await expect(positions.reached('a', 1, { as: 'subscription' })).rejects.toMatchObject({ code: 'THROTTLED' });
    const reads = [positions.reached('a', 1), positions.reached('a', 1, { as: 'read' })];
    await expect(positions.reached('a', 1)).rejects.toMatchObject({ code: 'THROTTLED' });
    positions.advance('a', 1);
    expect(new Set(await Promise.all([...subscribers, ...reads]))).toEqual(new Set([true]));
    expect(positions.waiting).toBe(0);
  });
});

describe('waits of one caller', () => {
  it('are refused beyond their share, of reads and of subscriptions, while others and the application may wait', async () => {
    const positions = new Positions(['a'], 10, { perCaller: 2 });
    const wait = (caller?: string, as: 'read' | 'subscription' = 'read') => positions.reached('a', 1, { caller, as });
    const waits = [wait('ada'), wait('ada')];
    await expect(wait('ada')).rejects.toMatchObject({
      code: 'THROTTLED',
      message: expect.stringContaining('2 of your'),
    });
    waits.push(...Array.from({ length: 20 }, () => wait('ada', 'subscription')));
    await expect(wait('ada', 'subscription')).rejects.toMatchObject({ code: 'THROTTLED' });
    waits.push(wait('bob'), wait(), wait(), wait());
    positions.advance('a', 1);
    expect(new Set(await Promise.all(waits))).toEqual(new Set([true]));
    const again = [wait('ada'), positions.reached('a', 2, { caller: 'ada' })];
    positions.advance('a', 2);
    expect(await Promise.all(again)).toEqual([true, true]);
  });

  it('are free again when they end without success', async () => {
    const positions = new Positions(['a'], 10, { perCaller: 1 });
    for (let n = 0; n < 3; n++) expect(await positions.reached('a', 1, { caller: 'ada', timeoutMs: 1 })).toBe(false);
  });
});

describe('the order of those who wait', () => {
  type Step = { readonly kind: 'wait' | 'advance' | 'leave'; readonly value: number };
  interface Wait {
    readonly position: number;
    readonly reader: AbortController;
    readonly answer: Promise<boolean>;
    /** Undefined as long as it waits. */
    expected: boolean | undefined;
  }
  const steps = fc.array(
    fc.record({ kind: fc.constantFrom<Step['kind']>('wait', 'wait', 'advance', 'leave'), value: fc.nat({ max: 300 }) }),
    { maxLength: 400 },
  );

  it('is as if each were asked at each step', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const positions = new Positions(['a'], 1000);
        const waits: Wait[] = [];
        let now = 0;
        for (const { kind, value } of taken) {
          if (kind === 'wait') {
            const reader = new AbortController();
            const answer = positions.reached('a', value, { signal: reader.signal });
            waits.push({ position: value, reader, answer, expected: value <= now || undefined });
          } else if (kind === 'leave') {
            const leaving = waits[value];
            leaving?.reader.abort();
            if (leaving) leaving.expected ??= false;
          } else {
            positions.advance('a', value);
            now = Math.max(now, value);
            for (const wait of waits) if (wait.position <= now) wait.expected ??= true;
          }
          await null;
        }
        const left = waits.filter(({ expected }) => expected === undefined).length;
        expect(positions.waiting).toBe(left);
        expect(positions.isAwaited('a')).toBe(left > 0);
        positions.advance('a', 1000);
        const answers = await Promise.all(waits.map(({ answer }) => answer));
        expect(answers).toEqual(waits.map(({ expected = true }) => expected));
        expect(positions.waiting).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
