import { z } from 'zod';
import { defineCommand, reject } from '../../index.ts';
import { id, MAX_QUANTITY } from '../shared/fields.ts';
import { availableOf, Product, StockReleased, StockReserved, StockShipped } from './product.ts';
import { heldFor } from './reservations.ts';

// The effects of an order on the stock. Only the application issues these commands; they are not in the API. Each
// states the wanted reservation, not the change, so that repeating one changes nothing.

const productId = id('The product.');
const orderId = id('The order.');
const OfOrder = z.object({ productId, orderId });

export const reserveStock = defineCommand('reserveStock', {
  description: 'Sets so many in all aside for an order: more than before, or less. Never more than there is.',
  aggregate: Product,
  input: z.object({
    productId,
    orderId,
    // Several lines of an order may have the same product, so the sum may exceed the limit of one line.
    quantity: z
      .int()
      .min(1)
      .max(1000 * MAX_QUANTITY),
  }),
  id: (input) => input.productId,
  allow: ['system'],
  decide: (product, { orderId, quantity }) => {
    const more = quantity - heldFor(product.reservations, orderId);
    if (more === 0) return [];
    if (more < 0) return StockReleased({ orderId, quantity: -more });
    const available = availableOf(product);
    if (more > available) {
      return reject('OUT_OF_STOCK', `${product.sku}: ${more} more are wanted, and ${available} are available.`);
    }
    return StockReserved({ orderId, quantity: more });
  },
});

export const releaseStock = defineCommand('releaseStock', {
  description: 'Gives back what is set aside for an order.',
  aggregate: Product,
  input: OfOrder,
  id: (input) => input.productId,
  allow: ['system'],
  decide: ({ reservations }, { orderId }) => {
    const quantity = heldFor(reservations, orderId);
    return quantity === 0 ? [] : StockReleased({ orderId, quantity });
  },
});

export const shipStock = defineCommand('shipStock', {
  description: 'What is set aside for an order has left the house.',
  aggregate: Product,
  input: OfOrder,
  id: (input) => input.productId,
  allow: ['system'],
  decide: ({ reservations }, { orderId }) => {
    const quantity = heldFor(reservations, orderId);
    return quantity === 0 ? [] : StockShipped({ orderId, quantity });
  },
});
