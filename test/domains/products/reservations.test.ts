import { expect, it } from 'vitest';
import { heldFor, type Reservations, withMore } from '../../../src/domains/products/reservations.ts';
import { fc } from '../../support/properties.ts';

it('what is set aside for each order is what was added and taken, and nothing is left of what is nothing', () => {
  const order = fc.constantFrom('a-01', 'b-01', 'c-01', 'a-02', 'b-03');
  fc.assert(
    fc.property(fc.array(fc.tuple(order, fc.integer({ min: -3, max: 3 }))), (changes) => {
      const expected = new Map<string, number>();
      let reservations: Reservations = {};
      for (const [orderId, more] of changes) {
        const before = structuredClone(reservations);
        const next = withMore(reservations, orderId, more);
        expect(reservations).toEqual(before);
        reservations = next;
        expected.set(orderId, (expected.get(orderId) ?? 0) + more);
      }
      for (const [orderId, held] of expected) expect(heldFor(reservations, orderId)).toBe(held);
      const left = [...expected].filter(([, held]) => held !== 0).map(([orderId]) => orderId);
      expect(Object.values(reservations).flatMap(Object.keys).toSorted()).toEqual(left.toSorted());
    }),
  );
});
