import type { Api } from '../../graphql/index.ts';
import { valueTypes } from '../shared/graphql.ts';
import { products } from './read-models.ts';

export function productsGraphql(api: Api): void {
  const { Money } = valueTypes(api);
  const Product = api.readModel('Product', products, {
    description: 'A product, which is sold.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      sku: t.exposeString('sku', { description: 'Its stock code.' }),
      name: t.exposeString('name', { description: 'The name or title.' }),
      price: t.field({
        type: Money,
        description: 'The current price of one piece.',
        resolve: ({ price, currency }) => ({ amount: price, currency }),
      }),
      stock: t.exposeInt('stock', {
        description: `Number on hand: arrived and not yet shipped, reserved or not. Pieces that imported orders have sold were received
with them and are not shipped here, so they count as on hand.`,
      }),
      reserved: t.exposeInt('reserved', { description: 'Number that is reserved for orders.' }),
      available: t.int({
        description: 'Number that can still be ordered: on hand and not reserved. Never below zero.',
        resolve: ({ stock, reserved }) => stock - reserved,
      }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  api.queryByKey('product', Product, 'A product; null if there is none.');
}
