import { describe, expect, it } from 'vitest';
import {
  availableOf,
  Product,
  ProductRegistered,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
} from '../../../src/domains/products/product.ts';
import { releaseStock, reserveStock, shipStock } from '../../../src/domains/products/stock.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { gbp, LAMP, ORDER, STAFF, uuid } from '../fixtures.ts';

const orderId = ORDER;
const ofOrder = { productId: LAMP, orderId };
const OTHER = uuid(22);
const five = [
  ProductRegistered({ sku: 'LAMP-1', name: 'Desk Lamp', price: gbp(2500) }),
  StockReceived({ quantity: 5 }),
];
const three = [...five, StockReserved({ orderId, quantity: 3 })];

describe('reserving stock', () => {
  it('sets it aside for an order', () =>
    given(Product, five)
      .when(reserveStock, { ...ofOrder, quantity: 3 })
      .thenEvents(StockReserved({ orderId, quantity: 3 })));

  it('for the same order says how many it is to be in all', async () => {
    await given(Product, three)
      .when(reserveStock, { ...ofOrder, quantity: 3 })
      .thenEvents();
    await given(Product, three)
      .when(reserveStock, { ...ofOrder, quantity: 5 })
      .thenEvents(StockReserved({ orderId, quantity: 2 }));
    await given(Product, three)
      .when(reserveStock, { ...ofOrder, quantity: 1 })
      .thenEvents(StockReleased({ orderId, quantity: 2 }));
  });

  it('never takes more than nobody else has', async () => {
    const message = await given(Product, three)
      .when(reserveStock, { productId: LAMP, orderId: OTHER, quantity: 3 })
      .thenRejected('OUT_OF_STOCK');
    expect(message).toBe('LAMP-1: 3 more are wanted, and 2 are available.');
  });

  it('is the application’s business', () =>
    given(Product, five)
      .by(STAFF)
      .when(reserveStock, { ...ofOrder, quantity: 1 })
      .thenForbidden());
});

describe('stock that is set aside', () => {
  it('is given back, once', async () => {
    await given(Product, three)
      .when(releaseStock, ofOrder)
      .thenEvents(StockReleased({ orderId, quantity: 3 }));
    await given(Product, [...three, StockReleased({ orderId, quantity: 3 })])
      .when(releaseStock, ofOrder)
      .thenEvents();
  });

  it('leaves the house, once', async () => {
    await given(Product, three)
      .when(shipStock, ofOrder)
      .thenEvents(StockShipped({ orderId, quantity: 3 }));
    await given(Product, [...three, StockShipped({ orderId, quantity: 3 })])
      .when(shipStock, ofOrder)
      .thenEvents();
  });

  it('is on hand until it has left', () => {
    const fold = (events: typeof three) =>
      events.reduce((state, event) => Product.evolve(state, event), Product.initialState());
    expect(fold(three)).toMatchObject({
      stock: 5,
      reserved: 3,
      reservations: { [orderId.slice(-2)]: { [orderId]: 3 } },
    });
    expect(availableOf(fold(three))).toBe(2);
    const gone = Product.evolve(fold(three), StockShipped({ orderId, quantity: 3 }));
    expect(gone).toMatchObject({ stock: 2, reserved: 0, reservations: {} });
    expect(availableOf(gone)).toBe(2);
  });
});
