import { eq, gte, lte, type SQL } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { containsText } from '../../index.ts';
import { valueTypes } from '../shared/graphql.ts';
import { MoneyInput } from '../shared/money.ts';
import { products, productsTable } from './read-models.ts';

const SORTS = {
  NAME_ASC: { sortBy: productsTable.sortName, direction: 'asc' },
  PRICE_ASC: { sortBy: productsTable.price, direction: 'asc' },
  PRICE_DESC: { sortBy: productsTable.price, direction: 'desc' },
} as const;

interface ProductFilterInput {
  readonly search?: string | null | undefined;
  readonly inStock?: boolean | null | undefined;
  readonly priceFrom?: MoneyInput | null | undefined;
  readonly priceUpTo?: MoneyInput | null | undefined;
}

export function productsGraphql(api: Api): void {
  const { builder } = api;
  const { Money } = valueTypes(api);
  const Product = api.readModel('Product', products, {
    node: true,
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
  const ProductConnection = api.connection('Product', Product);
  const ProductFilter = builder.inputType('ProductFilter', {
    description: 'Filters products; all given conditions must hold.',
    fields: (t) => ({
      search: t.string({
        description:
          'All of these words, in any case and also within longer words, occur in the stock code or the name.',
      }),
      inStock: t.boolean({ description: 'Only products of which some are on hand, or only others; by default both.' }),
      priceFrom: t.field({
        type: api.inputOf(MoneyInput),
        description: 'For this price or more, in this currency.',
      }),
      priceUpTo: t.field({
        type: api.inputOf(MoneyInput),
        description: 'For this price or less, in this currency.',
      }),
    }),
  });
  const ProductSort = builder.enumType('ProductSort', {
    description: 'A sort order of products; equal ones are sorted by id.',
    values: {
      NAME_ASC: { description: 'By name, without regard to case and accents.' },
      PRICE_ASC: { description: 'The cheapest first, whatever the currency.' },
      PRICE_DESC: { description: 'The most expensive first, whatever the currency.' },
    } as const,
  });

  api.queryByKey('product', Product, 'A product; null if there is none.');
  api.subscriptionToRow('productUpdated', Product, 'The product now, and again each time its read model changes.');
  builder.queryField('products', (t) =>
    t.field({
      type: ProductConnection,
      nullable: true,
      description: 'Products.',
      args: {
        ...api.pageArguments(t),
        filter: t.arg({ type: ProductFilter, description: 'Only these.' }),
        sort: t.arg({ type: ProductSort, description: 'NAME_ASC by default.' }),
      },
      resolve: (_, { filter, sort, ...args }, { rows }, info) => {
        const where = conditions(filter ?? {}, api);
        return rows.page(products, { args, ...SORTS[sort ?? 'NAME_ASC'], where, info });
      },
    }),
  );
}

function conditions(filter: ProductFilterInput, api: Api): (SQL | undefined)[] {
  const { search, inStock } = filter;
  const from = filter.priceFrom == null ? undefined : api.checked(MoneyInput, filter.priceFrom);
  const upTo = filter.priceUpTo == null ? undefined : api.checked(MoneyInput, filter.priceUpTo);
  if (from && upTo && from.currency !== upTo.currency) {
    api.refuse(`A price is from and up to amounts of one currency, not of ${from.currency} and ${upTo.currency}.`);
  }
  const currency = from?.currency ?? upTo?.currency;
  return [
    inStock == null ? undefined : eq(productsTable.inStock, inStock),
    currency === undefined ? undefined : eq(productsTable.currency, currency),
    from && gte(productsTable.price, from.amount),
    upTo && lte(productsTable.price, upTo.amount),
    ...api.searchWords(search).map((word) => containsText(productsTable.searchText, word)),
  ];
}
