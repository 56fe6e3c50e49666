import { getTableConfig, type PgColumn } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { Order, OrderItemAdded, OrderItemRemoved } from '../../../src/domains/orders/order.ts';
import { orders, ordersTable } from '../../../src/domains/orders/read-models.ts';
import type { NewEventOf } from '../../../src/kernel/define/event.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, customer, gbp, HOME, LAMP, lamp, mug, ORDER, STAFF, uuid, visibilityOf } from '../fixtures.ts';
import { IN_STATUS, placed } from './shop.ts';

const rowOf = (...events: NewEventOf<typeof Order.events>[]) => {
  const rows = givenEvents(recorded(Order, ORDER, events)).project(orders);
  expect(rows).toHaveLength(1);
  return rows[0];
};
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

describe('the read model of orders', () => {
  it('has all of a placed order', () => {
    expect(rowOf(placed(lamp(2), mug()))).toEqual({
      id: ORDER,
      status: 'PLACED',
      customerId: ADA,
      items: [lamp(2), mug()],
      itemCount: 3,
      total: 5850,
      currency: 'GBP',
      shippingAddress: HOME,
      carrier: null,
      trackingNumber: null,
      cancellationReason: null,
      placedAt: at(1),
      updatedAt: at(1),
      version: 1,
      searchText: 'lamp-1\ndesk lamp\nmug-7\nblue mug',
    });
  });

  it('counts, sums and finds what was added', () => {
    expect(rowOf(placed(mug()), OrderItemAdded(lamp(2)), OrderItemAdded(lamp(1, gbp(1999))))).toMatchObject({
      items: [mug(), lamp(2), lamp(1, gbp(1999))],
      itemCount: 4,
      total: 850 + 5000 + 1999,
      searchText: 'mug-7\nblue mug\nlamp-1\ndesk lamp\nlamp-1\ndesk lamp',
      placedAt: at(1),
      updatedAt: at(3),
      version: 3,
    });
  });

  it('forgets what was removed', () => {
    const row = rowOf(placed(mug(), lamp()), OrderItemAdded(lamp(1, gbp(1))), OrderItemRemoved({ productId: LAMP }));
    expect(row).toMatchObject({ items: [mug()], itemCount: 1, total: 850, searchText: 'mug-7\nblue mug', version: 3 });
  });

  it('knows the parcel of a shipped order, and finds the order by it', () => {
    const parcel = { carrier: 'Royal Mail', trackingNumber: 'RM-123-GB' };
    const found = 'lamp-1\ndesk lamp\nmug-7\nblue mug\nroyal mail\nrm-123-gb';
    const row = rowOf(...IN_STATUS.SHIPPED);
    expect(row).toMatchObject({ ...parcel, status: 'SHIPPED', version: 3, updatedAt: at(3), searchText: found });
    expect(rowOf(...IN_STATUS.DELIVERED)).toEqual({ ...row, status: 'DELIVERED', version: 4, updatedAt: at(4) });
  });

  it('knows that an order is confirmed, and changes nothing else', () => {
    const row = rowOf(...IN_STATUS.PLACED);
    expect(rowOf(...IN_STATUS.CONFIRMED)).toEqual({ ...row, status: 'CONFIRMED', version: 2, updatedAt: at(2) });
  });

  it('knows why an order was cancelled', () => {
    const cancellation = { status: 'CANCELLED', cancellationReason: 'Changed my mind.', version: 2, updatedAt: at(2) };
    expect(rowOf(...IN_STATUS.CANCELLED)).toEqual({ ...rowOf(...IN_STATUS.PLACED), ...cancellation });
  });

  it('keeps orders apart', () => {
    const log = recorded(Order, uuid(22), IN_STATUS.CANCELLED, recorded(Order, ORDER, IN_STATUS.SHIPPED));
    const rows = givenEvents(log).project(orders);
    expect(rows.map(({ id, status }) => [id, status])).toEqual([
      [ORDER, 'SHIPPED'],
      [uuid(22), 'CANCELLED'],
    ]);
  });

  it('shows customers their own orders, and staff all of them', () => {
    expect(visibilityOf(orders, STAFF)).toBe('all');
    expect(visibilityOf(orders, customer(ADA))).toEqual([{ customerId: ADA }]);
  });

  it('is indexed for each way to page through it, with the id to decide between equals', () => {
    const indexes = getTableConfig(ordersTable).indexes.map(({ config }) =>
      config.columns.map((column) => (column as PgColumn).name).join(', '),
    );
    expect(indexes).toEqual([
      'placed_at, id',
      'total, id',
      'customer_id, placed_at, id',
      'status, placed_at, id',
      'currency, status, total',
    ]);
  });
});
