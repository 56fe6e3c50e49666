import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, openShop, receiveStock, registerProduct } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';
import { readAll } from './list.ts';

const app = useApp();
const PRODUCTS = { field: 'products', variables: '$filter: ProductFilter $sort: ProductSort', shows: 'sku' };
const gbp = (amount: number) => ({ amount, currency: 'GBP' });

let after: string;
const ids: Record<string, string> = {};
beforeAll(async () => {
  const products = [
    ['TEA-1', 'white Teapot', gbp(1999)],
    ['TEA-2', 'Ébony teapot', gbp(2500)],
    ['CUP-1', 'Cup', gbp(500)],
    ['CUP-2', 'cup and saucer', { amount: 700, currency: 'EUR' }],
    ['GIFT', 'Gift card', gbp(0)],
  ] as const;
  for (const [sku, name, price] of products) {
    ids[sku] = (await registerProduct(app, { sku, name, price })).aggregateId;
  }
  for (const sku of ['TEA-1', 'CUP-2']) ({ token: after } = await receiveStock(app, ids[sku] as string, 3));
});
const list = (values: object) => readAll(app, PRODUCTS, { ...values }, { after });

describe('a list of products', () => {
  it.each([
    ['by name, without regard to case and accents', {}, ['CUP-1', 'CUP-2', 'TEA-2', 'GIFT', 'TEA-1']],
    ['by name on request', { sort: 'NAME_ASC' }, ['CUP-1', 'CUP-2', 'TEA-2', 'GIFT', 'TEA-1']],
    ['by price', { sort: 'PRICE_ASC' }, ['GIFT', 'CUP-1', 'CUP-2', 'TEA-1', 'TEA-2']],
    ['by price, the highest first', { sort: 'PRICE_DESC' }, ['TEA-2', 'TEA-1', 'CUP-2', 'CUP-1', 'GIFT']],
  ])('is sorted %s', async (_, values, expected) => {
    expect(await list(values)).toEqual(expected);
  });

  it.each([
    ['what is on hand', { inStock: true }, ['CUP-2', 'TEA-1']],
    ['what is not', { inStock: false }, ['CUP-1', 'TEA-2', 'GIFT']],
    ['a price and more', { priceFrom: gbp(500) }, ['CUP-1', 'TEA-2', 'TEA-1']],
    ['a price and less', { priceUpTo: gbp(500) }, ['CUP-1', 'GIFT']],
    ['a range of prices', { priceFrom: gbp(1), priceUpTo: gbp(1999) }, ['CUP-1', 'TEA-1']],
    ['another currency', { priceFrom: { amount: 0, currency: 'EUR' } }, ['CUP-2']],
    ['words of a name, without accents', { search: 'POT ebony' }, ['TEA-2']],
    ['words of stock code and name', { search: 'tea-1 white' }, ['TEA-1']],
    ['all conditions at once', { search: 'cup', inStock: false, priceFrom: gbp(1) }, ['CUP-1']],
    ['nothing that is said', { search: null, inStock: null, priceFrom: null, priceUpTo: null }, null],
  ])('is filtered by %s', async (_, filter, expected) => {
    expect(await list({ filter })).toEqual(expected ?? (await list({})));
  });

  it('keeps a product that is sold out but not yet shipped among those that are on hand', async () => {
    const { customerId } = await openShop(app);
    const productId = (await registerProduct(app, { sku: 'ONE', name: 'Only one' })).aggregateId;
    await receiveStock(app, productId, 1);
    const shippingAddress = { line1: '1', city: 'London', postalCode: 'N1', country: 'GB' };
    await accepted(app, 'placeOrder', { customerId, items: [{ productId, quantity: 1 }], shippingAddress });
    const query = `{ products(filter: { search: "only", inStock: true }) { edges { node { stock available } } } }`;
    await until(async () => {
      const { data } = await app.query<{ products: { edges: { node: object }[] } }>(query);
      const [product] = data.products.edges;
      return JSON.stringify(product?.node) === JSON.stringify({ stock: 1, available: 0 });
    });
  });

  it.each([
    [
      'prices of two currencies',
      '{ priceFrom: { amount: 1, currency: "GBP" }, priceUpTo: { amount: 2, currency: "EUR" } }',
    ],
    ['a price below zero', '{ priceFrom: { amount: -1, currency: "GBP" } }'],
    ['a currency that is none', '{ priceUpTo: { amount: 1, currency: "pounds" } }'],
    ['a price without currency', '{ priceUpTo: { amount: 1 } }'],
  ])('refuses %s', async (_, filter) => {
    expectRequestError(await app.query(`{ products(filter: ${filter}) { edges { cursor } } }`), 'BAD_USER_INPUT');
  });
});
