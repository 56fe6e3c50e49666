import { ADDRESS } from '../../../support/client/shop.ts';
import type { Attack } from '../../attack.ts';

const CARDS = ['tok_timeout', 'tok_uncertain', 'tok_lost', 'tok_late', 'tok_capture_declined', 'tok_unknown'];

/** Their payments are asked for again and again, and the run ends when nothing is left to be done: more would only make it longer. */
const MOST_ORDERS = 300;

export const unpaidOrders: Attack = {
  name: 'unpaid-orders',
  description:
    'orders with cards whose payments never end, fail, or are lost, as fast as it can, and cancels some of the orders',
  run: async (attacker) => {
    const { id, token } = await attacker.customer();
    const { body } = await attacker.query('{ products(first: 1) { nodes { id } } }', {}, token);
    const productId = /"id":"([^"]+)"/.exec(body)?.[1];
    await attacker.repeat(16, MOST_ORDERS, async (nth) => {
      const input = {
        customerId: id,
        items: [{ productId, quantity: 1 }],
        shippingAddress: ADDRESS,
        paymentMethod: CARDS[nth % CARDS.length],
      };
      const placed = await attacker.command('placeOrder', input, token);
      const orderId = /"aggregateId":"([^"]+)"/.exec(placed.body)?.[1];
      if (nth % 3 === 0 && orderId) await attacker.command('cancelOrder', { orderId, reason: 'No' }, token);
    });
  },
};
