import { bigint, boolean, index, integer, text, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, readTable, searchText, sortText } from '../../index.ts';
import { Product } from './product.ts';

export const productsTable = readTable(
  'products',
  {
    id: uuid('id').primaryKey(),
    sku: text('sku').notNull(),
    name: text('name').notNull(),
    /** In minor units of `currency`. */
    price: bigint('price', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    /** On hand, reserved or not. */
    stock: integer('stock').notNull(),
    /** Whether any are on hand. A column of its own, because lists are filtered by it and sorted by something else. */
    inStock: boolean('in_stock').notNull(),
    reserved: integer('reserved').notNull().default(0),
    version: integer('version').notNull(),
    /** The key by which lists are sorted by name. */
    sortName: text('sort_name').notNull(),
    /** Folded by `searchText`: the stock code and the name, in a line each. */
    searchText: text('search_text').notNull(),
  },
  (table) => [
    index('products_name').on(table.sortName, table.id),
    index('products_price').on(table.price, table.id),
    index('products_in_stock_name').on(table.inStock, table.sortName, table.id),
    index('products_in_stock_price').on(table.inStock, table.price, table.id),
    index('products_currency_price').on(table.currency, table.price, table.id),
  ],
);

/** Columns that follow from the number on hand. */
const onHand = (stock: number) => ({ stock, inStock: stock > 0 });

export const products = defineProjection('products', {
  description: 'Products as they are now, with what they are listed, sorted and found by.',
  table: productsTable,
  // 2: lists need a name to sort by, a text to search in, and whether there is stock.
  version: 2,
  events: Product.events,
  visibleTo: 'everyone',
  on: {
    ProductRegistered: ({ streamId: id, version, data: { sku, name, price } }, { put }) =>
      put(id, () => ({
        id,
        sku,
        name,
        price: price.amount,
        currency: price.currency,
        ...onHand(0),
        reserved: 0,
        version,
        sortName: sortText(name),
        searchText: searchText(`${sku}\n${name}`),
      })),
    ProductPriceChanged: ({ streamId, version, data: { price } }, { update }) =>
      update(streamId, (row) => ({ ...row, price: price.amount, currency: price.currency, version })),
    StockReceived: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, ...onHand(row.stock + data.quantity), version })),
    StockReserved: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, reserved: row.reserved + data.quantity, version })),
    StockReleased: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, reserved: row.reserved - data.quantity, version })),
    StockShipped: ({ streamId, version, data: { quantity } }, { update }) =>
      update(streamId, (row) => ({
        ...row,
        ...onHand(row.stock - quantity),
        reserved: row.reserved - quantity,
        version,
      })),
  },
});
