import { randomUUID } from 'node:crypto';
import type { Attack } from '../attack.ts';
import type { Attacker } from '../attacker.ts';

const NOTES = 200;
const FIELDS = 10;

let token: string;

export const expensiveSearches: Attack = {
  name: 'expensive-searches',
  description: 'searches with 2 kB of words that fit nearly everything, and leaves before the answer',
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    const workspaceId = randomUUID();
    const words = Array.from({ length: 6_000 }, (_, n) => `word${n % 400}`).join(' ');
    await attacker.repeat(4, NOTES, (nth) =>
      attacker.command('createNote', { title: `Note ${nth}`, content: words, workspaceId }, token),
    );
  },
  run: async (attacker) => {
    const search = Array.from({ length: 220 }, (_, n) => `word${n}`).join(' ');
    const notes = Array.from(
      { length: FIELDS },
      (_, n) => `a${n}: notes(filter: { search: $search }, first: ${n + 1}) { edges { cursor } }`,
    );
    const orders = Array.from(
      { length: FIELDS },
      (_, n) => `o${n}: orders(filter: { search: $search }) { edges { cursor } }`,
    );
    const body = JSON.stringify({
      query: `query ($search: String) { ${notes.join(' ')} ${orders.join(' ')} }`,
      variables: { search },
    });
    await attacker.repeat(10, 2_000, () => attacker.send(body, token, { leavesAfterMs: 100 }));
  },
};
