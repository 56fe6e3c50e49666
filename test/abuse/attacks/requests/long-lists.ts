import type { Attack } from '../../attack.ts';

const ALIASES = 25;
const LENGTH = 180_000;

export const longLists: Attack = {
  name: 'long-lists',
  description: `asks for orders by a list of ${LENGTH.toLocaleString('en')} states, under ${ALIASES} aliases`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const fields = Array.from({ length: ALIASES }, (_, n) => `a${n}: orders(filter: $filter) { edges { cursor } }`);
    const query = `query ($filter: OrderFilter) { ${fields.join(' ')} }`;
    const body = (length: number) =>
      JSON.stringify({ query, variables: { filter: { status: Array.from({ length }, () => 'PLACED') } } });
    // The last one is as long as a list may be.
    const bodies = [LENGTH, LENGTH / 4, 1_000].map(body);
    await attacker.repeat(4, 2_000, (nth) => attacker.send(bodies[nth % bodies.length] as string, token));
  },
};
