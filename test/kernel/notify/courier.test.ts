import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Courier } from '../../../src/kernel/notify/courier.ts';
import { unobserved } from '../../../src/kernel/observe/occurrences.ts';
import { delaysInto } from '../../support/kernel/observers.ts';

describe('a courier', () => {
  it('visits all, each once, and says when it is done', async () => {
    const courier = new Courier(unobserved);
    const visited: number[] = [];
    await courier.each(
      Array.from({ length: 5000 }, (_, n) => n),
      (n) => visited.push(n),
    );
    expect(visited).toEqual(Array.from({ length: 5000 }, (_, n) => n));
    await courier.each([], () => visited.push(-1));
    expect(visited).toHaveLength(5000);
  });

  it('lets others have their turn long before it is done', async () => {
    const courier = new Courier(unobserved);
    let visited = 0;
    const all = courier.each(Array(10_000).fill(0), () => {
      visited++;
    });
    await turn();
    expect(visited).toBeGreaterThan(0);
    expect(visited).toBeLessThan(5000);
    await all;
    expect(visited).toBe(10_000);
  });

  it('lets a short errand pass a long one', async () => {
    const courier = new Courier(unobserved);
    let long = 0;
    const all = courier.each(Array(10_000).fill(0), () => {
      long++;
    });
    await courier.each([1], () => {});
    expect(long).toBeLessThan(10_000);
    await all;
  });

  it('continues after a visit that throws, and reports the error', async () => {
    const faults: unknown[] = [];
    const courier = new Courier(delaysInto(faults));
    const visited: number[] = [];
    await courier.each([1, 2, 3], (n) => {
      if (n === 2) throw new Error('not here');
      visited.push(n);
    });
    expect(visited).toEqual([1, 3]);
    expect(faults).toMatchObject([{ message: 'not here' }]);
  });
});
