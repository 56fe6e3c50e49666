import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

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
    const notes = (n: number) => `n${n}: notes(filter: { search: $search }, first: ${n + 1}) { edges { cursor } }`;
    const orders = (n: number) => `o${n}: orders(filter: { search: $search }, first: ${n + 1}) { edges { cursor } }`;
    const others = [
      'customers(filter: { search: $search }) { edges { cursor } totalCount }',
      'products(filter: { search: $search }) { edges { cursor } totalCount }',
      'authors(search: $search) { edges { cursor } totalCount }',
    ];
    const body = (fields: readonly string[]) =>
      JSON.stringify({ query: `query ($search: String) { ${fields.join(' ')} }`, variables: { search } });
    const many = Array.from({ length: FIELDS }, (_, n) => [notes(n), orders(n)]).flat();
    // The others ask for less, up to what is allowed.
    const bodies = [
      ...[body(many), body([notes(0)]), body([orders(0)]), body([notes(0), notes(1), orders(0), orders(1)])],
      ...[body(others), ...others.map((field) => body([field]))],
    ];
    await attacker.repeat(10, 4_000, (nth) =>
      attacker.send(bodies[nth % bodies.length] as string, token, { leavesAfterMs: 100 }),
    );
  },
};
