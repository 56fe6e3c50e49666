import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';

export const largeNotes: Attack = {
  name: 'large-notes',
  description: 'writes notes of 100,000 characters, 100 at a time, and touches each of them again',
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const content = 'é'.repeat(100_000);
    await attacker.repeat(100, 3_000, async () => {
      const { body } = await attacker.command(
        'createNote',
        { title: 'Large', content, workspaceId: randomUUID() },
        token,
      );
      const noteId = /"aggregateId":"([^"]+)"/.exec(body)?.[1];
      if (noteId) await attacker.command('renameNote', { noteId, title: 'Larger' }, token);
    });
  },
};
