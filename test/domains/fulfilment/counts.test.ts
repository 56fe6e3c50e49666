import { expect, it } from 'vitest';
import {
  countOf,
  isEmpty,
  type PieceCounts,
  productsOf,
  withCount,
  withCounts,
  withoutCount,
} from '../../../src/domains/fulfilment/counts.ts';
import { fc } from '../../support/properties.ts';

it('counts of products are those of a plain record, whatever is changed in what order', () => {
  const id = fc.constantFrom('p-0', 'p-1', 'q-1', 'r-f', 's-f', 't-f');
  const change = fc.oneof(
    fc.record({ set: id, count: fc.nat(9) }),
    fc.record({ remove: id }),
    fc.record({ setAll: fc.dictionary(id, fc.nat(9)) }),
  );
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      let counts: PieceCounts = {};
      const plain: Record<string, number> = {};
      for (const each of changes) {
        const before = JSON.stringify(counts);
        const now: PieceCounts =
          'set' in each
            ? withCount(counts, each.set, each.count)
            : 'remove' in each
              ? withoutCount(counts, each.remove)
              : withCounts(counts, each.setAll);
        expect(JSON.stringify(counts)).toBe(before);
        if ('set' in each) plain[each.set] = each.count;
        else if ('remove' in each) delete plain[each.remove];
        else Object.assign(plain, each.setAll);
        counts = now;
      }
      expect(productsOf(counts).toSorted()).toEqual(Object.keys(plain).toSorted());
      for (const product of ['p-0', 'p-1', 'q-1', 'r-f', 's-f', 't-f']) {
        expect(countOf(counts, product)).toBe(plain[product]);
      }
      expect(isEmpty(counts)).toBe(Object.keys(plain).length === 0);
    }),
  );
});
