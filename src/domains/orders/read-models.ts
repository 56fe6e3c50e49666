import { bigint, index, integer, jsonb, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, historyTable, type RecordedEvent, readTable, searchText } from '../../index.ts';
import type { Address } from '../shared/address.ts';
import { ORDER_STATUSES, Order } from './order.ts';
import { type OrderItem, totalOf, withItem, withoutItem } from './order-items.ts';

export const ordersTable = readTable(
  'orders',
  {
    id: uuid('id').primaryKey(),
    status: text('status', { enum: ORDER_STATUSES }).notNull(),
    customerId: uuid('customer_id').notNull(),
    items: jsonb('items').$type<readonly OrderItem[]>().notNull(),
    /** The sum of the quantities. */
    itemCount: integer('item_count').notNull(),
    /** In minor units of `currency`. */
    total: bigint('total', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    shippingAddress: jsonb('shipping_address').$type<Address>().notNull(),
    carrier: text('carrier'),
    trackingNumber: text('tracking_number'),
    cancellationReason: text('cancellation_reason'),
    placedAt: timestamp('placed_at', { precision: 3, withTimezone: true }).notNull(),
    /** When the last event occurred. */
    updatedAt: timestamp('updated_at', { precision: 3, withTimezone: true }).notNull(),
    version: integer('version').notNull(),
    /**
     * Folded by `searchText`, one value per line: the items' stock codes and names, the carrier and the tracking
     * number.
     */
    searchText: text('search_text').notNull(),
  },
  (table) => [
    index('orders_placed_at').on(table.placedAt, table.id),
    index('orders_total').on(table.total, table.id),
    index('orders_customer_placed_at').on(table.customerId, table.placedAt, table.id),
    index('orders_status_placed_at').on(table.status, table.placedAt, table.id),
    // The total comes last so that statistics are read from the index alone.
    index('orders_currency_status').on(table.currency, table.status, table.total),
  ],
  { history: true },
);
export const ordersHistory = historyTable(ordersTable);

/**
 * Columns that follow from the items. Items change only before shipping, so the search text of the parcel is appended
 * to theirs.
 */
const itemColumns = (items: readonly OrderItem[]) => ({
  items,
  itemCount: items.reduce((count, item) => count + item.quantity, 0),
  total: totalOf(items),
  searchText: lines(...items.flatMap(({ sku, name }) => [sku, name])),
});
const lines = (...words: readonly string[]) => searchText(words.join('\n'));

/** Columns that every event sets. */
const latest = ({ version, occurredAt }: RecordedEvent) => ({ version, updatedAt: occurredAt });

export const orders = defineProjection('orders', {
  personal: {
    of: ({ customerId }) => `customer/${customerId}`,
    columns: ['shippingAddress', 'carrier', 'trackingNumber', 'cancellationReason', 'searchText'],
  },
  description: 'Orders as they are now, with what they are listed, sorted and found by.',
  table: ordersTable,
  history: true,
  // 3: the search text has no accents.
  version: 3,
  events: Order.events,
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ customerId: actor.id }) },
  on: {
    OrderPlaced: (event, { upsert }) => {
      const { streamId: id, data, occurredAt } = event;
      return upsert(id, () => ({
        id,
        status: 'PLACED',
        customerId: data.customerId,
        ...itemColumns(data.items),
        currency: data.items[0]?.unitPrice.currency ?? '',
        shippingAddress: data.shippingAddress,
        carrier: null,
        trackingNumber: null,
        cancellationReason: null,
        placedAt: occurredAt,
        ...latest(event),
      }));
    },
    OrderItemAdded: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, ...itemColumns(withItem(row.items, event.data)), ...latest(event) })),
    OrderItemRemoved: (event, { update }) =>
      update(event.streamId, (row) => {
        const items = withoutItem(row.items, event.data.productId);
        return { ...row, ...itemColumns(items), ...latest(event) };
      }),
    OrderConfirmed: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, status: 'CONFIRMED', ...latest(event) })),
    OrderShipped: (event, { update }) =>
      update(event.streamId, (row) => {
        const { carrier, trackingNumber } = event.data;
        const found = lines(row.searchText, carrier, trackingNumber);
        return { ...row, status: 'SHIPPED', carrier, trackingNumber, searchText: found, ...latest(event) };
      }),
    OrderDelivered: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, status: 'DELIVERED', ...latest(event) })),
    OrderCancelled: (event, { update }) =>
      update(event.streamId, (row) => {
        return { ...row, status: 'CANCELLED', cancellationReason: event.data.reason, ...latest(event) };
      }),
  },
});
