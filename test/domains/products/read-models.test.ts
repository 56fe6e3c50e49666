import { describe, expect, it } from 'vitest';
import {
  Product,
  ProductPriceChanged,
  ProductRegistered,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
} from '../../../src/domains/products/product.ts';
import { products } from '../../../src/domains/products/read-models.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { fc } from '../../support/properties.ts';
import { gbp, LAMP, MUG, uuid } from '../fixtures.ts';

const registered = ProductRegistered({ sku: 'LAMP-1', name: 'Desk Lamp', price: gbp(2500) });

describe('the read model of products', () => {
  it('has a row for each product, with its present price and stock', () => {
    const lamps = [
      registered,
      StockReceived({ quantity: 5 }),
      ProductPriceChanged({ price: gbp(1999) }),
      StockReceived({ quantity: 2 }),
    ];
    const mug = ProductRegistered({ sku: 'MUG-7', name: 'Blue Mug', price: gbp(850) });
    expect(givenEvents(recorded(Product, MUG, [mug], recorded(Product, LAMP, lamps))).project(products)).toMatchObject([
      { id: LAMP, sku: 'LAMP-1', name: 'Desk Lamp', price: 1999, currency: 'GBP', stock: 7, reserved: 0, version: 4 },
      { id: MUG, sku: 'MUG-7', name: 'Blue Mug', price: 850, currency: 'GBP', stock: 0, reserved: 0, version: 1 },
    ]);
  });

  it('is sorted by the name and found by the stock code and the name, in any case and without accents', () => {
    const event = ProductRegistered({ sku: 'Café-1', name: 'Crème BRÛLÉE', price: gbp(1) });
    expect(givenEvents(recorded(Product, MUG, [event])).project(products)).toMatchObject([
      { sortName: 'creme brulee', searchText: 'cafe-1\ncreme brulee' },
    ]);
  });

  it('can be seen by everyone', () => expect(products.visibleTo).toBe('everyone'));

  it('agrees with the aggregate whatever happens to a product', () => {
    const ofOrder = fc.record({
      orderId: fc.constantFrom(uuid(21), uuid(22)),
      quantity: fc.integer({ min: 1, max: 9 }),
    });
    const change = fc.oneof(
      fc.nat(1_000_000).map((quantity) => StockReceived({ quantity })),
      ofOrder.map((data) => StockReserved(data)),
      ofOrder.map((data) => StockReleased(data)),
      ofOrder.map((data) => StockShipped(data)),
      fc.maxSafeNat().map((amount) => ProductPriceChanged({ price: gbp(amount) })),
    );
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const events = [registered, ...changes];
        const state = events.reduce((before, event) => Product.evolve(before, event), Product.initialState());
        const { sku, name, price, stock, reserved } = state;
        expect(givenEvents(recorded(Product, LAMP, events)).project(products)).toMatchObject([
          {
            id: LAMP,
            sku,
            name,
            price: price.amount,
            currency: price.currency,
            stock,
            inStock: stock > 0,
            reserved,
            version: events.length,
          },
        ]);
      }),
    );
  });
});
