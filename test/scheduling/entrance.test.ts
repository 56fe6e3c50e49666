import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Entrance } from '../../src/scheduling/entrance.ts';

const compute = (ms: number) => {
  for (const until = performance.now() + ms; performance.now() < until; );
};

/** What begins at an entrance, in order. */
function opened() {
  const entrance = new Entrance();
  const begun: string[] = [];
  /** Asks for work that computes for some time once it begins. */
  const ask = async (caller: string, ms = 0) => {
    await entrance.enter(caller);
    begun.push(caller);
    compute(ms);
  };
  return { entrance, begun, ask };
}

describe('work that callers begin', () => {
  it('begins as soon as they ask if they ask for little', () => {
    const { entrance } = opened();
    const places = ['ann', 'bob', 'ann', 'bob'].map((caller) => entrance.enter(caller));
    expect(places.every((place) => place === undefined)).toBe(true);
  });

  it('begins in later turns of the event loop if one caller asks for much at once, and others overtake it', async () => {
    const { entrance, begun, ask } = opened();
    const many = Array.from({ length: 20 }, () => ask('many', 1));
    expect(entrance.waiting).toBe(16);
    await ask('one');
    // The fifth: four of the others began at once.
    expect(begun).toEqual(['many', 'many', 'many', 'many', 'one']);
    while (begun.length < 8) await nextTurn();
    await ask('one');
    expect(begun.length).toBeLessThan(14);
    await Promise.all(many);
    expect(begun).toHaveLength(22);
    expect(entrance.waiting).toBe(0);
  });

  it('alternates between callers who have to wait', async () => {
    const { begun, ask } = opened();
    await Promise.all(['ann', 'bob'].flatMap((caller) => Array.from({ length: 10 }, () => ask(caller, 1))));
    const later = begun.slice(8);
    expect(later.every((caller, nth) => nth === 0 || caller !== later[nth - 1])).toBe(true);
  });
});
