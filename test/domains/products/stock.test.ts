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
import { approximateBytes } from '../../../src/kernel/bytes.ts';
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
const fold = (events: typeof three) =>
  events.reduce((state, event) => Product.evolve(state, event), Product.initialState());

describe('reserving stock', () => {
  it('sets it aside for an order', () =>
    given(Product, five)
      .when(reserveStock, { ...ofOrder, quantity: 3 })
      .thenEvents(StockReserved({ orderId, quantity: 3 })));

  it('adds to what is set aside for the same order', () =>
    given(Product, three)
      .when(reserveStock, { ...ofOrder, quantity: 2 })
      .thenEvents(StockReserved({ orderId, quantity: 2 })));

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
  it('is given back, in part or all', async () => {
    await given(Product, three)
      .when(releaseStock, { ...ofOrder, quantity: 2 })
      .thenEvents(StockReleased({ orderId, quantity: 2 }));
    await given(Product, three)
      .when(releaseStock, { ...ofOrder, quantity: 3 })
      .thenEvents(StockReleased({ orderId, quantity: 3 }));
  });

  it('leaves the house', () =>
    given(Product, three)
      .when(shipStock, { ...ofOrder, quantity: 3 })
      .thenEvents(StockShipped({ orderId, quantity: 3 })));

  it('is never less than nothing', async () => {
    const message = await given(Product, three)
      .when(releaseStock, { ...ofOrder, quantity: 4 })
      .thenRejected('NOT_RESERVED');
    expect(message).toBe('LAMP-1: 4 would be taken, and 3 are reserved for all orders.');
    await given(Product, three)
      .when(shipStock, { ...ofOrder, quantity: 4 })
      .thenRejected('NOT_RESERVED');
  });

  it('takes no more memory for a thousand open orders than for one', () => {
    const stocked = [...five, StockReceived({ quantity: 1000 })];
    const orders = Array.from({ length: 1000 }, (_, nth) => StockReserved({ orderId: uuid(5000 + nth), quantity: 1 }));
    const bytes = (count: number) => approximateBytes(fold([...stocked, ...orders.slice(0, count)]));
    expect(bytes(1000)).toBe(bytes(1));
  });

  it('is on hand until it has left', () => {
    expect(fold(three)).toMatchObject({ stock: 5, reserved: 3 });
    expect(availableOf(fold(three))).toBe(2);
    const gone = Product.evolve(fold(three), StockShipped({ orderId, quantity: 3 }));
    expect(gone).toMatchObject({ stock: 2, reserved: 0 });
    expect(availableOf(gone)).toBe(2);
  });
});
