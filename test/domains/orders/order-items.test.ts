import { describe, expect, it } from 'vitest';
import { addOrderItem, OrderItemAdded, OrderItemRemoved, removeOrderItem } from '../../../src/domains/orders/order.ts';
import { type OrderItem, withItem, withItems } from '../../../src/domains/orders/order-items.ts';
import { eur, gbp, LAMP, lamp, MUG, mug, ORDER, uuid } from '../fixtures.ts';
import { inShop, PRICES, placed } from './shop.ts';

const add = (productId: string, quantity = 1) => ({ orderId: ORDER, productId, quantity });
const remove = (productId: string) => ({ orderId: ORDER, productId });

describe('adding to an order', () => {
  it('adds at the price of this moment', () =>
    inShop([placed(mug())], { ...PRICES, lamp: gbp(1999) })
      .when(addOrderItem, add(LAMP, 2))
      .thenEvents(OrderItemAdded(lamp(2, gbp(1999)))));

  it('joins the line of the same product at the same price', () => {
    expect(withItem([mug(), lamp(1)], lamp(2))).toEqual([mug(), lamp(3)]);
  });

  it('makes another line if the price has changed since', () => {
    expect(withItem([lamp(1)], lamp(2, gbp(1999)))).toEqual([lamp(1), lamp(2, gbp(1999))]);
    expect(withItem([lamp(1), lamp(2, gbp(1999))], lamp(3, gbp(1999)))).toEqual([lamp(1), lamp(5, gbp(1999))]);
  });

  it('never joins lines of two currencies', () => {
    expect(withItem([lamp(1, gbp(5))], lamp(1, eur(5)))).toEqual([lamp(1, gbp(5)), lamp(1, eur(5))]);
  });

  it('joins a thousand lines as it would join one after the other', () => {
    const more = Array.from({ length: 1000 }, (_, n) => ({ ...lamp(1, gbp(n % 3)), productId: uuid(n % 400) }));
    expect(withItems([mug()], more)).toEqual(more.reduce<OrderItem[]>(withItem, [mug()]));
  });

  it('is refused for an unknown product', async () => {
    const message = await inShop([placed(mug())])
      .when(addOrderItem, add(uuid(99)))
      .thenRejected('PRODUCT_NOT_FOUND');
    expect(message).toContain(uuid(99));
  });

  it('is refused in another currency', () =>
    inShop([placed(mug())], { ...PRICES, lamp: eur(2500) })
      .when(addOrderItem, add(LAMP))
      .thenRejected('MIXED_CURRENCIES'));

  it('is refused if the line would be too many', async () => {
    const many = inShop([placed(lamp(999_999))]);
    await many.when(addOrderItem, add(LAMP)).thenEvents(OrderItemAdded(lamp()));
    await many.when(addOrderItem, add(LAMP, 2)).thenRejected('QUANTITY_TOO_LARGE');
  });

  it('is refused if the total would be too large', () =>
    inShop([placed(mug(1, gbp(Number.MAX_SAFE_INTEGER)))])
      .when(addOrderItem, add(LAMP))
      .thenRejected('ORDER_TOTAL_TOO_LARGE'));

  it('is refused if the order has 1,000 lines and this would be one more', async () => {
    const full = inShop([placed(...Array.from({ length: 1_000 }, (_, n) => mug(1, gbp(n))))]);
    await full.when(addOrderItem, add(MUG)).thenEvents(OrderItemAdded(mug()));
    await full.when(addOrderItem, add(LAMP)).thenRejected('TOO_MANY_ORDER_LINES');
  });

  it('needs an order', () => inShop().when(addOrderItem, add(LAMP)).thenNotFound());

  it.each([
    [{ orderId: '1' }, 'orderId'],
    [{ productId: '' }, 'productId'],
    [{ quantity: 0 }, 'quantity'],
    [{ quantity: 1_000_001 }, 'quantity'],
  ])('refuses %j', async (bad, path) => {
    await inShop([placed(mug())])
      .when(addOrderItem, { ...add(LAMP), ...bad })
      .thenInvalid(path);
  });
});

describe('removing from an order', () => {
  it('takes the product off', () =>
    inShop([placed(lamp(), mug())])
      .when(removeOrderItem, remove(LAMP))
      .thenEvents(OrderItemRemoved({ productId: LAMP })));

  it('takes all lines of the product off, whatever their prices', () =>
    inShop([
      placed(lamp()),
      OrderItemAdded(lamp(1, gbp(1999))),
      OrderItemAdded(mug()),
      OrderItemRemoved({ productId: LAMP }),
    ])
      .when(removeOrderItem, remove(LAMP))
      .thenRejected('ITEM_NOT_ON_ORDER'));

  it('is refused for what is not on the order', () =>
    inShop([placed(mug())])
      .when(removeOrderItem, remove(LAMP))
      .thenRejected('ITEM_NOT_ON_ORDER'));

  it('leaves something on the order', async () => {
    await inShop([placed(lamp(3))])
      .when(removeOrderItem, remove(LAMP))
      .thenRejected('ORDER_WOULD_BE_EMPTY');
    await inShop([placed(lamp()), OrderItemAdded(lamp(1, gbp(1999)))])
      .when(removeOrderItem, remove(LAMP))
      .thenRejected('ORDER_WOULD_BE_EMPTY');
  });

  it('needs an order', () => inShop().when(removeOrderItem, remove(LAMP)).thenNotFound());

  it.each(['orderId', 'productId'])('refuses a bad %s', async (field) => {
    await inShop([placed(mug())])
      .when(removeOrderItem, { ...remove(LAMP), [field]: 'x' })
      .thenInvalid(field);
  });
});
