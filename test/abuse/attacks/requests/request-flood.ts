import type { Attack } from '../../attack.ts';

export const requestFlood: Attack = {
  name: 'request-flood',
  description: 'sends requests as fast as it can: some valid, some with tokens that are not, some to other paths',
  run: async (attacker) => {
    const forged = `${(await attacker.token('mallory')).slice(0, -6)}AAAAAA`;
    const { token } = await attacker.customer();
    const page = '{ orders(first: 100) { edges { node { id total { amount } items { quantity } } } } }';
    await attacker.repeat(32, 200_000, (nth) => {
      if (nth % 4 === 0) return attacker.query('{ projections { name } }', {}, forged);
      if (nth % 4 === 1) return attacker.query(`{ a${nth}: __typename }`);
      return attacker.query(page, {}, token);
    });
  },
};
