import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readNote } from '../../../support/client/notes.ts';
import { expectAbsent, expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: WITH_AUTH });
const people: Record<string, { token: string; noteId: string }> = {};
let after: string;

beforeAll(async () => {
  const join = async (name: string, token: string) => {
    const receipt = await accepted(app, 'createNote', { title: name, content: 'secret' }, { token });
    people[name] = { token, noteId: receipt.aggregateId };
    after = receipt.token;
  };
  await join('ada', await customerToken(randomUUID()));
  await join('bob', await accessToken('bob@example.org', ['customer']));
  await join('clerk', await staffToken());
});

const of = (name: string) => people[name] as { token: string; noteId: string };
const listed = async (name: string) => {
  const query = '{ notes(filter: { search: "secret" }) { edges { node { title } } } }';
  const options = { token: of(name).token, headers: { 'read-after': after } };
  const answer = await app.query<{ notes: { edges: { node: { title: string } }[] } }>(query, {}, options);
  return answer.data.notes.edges.map(({ node }) => node.title).sort();
};

describe('notes', () => {
  it('are their authors’, and staff see all of them', async () => {
    expect(await listed('ada')).toEqual(['ada']);
    expect(await listed('bob')).toEqual(['bob']);
    expect(await listed('clerk')).toEqual(['ada', 'bob', 'clerk']);
    expect(await readNote(app, of('ada').noteId, after, { token: of('ada').token })).toMatchObject({ title: 'ada' });
    expect(await readNote(app, of('ada').noteId, after, { token: of('bob').token })).toBeNull();
  });

  it('say who wrote them', async () => {
    const note = await readNote(app, of('bob').noteId, after, { token: of('clerk').token });
    expect(note?.authorId).toBe('bob@example.org');
  });

  it('are changed by nobody else but staff', async () => {
    const { noteId, token } = of('ada');
    const before = await logSize(app.database);
    const revert = { noteId, version: 1 };
    for (const [name, input] of [
      ['renameNote', { noteId, title: 'x' }],
      ['tagNote', { noteId, tag: 'x' }],
      ['archiveNote', { noteId }],
      ['revertNote', revert],
    ] as const) {
      expectAbsent(await app.tryCommand(name, input, { token: of('bob').token }), name);
      expectRequestError(await app.tryCommand(name, input), 'UNAUTHENTICATED');
    }
    expect(await logSize(app.database)).toEqual(before);
    await accepted(app, 'renameNote', { noteId, title: 'ada' }, { token });
    await accepted(app, 'tagNote', { noteId, tag: 'seen' }, { token: of('clerk').token });
  });

  it('are for nobody who is not signed in', async () => {
    expectRequestError(await app.tryCommand('createNote', { title: 'x', content: '' }), 'UNAUTHENTICATED');
    expectRequestError(await app.query('{ notes { edges { cursor } } }'), 'UNAUTHENTICATED');
    expectRequestError(await app.query(`{ note(id: "${of('ada').noteId}") { id } }`), 'UNAUTHENTICATED');
  });
});
