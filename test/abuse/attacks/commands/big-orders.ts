import { ADDRESS } from '../../../support/client/shop.ts';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const LINES = 1_000;
const ORDERS = 20;

let productIds: string[] = [];

export const bigOrders: Attack = {
  name: 'big-orders',
  description: `places ${ORDERS} orders of ${LINES.toLocaleString('en')} lines`,
  prepare: async (attacker: Attacker) => {
    const staff = await attacker.token('mallory-staff', ['staff']);
    productIds = [];
    await attacker.repeat(8, LINES, async (nth) => {
      const product = { sku: `BIG-${nth}`, name: `Thing ${nth}`, price: { amount: 100, currency: 'GBP' } };
      const { body } = await attacker.command('registerProduct', product, staff);
      const productId = /"aggregateId":"([^"]+)"/.exec(body)?.[1];
      if (!productId) throw new Error(`A product was not registered: ${body}`);
      await attacker.command('receiveStock', { productId, quantity: 1_000_000 }, staff);
      productIds.push(productId);
    });
  },
  run: async (attacker) => {
    const { id: customerId, token } = await attacker.customer();
    const items = productIds.map((productId) => ({ productId, quantity: 1 }));
    await attacker.repeat(4, ORDERS, () =>
      attacker.command('placeOrder', { customerId, items, shippingAddress: ADDRESS }, token),
    );
    await attacker.ended();
  },
};
