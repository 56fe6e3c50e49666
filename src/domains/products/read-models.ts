import { bigint, integer, text, uuid } from 'drizzle-orm/pg-core';
import { defineProjection } from '../../kernel/define/projection.ts';
import { readTable } from '../../kernel/define/read-table.ts';
import { Product } from './product.ts';

export const productsTable = readTable('products', {
  id: uuid('id').primaryKey(),
  sku: text('sku').notNull(),
  name: text('name').notNull(),
  /** In minor units of `currency`. */
  price: bigint('price', { mode: 'number' }).notNull(),
  currency: text('currency').notNull(),
  stock: integer('stock').notNull(),
  version: integer('version').notNull(),
});

export const products = defineProjection('products', {
  description: 'Products as they are now.',
  table: productsTable,
  events: Product.events,
  visibleTo: 'everyone',
  on: {
    ProductRegistered: ({ streamId: id, version, data: { sku, name, price } }, { upsert }) =>
      upsert(id, () => ({ id, sku, name, price: price.amount, currency: price.currency, stock: 0, version })),
    ProductPriceChanged: ({ streamId, version, data: { price } }, { update }) =>
      update(streamId, (row) => ({ ...row, price: price.amount, currency: price.currency, version })),
    StockReceived: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, stock: row.stock + data.quantity, version })),
  },
});
