import { z } from 'zod';
import { defineCommand, reject } from '../../index.ts';
import { id } from '../shared/fields.ts';
import { Order, OrderConfirmed, offerTo, PlacedInput, place } from './order.ts';

// Commands on orders that only the application issues. They are not in the API.

export const confirmPaidOrder = defineCommand('confirmPaidOrder', {
  description: `Accepts an order for whose items, as they were at a revision, stock is reserved and the payment authorised. The
fulfilment issues it; it is not in the API.`,
  aggregate: Order,
  input: z.object({ orderId: id('The order.'), revision: z.int() }),
  id: (input) => input.orderId,
  allow: ['system'],
  decide: (order, { revision }) => {
    if (order.revision !== revision) return reject('ORDER_CHANGED', 'The items have changed since.');
    if (order.status === 'CANCELLED') return reject('ORDER_CANCELLED', 'The order was cancelled.');
    return order.status === 'PLACED' ? OrderConfirmed({}) : [];
  },
});

export const recordOrder = defineCommand('recordOrder', {
  description: 'Records an order that was paid and fulfilled elsewhere. For importers; not in the API.',
  aggregate: Order,
  creates: true,
  input: z.object(PlacedInput),
  id: (input) => input.id,
  allow: ['system'],
  gather: offerTo,
  decide: (order, input, offered) => place(order, input, offered, { fulfilled: 'ELSEWHERE', paymentMethod: null }),
});
