import { expect, it } from 'vitest';
import { ParkedKeys } from '../../../../src/kernel/read/dead-letters/parked-keys.ts';
import { fc } from '../../../support/properties.ts';

it('keys that have become one are called by the one that has been parked for longest, whatever the order', () => {
  const name = (nth: number) => `Order/${nth}`;
  const pair = fc.tuple(fc.nat(9), fc.nat(9));
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(10).keys()], { minLength: 10 }), fc.array(pair), (positions, pairs) => {
      const since = new Map(positions.map((position, nth) => [name(nth), position]));
      const keys = new ParkedKeys(since);
      // The same with sets that are joined one by one.
      let sets = [...since.keys()].map((key) => new Set([key]));
      for (const [one, other] of pairs) {
        keys.merge(name(one), name(other));
        const joined = sets.filter((set) => set.has(name(one)) || set.has(name(other)));
        sets = [...sets.filter((set) => !joined.includes(set)), new Set(joined.flatMap((set) => [...set]))];
      }
      const oldestOf = (set: ReadonlySet<string>) =>
        [...set].toSorted((a, b) => (since.get(a) ?? 0) - (since.get(b) ?? 0))[0] as string;
      for (const set of sets) for (const key of set) expect(keys.of(key)).toBe(oldestOf(set));
      expect(new Set(keys.since.keys())).toEqual(new Set(sets.map(oldestOf)));
      expect(keys.merges).toHaveLength(10 - sets.length);
    }),
  );
});
