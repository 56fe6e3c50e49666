import { z } from 'zod';
import { defineCommand, reject } from '../../index.ts';
import { id, MAX_QUANTITY } from '../shared/fields.ts';
import { availableOf, Product, type ProductState, StockReleased, StockReserved, StockShipped } from './product.ts';

// The effects of an order on the stock. Only the fulfilment of the order issues these commands; they are not in the API.
// It knows how many pieces of each product are reserved for its order. The product only knows their sum, so that its
// state stays small, however many orders are open.

/** Several lines of an order may have the same product, so the sum may exceed the limit of one line. */
const MAX_OF_ORDER = 1000 * MAX_QUANTITY;

const OfOrder = z.object({
  productId: id('The product.'),
  orderId: id('The order.'),
  quantity: z.int().min(1).max(MAX_OF_ORDER),
});

export const reserveStock = defineCommand('reserveStock', {
  description: 'Sets more pieces aside for an order. Never more than there are.',
  aggregate: Product,
  input: OfOrder,
  id: (input) => input.productId,
  allow: ['system'],
  decide: (product, { orderId, quantity }) => {
    const available = availableOf(product);
    if (quantity > available) {
      return reject('OUT_OF_STOCK', `${product.sku}: ${quantity} more are wanted, and ${available} are available.`);
    }
    return StockReserved({ orderId, quantity });
  },
});

export const releaseStock = defineCommand('releaseStock', {
  description: 'Gives back pieces that are set aside for an order.',
  aggregate: Product,
  input: OfOrder,
  id: (input) => input.productId,
  allow: ['system'],
  decide: (product, { orderId, quantity }) => unlessReserved(product, quantity) ?? StockReleased({ orderId, quantity }),
});

export const shipStock = defineCommand('shipStock', {
  description: 'Pieces that are set aside for an order have left the house.',
  aggregate: Product,
  input: OfOrder,
  id: (input) => input.productId,
  allow: ['system'],
  decide: (product, { orderId, quantity }) => unlessReserved(product, quantity) ?? StockShipped({ orderId, quantity }),
});

/** The rejection of a fulfilment that is wrong about what it holds. */
function unlessReserved({ sku, reserved }: ProductState, quantity: number) {
  if (quantity <= reserved) return undefined;
  return reject('NOT_RESERVED', `${sku}: ${quantity} would be taken, and ${reserved} are reserved for all orders.`);
}
