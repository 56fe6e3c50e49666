import type { Attack } from '../../attack.ts';

/** One of the documents that the server is given, see documents.json. */
const documentId = 'list-orders';

export const hugeVariables: Attack = {
  name: 'huge-variables',
  description: 'sends a trusted document by its id, with variables as large as they may be, and larger',
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const variables: readonly object[] = [
      // Nearly a megabyte of text, all of it allowed.
      Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`v${n}`, 'é'.repeat(50_000)])),
      // The maximum number of values in a body, in lists of the maximum length.
      Object.fromEntries(Array.from({ length: 19 }, (_, n) => [`v${n}`, Array(1_000).fill(n)])),
      { filter: { status: Array.from({ length: 1_000 }, () => 'PLACED') } },
      Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => ['x'.repeat(90) + n, { a: { b: { c: [n] } } }])),
      { filter: Array(300_000).fill(0) },
    ];
    const bodies = variables.map((each) => JSON.stringify({ documentId, variables: each }));
    await attacker.repeat(16, 10_000, (nth) => attacker.send(bodies[nth % bodies.length] as string, token));
  },
};
