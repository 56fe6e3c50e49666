import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 8;
const CHANGES = 6_000;

let token: string;
let noteIds: string[] = [];

export const smallChanges: Attack = {
  name: 'small-changes',
  description: `tags and untags ${NOTES} notes of 100,000 characters, ${CHANGES.toLocaleString('en')} times`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    noteIds = [];
    for (let nth = 0; nth < NOTES; nth++) {
      const content = Array.from({ length: 100_000 }, () => String.fromCharCode(attacker.random.between(97, 122))).join(
        '',
      );
      const { body } = await attacker.command(
        'createNote',
        { title: 'Long', content, workspaceId: randomUUID() },
        token,
      );
      noteIds.push(/"aggregateId":"([^"]+)"/.exec(body)?.[1] ?? '');
    }
  },
  run: (attacker) =>
    attacker.repeat(32, CHANGES, (nth) => {
      const noteId = noteIds[nth % NOTES];
      return attacker.command(nth % 16 < 8 ? 'tagNote' : 'untagNote', { noteId, tag: `tag${nth % 5}` }, token);
    }),
};
