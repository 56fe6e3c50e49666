import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const VERSIONS = 60;
const OPERATIONS = 200;
const FRAGMENTS = 100;

let token: string;
let note: string;

/** A cursor of another list, with a key that is far longer than any. */
const cursor = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');

/** A document with very many operations, of which one is executed. */
const operations = Array.from({ length: OPERATIONS }, (_, nth) => `query Q${nth} { __typename }`).join(' ');
/** Each fragment spreads the next one. */
const chain = Array.from(
  { length: FRAGMENTS },
  (_, nth) => `fragment F${nth} on Query { ${nth + 1 < FRAGMENTS ? `...F${nth + 1}` : '__typename'} }`,
).join(' ');

export const misses: Attack = {
  name: 'misses',
  description:
    'asks for unknown documents, ids of other types, foreign and huge cursors, old versions, and one of very many operations',
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    note = randomUUID();
    await attacker.command('createNote', { id: note, title: 'Note', content: 'word '.repeat(5_000) }, token);
    await attacker.repeat(1, VERSIONS, (nth) =>
      attacker.command('renameNote', { noteId: note, title: `Name ${nth}` }, token),
    );
  },
  run: (attacker) => {
    const ask = (query: string, variables: object = {}) => attacker.query(query, variables, token);
    const page = 'query ($after: String) { notes(first: 20, after: $after) { nodes { id } } }';
    const tries: readonly ((nth: number) => Promise<unknown>)[] = [
      () =>
        attacker.send(JSON.stringify({ documentId: `sha256:${randomUUID().replaceAll('-', '').repeat(2)}` }), token),
      () =>
        ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
          ids: Array.from({ length: 100 }, () => randomUUID()),
        }),
      () =>
        ask('query ($id: ID!) { order(id: $id) { id } product(id: $id) { id } article(id: $id) { id } }', { id: note }),
      () => ask(page, { after: cursor(['x'.repeat(100_000), randomUUID()]) }),
      () => ask(page, { after: cursor(Array(10_000).fill(0)) }),
      () => ask(page, { after: 'x'.repeat(500_000) }),
      (nth) =>
        ask(
          'query ($id: ID!, $after: String) { note(id: $id) { versions(first: 50, after: $after) { nodes { title content } } } }',
          {
            id: note,
            after: nth % 2 === 0 ? null : cursor([nth]),
          },
        ),
      (nth) => attacker.send(JSON.stringify({ query: operations, operationName: `Q${nth % OPERATIONS}` }), token),
      (nth) => ask(`query { ...F0 a${nth}: __typename } ${chain}`),
    ];
    return attacker.repeat(16, 20_000, (nth) => tries[nth % tries.length]?.(nth) ?? Promise.resolve());
  },
};
