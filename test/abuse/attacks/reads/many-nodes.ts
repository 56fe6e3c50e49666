import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 100;
const RENAMES = 150;
const ALIASES = 4;

let token: string;
let ids: readonly string[];

export const manyNodes: Attack = {
  name: 'many-nodes',
  description: `reads ${NOTES} ids under ${ALIASES} aliases of nodes, counts under as many, with another search each time, and the versions of a note of ${RENAMES}`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    ids = Array.from({ length: NOTES }, () => randomUUID());
    await attacker.repeat(8, NOTES, (nth) =>
      attacker.command('createNote', { id: ids[nth], title: `Note ${nth}`, content: 'word '.repeat(200) }, token),
    );
    await attacker.repeat(1, RENAMES, (nth) =>
      attacker.command('renameNote', { noteId: ids[0], title: `Name ${nth}` }, token),
    );
  },
  run: (attacker) => {
    const aliased = (field: (nth: number) => string) =>
      Array.from({ length: ALIASES }, (_, nth) => `a${nth}: ${field(nth)}`).join(' ');
    const nodes = `query ($ids: [ID!]!) { ${aliased(() => 'nodes(ids: $ids) { id ... on Note { title version } }')} }`;
    const counts = (round: number) =>
      `{ ${aliased((nth) => `notes(first: 1, filter: { search: "word ${round} or word${nth}" }) { totalCount }`)} }`;
    const versions =
      'query ($id: ID!) { note(id: $id) { versions(first: 100) { totalCount edges { cursor node { title } } } } }';
    return attacker.repeat(32, 20_000, (nth) => {
      if (nth % 3 === 0) return attacker.query(nodes, { ids }, token);
      if (nth % 3 === 1) return attacker.query(counts(nth), {}, token);
      return attacker.query(versions, { id: ids[0] }, token);
    });
  },
};
