import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';

export const borrowedIdentities: Attack = {
  name: 'borrowed-identities',
  description: "probes for others' ids, and sends others' commands again under their command ids",
  run: async (attacker) => {
    const victim = await attacker.customer();
    const { token } = await attacker.customer();
    const commandId = randomUUID();
    const input = { owner: victim.id, currency: 'GBP', id: randomUUID() };
    await attacker.command('openAccount', input, victim.token, commandId);
    await attacker.repeat(8, 20_000, (nth) => {
      if (nth % 3 === 0) return attacker.command('openAccount', input, token, commandId);
      if (nth % 3 === 1) return attacker.command('renameCustomer', { customerId: victim.id, name: 'M' }, token);
      return attacker.command('renameCustomer', { customerId: randomUUID(), name: 'M' }, token);
    });
  },
};
