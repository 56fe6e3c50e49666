import { v5 as uuidv5 } from 'uuid';
import { ADDRESS } from '../../../support/client/shop.ts';
import type { Attack } from '../../attack.ts';

let productId: string | undefined;

export const commandIdGuesses: Attack = {
  name: 'command-id-guesses',
  description: 'orders, and uses the command ids that a process could derive from the order for commands of its own',
  prepare: async (attacker) => {
    const staff = await attacker.token('mallory-staff', ['staff']);
    const product = { sku: 'GUESSED', name: 'Thing', price: { amount: 100, currency: 'GBP' } };
    const { body } = await attacker.command('registerProduct', product, staff);
    productId = /"aggregateId":"([^"]+)"/.exec(body)?.[1];
    await attacker.command('receiveStock', { productId, quantity: 1_000_000 }, staff);
  },
  run: async (attacker) => {
    const { id: customerId, token } = await attacker.customer();
    const names = ['fulfilment', 'fulfilment paymentDue', 'fulfilment paymentOverdue', 'payment', 'payment answer'];
    await attacker.repeat(4, 4_000, async (nth) => {
      const items = [{ productId, quantity: 1 }];
      await attacker.command('placeOrder', { customerId, items, shippingAddress: ADDRESS }, token);
      for (const name of names) {
        const guess = uuidv5(`${name} ${new Date(Date.now() + nth).toISOString()}`, customerId);
        await attacker.command('renameCustomer', { customerId, name: 'Mallory' }, token, guess);
      }
    });
  },
};
