import { expect, it } from 'vitest';
import { accepted } from '../../../support/client/shop.ts';
import { accessToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

/** Points that one actor may spend in ten seconds. */
const POINTS = 18;
/** Reading and answering it costs 9 points or more. */
const CONTENT = 'x'.repeat(80_000);

const app = useApp({ fulfils: false, env: { ...WITH_AUTH, OPERATIONS_PER_ACTOR: String(POINTS) } });
const open = useTransports(app);

interface Titled {
  readonly live: { readonly note: { readonly title: string } };
}

it('each execution of a live query counts as the fields at its root, however little it reads', async () => {
  const [author, reader] = await Promise.all(['writer', 'watcher'].map((name) => accessToken(name, ['staff'])));
  const { aggregateId: id, token: after } = await accepted(
    app,
    'createNote',
    { title: '0', content: '' },
    { token: author },
  );
  const fields = Array.from({ length: POINTS }, (_, nth) => `n${nth}: note(id: $id) { title }`).join(' ');
  const query = `subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { ${fields} } }`;
  const feed = open('WebSocket', { token: reader }).subscribe<{ live: { n0: { title: string } } }>(query, {
    id,
    after,
  });
  expect((await feed.data()).live.n0.title).toBe('0');
  const { errors } = await app.query('{ __typename }', {}, { token: reader });
  expect(errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
});

it('what a live query reads and answers counts as operations of the one who pays for it', async () => {
  const [author, editor, reader] = await Promise.all(
    ['author', 'editor', 'reader'].map((name) => accessToken(name, ['staff'])),
  );
  const { aggregateId: id, token: after } = await accepted(
    app,
    'createNote',
    { title: 'Long', content: CONTENT },
    { token: author },
  );
  const query =
    'subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { note(id: $id) { title content } } }';
  const feed = open('WebSocket', { token: reader }).subscribe<Titled>(query, { id, after });
  await feed.data();
  await accepted(app, 'renameNote', { noteId: id, title: 'Longer' }, { token: editor });
  expect((await feed.data()).live.note.title).toBe('Longer');
  const { errors } = await app.query('{ __typename }', {}, { token: reader });
  expect(errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
});
