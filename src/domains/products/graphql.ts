import type { Api } from '../../graphql/index.ts';
import { valueTypes } from '../shared/graphql.ts';
import { products } from './read-models.ts';

export function productsGraphql(api: Api): void {
  const { Money } = valueTypes(api);
  const Product = api.readModel('Product', products, {
    description: 'Something that is sold.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      sku: t.exposeString('sku', { description: 'Its stock code.' }),
      name: t.exposeString('name', { description: 'What it is called.' }),
      price: t.field({
        type: Money,
        description: 'What one costs now.',
        resolve: ({ price, currency }) => ({ amount: price, currency }),
      }),
      stock: t.exposeInt('stock', {
        description: `How many are on hand: what has arrived and has not been shipped, reserved or not. What imported orders have sold
was received with them and is not shipped here: it counts as on hand.`,
      }),
      reserved: t.exposeInt('reserved', { description: 'How many of them are set aside for orders.' }),
      available: t.int({
        description: 'How many can still be ordered: what is on hand and not reserved. Never below zero.',
        resolve: ({ stock, reserved }) => stock - reserved,
      }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  api.queryByKey('product', Product, 'A product; null where there is none.');
}
