import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 100;
const ALIASES = 8;

let token: string;

export const hugeAnswers: Attack = {
  name: 'huge-answers',
  description: `reads ${NOTES} notes of 100,000 control characters under ${ALIASES} aliases, six queries at once`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    const content = '\u0001'.repeat(99_000);
    const workspaceId = randomUUID();
    await attacker.repeat(4, NOTES, () =>
      attacker.command('createNote', { title: 'Noise', content, workspaceId }, token),
    );
  },
  run: async (attacker) => {
    const query = (aliases: number, first: number) => {
      const fields = Array.from(
        { length: aliases },
        (_, n) => `a${n}: notes(first: ${first}) { edges { node { content } } }`,
      );
      return `{ ${fields.join(' ')} }`;
    };
    // The others ask for less, up to what is allowed.
    const queries = [query(ALIASES, NOTES), query(1, NOTES), query(1, 50), query(1, 15), query(ALIASES, 2)];
    await attacker.repeat(6, 2_000, (nth) => attacker.query(queries[nth % queries.length] as string, {}, token));
  },
};
