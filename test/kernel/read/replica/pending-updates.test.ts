import { describe, expect, it } from 'vitest';
import { PendingUpdates } from '../../../../src/kernel/read/replica/pending-updates.ts';
import { fc } from '../../../support/properties.ts';

const move = (position: number, ...keys: string[]) => ({ position, keys: new Set(keys), lagMs: 0 });
/** One that the projector of another instance has made. */
const foreign = (position: number) => ({ position, keys: null, lagMs: 0 });

describe('moves that a replica does not show yet', () => {
  it('are told together with the rows that changed, as far as the replica has come', () => {
    const pending = new PendingUpdates();
    for (const one of [foreign(0), move(2, 'a'), move(3, 'b'), move(5, 'a', 'c')]) pending.add(one);
    expect(pending.take(0, 3).keys).toEqual(new Set(['a', 'b']));
    expect(pending.isEmpty).toBe(false);
    expect(pending.take(3, 5).keys).toEqual(new Set(['a', 'c']));
    expect(pending.isEmpty).toBe(true);
  });

  it('are of rows that are not known if somebody else has made them, or some of them', () => {
    const pending = new PendingUpdates();
    for (const one of [foreign(0), move(2, 'a'), foreign(4), move(6, 'b')]) pending.add(one);
    expect(pending.take(0, 3).keys).toBeNull();
    expect(pending.take(3, 6).keys).toBeNull();
    pending.add(move(7, 'c'));
    expect(pending.take(6, 7).keys).toEqual(new Set(['c']));
  });

  it('are of rows that are not known if the replica is ahead of the news, or the news begin late', () => {
    const ahead = new PendingUpdates();
    for (const one of [foreign(0), move(2, 'a')]) ahead.add(one);
    expect(ahead.take(0, 3).keys).toBeNull();
    const late = new PendingUpdates();
    late.add(move(4, 'a'));
    expect(late.take(0, 4).keys).toBeNull();
  });

  it('say how long the oldest of them has waited', () => {
    const pending = new PendingUpdates();
    pending.add({ ...move(1, 'a'), lagMs: 5000 });
    pending.add({ ...move(2, 'b'), lagMs: 10 });
    expect(pending.take(0, 2).lagMs).toBeGreaterThanOrEqual(5000);
  });

  it('are forgotten if the projection begins again', () => {
    const pending = new PendingUpdates();
    for (const one of [foreign(0), move(9, 'a'), foreign(0), move(4, 'b')]) pending.add(one);
    expect(pending.take(0, 4).keys).toEqual(new Set(['b']));
    expect(pending.isEmpty).toBe(true);
  });

  it('have rows that changed without an event with them', () => {
    const pending = new PendingUpdates();
    for (const one of [foreign(0), move(1, 'a'), move(1, 'b')]) pending.add(one);
    expect(pending.take(0, 1).keys).toEqual(new Set(['a', 'b']));
    pending.add(move(1, 'c'), 1);
    expect(pending.isEmpty).toBe(true);
  });

  it('never name fewer rows than have changed, however few are kept and wherever the replica is', () => {
    const batches = fc.array(
      fc.record({
        events: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 4 }),
        /** Events of those not shown that the replica then shows. */
        shows: fc.nat(4),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(batches, fc.integer({ min: 2, max: 40 }), (all, limit) => {
        const pending = new PendingUpdates(limit);
        pending.add(foreign(0));
        const log: string[] = [];
        let shown = 0;
        const show = (to: number) => {
          const { keys } = pending.take(shown, to);
          const changed = new Set(log.slice(shown, to));
          expect([...changed].filter((key) => !keys?.has(key))).toEqual([]);
          shown = to;
        };
        for (const { events, shows } of all) {
          log.push(...events);
          pending.add(move(log.length, ...events), shown);
          const to = Math.min(log.length, shown + shows);
          if (to > shown) show(to);
        }
        if (log.length > shown) show(log.length);
        expect(pending.isEmpty).toBe(true);
      }),
    );
  });
});
