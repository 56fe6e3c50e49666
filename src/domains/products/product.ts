import { z } from 'zod';
import { defineAggregate, defineCommand, defineEvent, nonPersonal, reject } from '../../index.ts';
import { Id, id, newId, quantity, text } from '../shared/fields.ts';
import { Money, MoneyInput } from '../shared/money.ts';

export const ProductRegistered = defineEvent('ProductRegistered', {
  data: z.object({ sku: nonPersonal(z.string()), name: nonPersonal(z.string()), price: Money }),
});
export const ProductPriceChanged = defineEvent('ProductPriceChanged', { data: z.object({ price: Money }) });
export const StockReceived = defineEvent('StockReceived', { data: z.object({ quantity: z.int() }) });

const OfOrder = z.object({ orderId: Id, quantity: z.int() });
export const StockReserved = defineEvent('StockReserved', {
  description: 'More pieces are reserved for an order.',
  data: OfOrder,
});
export const StockReleased = defineEvent('StockReleased', {
  description: 'Pieces that were reserved for an order are available again.',
  data: OfOrder,
});
export const StockShipped = defineEvent('StockShipped', {
  description: 'Pieces that were reserved for an order have been shipped.',
  data: OfOrder,
});

export interface ProductState {
  readonly registered: boolean;
  readonly sku: string;
  readonly name: string;
  readonly price: Money;
  /** Number on hand: arrived and not yet shipped, reserved or not. Never below zero. */
  readonly stock: number;
  /** Number reserved for all orders together, never more than the stock. How many for which order, its fulfilment knows. */
  readonly reserved: number;
}

/** Number that can still be ordered. */
export function availableOf({ stock, reserved }: Pick<ProductState, 'stock' | 'reserved'>): number {
  return stock - reserved;
}

export const Product = defineAggregate('Product', {
  description: 'A product, which is sold.',
  visibleTo: 'everyone',
  initialState: (): ProductState => ({
    registered: false,
    sku: '',
    name: '',
    price: { amount: 0, currency: '' },
    stock: 0,
    reserved: 0,
  }),
  snapshot: { stateVersion: 3 },
  events: { ProductRegistered, ProductPriceChanged, StockReceived, StockReserved, StockReleased, StockShipped },
  evolve: {
    ProductRegistered: (state, { data }) => ({ ...state, registered: true, ...data }),
    ProductPriceChanged: (state, { data }) => ({ ...state, price: data.price }),
    StockReceived: (state, { data }) => ({ ...state, stock: state.stock + data.quantity }),
    StockReserved: (state, { data }) => ({ ...state, reserved: state.reserved + data.quantity }),
    StockReleased: (state, { data }) => ({ ...state, reserved: state.reserved - data.quantity }),
    StockShipped: (state, { data: { quantity } }) => ({
      ...state,
      reserved: state.reserved - quantity,
      stock: state.stock - quantity,
    }),
  },
});

/** The largest `Int` of GraphQL and `integer` of Postgres. */
const MAX_STOCK = 2 ** 31 - 1;

export const registerProduct = defineCommand('registerProduct', {
  description: 'Registers a product with its first price and no stock.',
  aggregate: Product,
  creates: true,
  input: z.object({
    id: newId(),
    sku: text('A stock code', 64, 'The stock code, which the warehouse uses.'),
    name: text('A name', 200, 'The name that customers see.'),
    price: MoneyInput,
  }),
  id: (input) => input.id,
  allow: ['staff', 'system'],
  decide: (product, { sku, name, price }) =>
    product.registered
      ? reject('PRODUCT_ALREADY_REGISTERED', 'A product with this id is registered already.')
      : ProductRegistered({ sku, name, price }),
});

export const changeProductPrice = defineCommand('changeProductPrice', {
  description: 'Changes the price from now on, in the same currency. Orders that were placed keep theirs.',
  aggregate: Product,
  input: z.object({ productId: id('The product.'), price: MoneyInput }),
  id: (input) => input.productId,
  allow: ['staff', 'system'],
  decide: (product, { price }) => {
    const { amount, currency } = product.price;
    if (price.currency !== currency) {
      return reject('CURRENCY_MISMATCH', `The product is sold in ${currency}, not in ${price.currency}.`);
    }
    return price.amount === amount ? [] : ProductPriceChanged({ price });
  },
});

export const receiveStock = defineCommand('receiveStock', {
  description: 'Adds received pieces to the stock.',
  aggregate: Product,
  input: z.object({ productId: id('The product.'), quantity: quantity('How many have arrived, 1 to 1,000,000.') }),
  id: (input) => input.productId,
  allow: ['staff', 'system'],
  decide: (product, input) =>
    product.stock + input.quantity > MAX_STOCK
      ? reject('STOCK_TOO_LARGE', `The stock would grow beyond ${MAX_STOCK}; ${product.stock} are there already.`)
      : StockReceived({ quantity: input.quantity }),
});
