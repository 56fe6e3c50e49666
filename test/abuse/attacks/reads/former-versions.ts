import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';

const VERSIONS = 400;
const ALIASES = 25;

let token: string;
let noteId: string;

export const formerVersions: Attack = {
  name: 'former-versions',
  description: `reads a note of ${VERSIONS} versions as it was at each of them, ${ALIASES} at a time, and pages through them backwards`,
  prepare: async (attacker) => {
    ({ token } = await attacker.customer());
    noteId = randomUUID();
    await attacker.command('createNote', { id: noteId, title: 'Old', content: 'x'.repeat(2_000) }, token);
    await attacker.repeat(8, VERSIONS, (nth) =>
      attacker.command('editNote', { noteId, content: `${nth} `.repeat(500) }, token),
    );
  },
  run: async (attacker) => {
    const backwards = 'query ($id: ID!) { note(id: $id) { versions(last: 100) { nodes { title content } } } }';
    await attacker.repeat(32, 20_000, (nth) => {
      if (nth % 4 === 0) return attacker.query(backwards, { id: noteId }, token);
      const version = (alias: number) => 1 + ((nth * ALIASES + alias) % VERSIONS);
      const fields = Array.from(
        { length: ALIASES },
        (_, alias) => `a${alias}: noteAsOf(id: $id, version: ${version(alias)}) { title content }`,
      );
      return attacker.query(`query ($id: ID!) { ${fields.join(' ')} }`, { id: noteId }, token);
    });
  },
};
