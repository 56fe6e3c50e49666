import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const VERSIONS = 200;

let token: string;
let noteId: string;

export const longHistories: Attack = {
  name: 'long-histories',
  description: `reverts a note of ${VERSIONS} versions to early ones, large and small in turn, and reads its audit trail`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    noteId = randomUUID();
    await attacker.command('createNote', { id: noteId, title: 'Large', content: 'é'.repeat(100_000) }, token);
    await attacker.command('editNote', { noteId, content: 'small' }, token);
    await attacker.repeat(1, VERSIONS, (nth) => attacker.command('renameNote', { noteId, title: `${nth}` }, token));
  },
  run: async (attacker) => {
    const staff = await attacker.token('mallory-staff', ['staff']);
    const trail = `{ auditTrail(aggregateId: "${noteId}", first: 100) { edges { node { id } } } }`;
    await attacker.repeat(16, 10_000, (nth) =>
      nth % 4 === 3
        ? attacker.query(trail, {}, staff)
        : attacker.command('revertNote', { noteId, version: (nth % 2) + 1 }, token),
    );
  },
};
