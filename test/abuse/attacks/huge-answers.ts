import { randomUUID } from 'node:crypto';
import type { Attack } from '../attack.ts';
import type { Attacker } from '../attacker.ts';

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
    const fields = Array.from(
      { length: ALIASES },
      (_, n) => `a${n}: notes(first: ${NOTES}) { edges { node { content } } }`,
    );
    await attacker.repeat(6, 300, () => attacker.query(`{ ${fields.join(' ')} }`, {}, token));
  },
};
