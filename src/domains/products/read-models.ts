import { bigint, integer, text, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, readTable } from '../../index.ts';
import { Product } from './product.ts';

export const productsTable = readTable('products', {
  id: uuid('id').primaryKey(),
  sku: text('sku').notNull(),
  name: text('name').notNull(),
  /** In minor units of `currency`. */
  price: bigint('price', { mode: 'number' }).notNull(),
  currency: text('currency').notNull(),
  /** On hand, reserved or not. */
  stock: integer('stock').notNull(),
  reserved: integer('reserved').notNull().default(0),
  version: integer('version').notNull(),
});

export const products = defineProjection('products', {
  description: 'Products as they are now.',
  table: productsTable,
  events: Product.events,
  visibleTo: 'everyone',
  on: {
    ProductRegistered: ({ streamId: id, version, data: { sku, name, price } }, { upsert }) =>
      upsert(id, () => ({
        id,
        sku,
        name,
        price: price.amount,
        currency: price.currency,
        stock: 0,
        reserved: 0,
        version,
      })),
    ProductPriceChanged: ({ streamId, version, data: { price } }, { update }) =>
      update(streamId, (row) => ({ ...row, price: price.amount, currency: price.currency, version })),
    StockReceived: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, stock: row.stock + data.quantity, version })),
    StockReserved: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, reserved: row.reserved + data.quantity, version })),
    StockReleased: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, reserved: row.reserved - data.quantity, version })),
    StockShipped: ({ streamId, version, data: { quantity } }, { update }) =>
      update(streamId, (row) => ({
        ...row,
        stock: row.stock - quantity,
        reserved: row.reserved - quantity,
        version,
      })),
  },
});
