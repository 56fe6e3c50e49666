import { describe, expect, it } from 'vitest';
import { placeOrder } from '../../../src/domains/orders/order.ts';
import { type OrderItem, refuseItems } from '../../../src/domains/orders/order-items.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { ADA, ADMIN, BOB, customer, eur, gbp, HOME, LAMP, lamp, MUG, mug, ORDER, STAFF, uuid } from '../fixtures.ts';
import { inShop, PRICES, placed } from './shop.ts';

const of = (...items: [productId: string, quantity: number][]) => ({
  id: ORDER,
  customerId: ADA,
  items: items.map(([productId, quantity]) => ({ productId, quantity })),
  shippingAddress: HOME,
});

describe('placing an order', () => {
  it('keeps what the customer was shown: stock code, name and price', () =>
    inShop()
      .when(placeOrder, of([LAMP, 1], [MUG, 3]))
      .thenEvents(placed(lamp(1), mug(3))));

  it('leaves the id to the server if none is given', async () => {
    await inShop()
      .when(placeOrder, { ...of([LAMP, 1]), id: null })
      .thenEvents(placed(lamp()));
  });

  it('joins lines of the same product, however its id is written', () =>
    inShop()
      .when(placeOrder, of([LAMP, 1], [MUG, 1], [LAMP.toUpperCase(), 2]))
      .thenEvents(placed(lamp(3), mug(1))));

  it('takes an address without a second line', async () => {
    const { line2: _, ...address } = HOME;
    const outcome = await inShop()
      .when(placeOrder, { ...of([LAMP, 1]), shippingAddress: address })
      .outcome();
    expect(outcome).toMatchObject({ kind: 'events', events: [{ data: { shippingAddress: address } }] });
  });

  it('is refused for an unknown customer', () =>
    inShop()
      .when(placeOrder, { ...of([LAMP, 1]), customerId: BOB })
      .thenRejected('CUSTOMER_NOT_FOUND'));

  it('is refused for an unknown product, and names it', async () => {
    const message = await inShop()
      .when(placeOrder, of([LAMP, 1], [uuid(99), 1]))
      .thenRejected('PRODUCT_NOT_FOUND');
    expect(message).toContain(uuid(99));
  });

  it('is refused if the id is in use', () =>
    inShop([placed(mug())])
      .when(placeOrder, of([LAMP, 1]))
      .thenRejected('ORDER_ALREADY_PLACED'));

  it('is refused in two currencies', () =>
    inShop([], { ...PRICES, mug: eur(850) })
      .when(placeOrder, of([LAMP, 1], [MUG, 1]))
      .thenRejected('MIXED_CURRENCIES'));

  it('is refused if joined lines come to too many', async () => {
    await inShop()
      .when(placeOrder, of([LAMP, 999_999], [LAMP, 1]))
      .thenEvents(placed(lamp(1_000_000)));
    await inShop()
      .when(placeOrder, of([LAMP, 1_000_000], [LAMP, 1]))
      .thenRejected('QUANTITY_TOO_LARGE');
  });

  it('is exact up to a total of 2^53 - 1, and refused beyond', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    await inShop([], { lamp: gbp(most - 1), mug: gbp(1) })
      .when(placeOrder, of([LAMP, 1], [MUG, 1]))
      .thenEvents(placed(lamp(1, gbp(most - 1)), mug(1, gbp(1))));
    await inShop([], { lamp: gbp(most - 1), mug: gbp(1) })
      .when(placeOrder, of([LAMP, 1], [MUG, 2]))
      .thenRejected('ORDER_TOTAL_TOO_LARGE');
    await inShop([], { lamp: gbp(most), mug: gbp(most) })
      .when(placeOrder, of([LAMP, 1_000_000], [MUG, 1_000_000]))
      .thenRejected('ORDER_TOTAL_TOO_LARGE');
  });

  it('takes goods for nothing', () =>
    inShop([], { ...PRICES, lamp: gbp(0) })
      .when(placeOrder, of([LAMP, 2]))
      .thenEvents(placed(lamp(2, gbp(0)))));

  it.each([
    [{ items: [] }, 'items'],
    [{ items: [{ productId: LAMP, quantity: 0 }] }, 'items.0.quantity'],
    [
      {
        items: [
          { productId: LAMP, quantity: 1 },
          { productId: MUG, quantity: 1_000_001 },
        ],
      },
      'items.1.quantity',
    ],
    [{ items: [{ productId: 'lamp', quantity: 1 }] }, 'items.0.productId'],
    [{ customerId: 'ada' }, 'customerId'],
    [{ id: '' }, 'id'],
    [{ shippingAddress: { ...HOME, city: ' ' } }, 'shippingAddress.city'],
    [{ shippingAddress: { ...HOME, line2: 'x'.repeat(201) } }, 'shippingAddress.line2'],
  ])('refuses %j', async (bad, path) => {
    await inShop()
      .when(placeOrder, { ...of([LAMP, 1]), ...bad })
      .thenInvalid(path);
  });

  it('takes 1,000 lines and no more', async () => {
    const lines = (length: number) => of(...Array.from({ length }, (): [string, number] => [LAMP, 1]));
    await inShop()
      .when(placeOrder, lines(1_000))
      .thenEvents(placed(lamp(1_000)));
    await inShop().when(placeOrder, lines(1_001)).thenInvalid('items');
  });

  it('is for staff, for the application, and for customers in their own name', async () => {
    for (const actor of [STAFF, ADMIN, SYSTEM, customer(ADA)]) {
      await inShop()
        .by(actor)
        .when(placeOrder, of([LAMP, 1]))
        .thenEvents(placed(lamp()));
    }
    for (const actor of [customer(BOB), null]) {
      await inShop()
        .by(actor)
        .when(placeOrder, of([LAMP, 1]))
        .thenForbidden();
    }
  });
});

describe('the lines of an order', () => {
  const different = (length: number): OrderItem[] =>
    Array.from({ length }, (_, n) => ({ ...lamp(), productId: uuid(1_000 + n) }));

  it('are at most 1,000, even if they came one by one', () => {
    expect(refuseItems(different(1_000))).toBeUndefined();
    expect(refuseItems(different(1_001))?.code).toBe('TOO_MANY_ORDER_LINES');
  });
});
