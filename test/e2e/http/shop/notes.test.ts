import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { NOTE_FIELDS, readNote } from '../../../support/client/notes.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const TEA = { title: 'Tea', content: 'Black, with milk.', tags: ['drinks'] };

async function create(input: object = {}) {
  return (await accepted(app, 'createNote', { ...TEA, ...input })).aggregateId;
}
/** Issues commands one after the other; answers the note after the last. */
async function noteAfter(noteId: string, ...commands: readonly (readonly [string, object])[]) {
  let token = '';
  for (const [name, input] of commands) ({ token } = await accepted(app, name, { noteId, ...input }));
  return readNote(app, noteId, token);
}

describe('a note', () => {
  it('is there after it was created, in the request that creates it', async () => {
    const id = randomUUID();
    const query = `note(id: "${id}") { ${NOTE_FIELDS} }`;
    const receipt = await app.command<{ note: object }>(
      'createNote',
      { id, ...TEA, workspaceId: 'kitchen' },
      { query },
    );
    expect(receipt).toMatchObject({ __typename: 'CommandReceipt', aggregateId: id, version: 1 });
    expect(receipt.query.note).toMatchObject({
      ...{ id, ...TEA, workspaceId: 'kitchen', authorId: 'developer', archived: false, version: 1, stale: false },
    });
  });

  it('is renamed, edited, tagged, untagged, archived and restored', async () => {
    const id = await create();
    expect(await noteAfter(id, ['renameNote', { title: 'Coffee' }])).toMatchObject({ title: 'Coffee', version: 2 });
    expect(await noteAfter(id, ['editNote', { content: '' }])).toMatchObject({ content: '', version: 3 });
    expect(await noteAfter(id, ['tagNote', { tag: 'hot' }])).toMatchObject({ tags: ['drinks', 'hot'], version: 4 });
    expect(await noteAfter(id, ['untagNote', { tag: 'drinks' }])).toMatchObject({ tags: ['hot'], version: 5 });
    expect(await noteAfter(id, ['archiveNote', {}])).toMatchObject({ archived: true, version: 6 });
    expect(await noteAfter(id, ['restoreNote', {}])).toMatchObject({ archived: false, version: 7, title: 'Coffee' });
  });

  it('stays unchanged if a command changes nothing, and the command is accepted', async () => {
    const noteId = await create();
    const before = await logSize(app.database);
    for (const [name, input] of [
      ['renameNote', { title: 'Tea' }],
      ['editNote', { content: TEA.content }],
      ['tagNote', { tag: 'drinks' }],
      ['untagNote', { tag: 'cold' }],
      ['restoreNote', {}],
      ['revertNote', { version: 1 }],
    ] as const) {
      expect(await app.command(name, { noteId, ...input })).toMatchObject({ __typename: 'CommandReceipt', version: 1 });
    }
    expect(await logSize(app.database)).toEqual(before);
  });

  it('keeps tags and text as they are, whatever is in them', async () => {
    const strange = ['back\\slash', '"quoted"', '{a,b}', 'NULL', '🫖', "o'clock", '%_', 'a\nb'];
    const content = '<b> \\0 \\u0000 \r\n\t 🫖 {"a": null} $1 -- ';
    const id = await create({ title: '\\"{}\'', content, tags: strange });
    expect(await noteAfter(id, ['tagNote', { tag: 'trailing\\' }])).toMatchObject({
      ...{ title: '\\"{}\'', content, tags: [...strange, 'trailing\\'] },
    });
    expect(await noteAfter(id, ['untagNote', { tag: 'back\\slash' }])).toMatchObject({
      tags: [...strange.slice(1), 'trailing\\'],
    });
  });

  it('is answered with a sentence if it does not exist', async () => {
    const noteId = randomUUID();
    for (const [name, input] of [
      ['renameNote', { title: 'a' }],
      ['editNote', { content: 'a' }],
      ['tagNote', { tag: 'a' }],
      ['untagNote', { tag: 'a' }],
      ['archiveNote', {}],
      ['restoreNote', {}],
      ['revertNote', { version: 1 }],
    ] as const) {
      expect(await app.command(name, { noteId, ...input })).toMatchObject({ __typename: 'AggregateNotFound' });
    }
    const { data } = await app.query(`{ note(id: "${noteId}") { id } }`);
    expect(data).toEqual({ note: null });
    expectRequestError(await app.query('{ note(id: "tea") { id } }'), 'BAD_USER_INPUT');
  });

  it('cannot be created twice', async () => {
    const id = await create();
    expect(await app.command('createNote', { id, ...TEA })).toMatchObject({
      ...{ __typename: 'CommandRejected', code: 'NOTE_ALREADY_EXISTS' },
    });
  });
});

describe('undo and redo', () => {
  it('bring a note back and forth, each by a new version', async () => {
    const id = await create();
    await noteAfter(
      id,
      ['renameNote', { title: 'Coffee' }],
      ['editNote', { content: 'Hot.' }],
      ['tagNote', { tag: 'x' }],
    );
    const undone = await noteAfter(id, ['revertNote', { version: 1 }]);
    expect(undone).toMatchObject({ ...TEA, version: 5 });
    expect(await noteAfter(id, ['revertNote', { version: 4 }])).toMatchObject({
      ...{ title: 'Coffee', content: 'Hot.', tags: ['drinks', 'x'], version: 6 },
    });
    expect(await noteAfter(id, ['revertNote', { version: 5 }])).toMatchObject({ ...TEA, version: 7 });
    expect(await noteAfter(id, ['revertNote', { version: 2 }])).toMatchObject({ ...TEA, title: 'Coffee', version: 8 });
  });

  it('leave a note in the archive', async () => {
    const id = await create();
    const note = await noteAfter(
      id,
      ['renameNote', { title: 'Coffee' }],
      ['archiveNote', {}],
      ['revertNote', { version: 1 }],
    );
    expect(note).toMatchObject({ ...TEA, archived: true, version: 4 });
  });

  it('are refused for a version that the note does not have', async () => {
    const noteId = await create();
    const before = await logSize(app.database);
    for (const version of [2, 2 ** 31 - 1]) {
      expect(await app.command('revertNote', { noteId, version })).toMatchObject({
        ...{ __typename: 'CommandRejected', code: 'NOTE_VERSION_NOT_FOUND' },
        message: `The note has no version ${version} yet.`,
      });
    }
    expect(await logSize(app.database)).toEqual(before);
  });

  it('go back beyond a snapshot, and across many versions', async () => {
    const id = await create();
    for (let n = 2; n <= 120; n++) await accepted(app, 'renameNote', { noteId: id, title: `Tea ${n}` });
    for (const [version, title] of [
      [1, 'Tea'],
      [99, 'Tea 99'],
      [100, 'Tea 100'],
      [101, 'Tea 101'],
      [120, 'Tea 120'],
    ] as const) {
      expect(await noteAfter(id, ['revertNote', { version }])).toMatchObject({ title, content: TEA.content });
    }
  });

  it('answer the first receipt again to the same command, whatever happened since', async () => {
    const id = await create();
    await noteAfter(id, ['renameNote', { title: 'Coffee' }]);
    const commandId = randomUUID();
    const revert = () => app.command('revertNote', { noteId: id, version: 1 }, { commandId });
    const first = await revert();
    await noteAfter(id, ['renameNote', { title: 'Cocoa' }]);
    expect(await revert()).toMatchObject({ version: first.version, token: first.token, replayed: true });
    expect(await readNote(app, id, first.token)).toMatchObject({ title: 'Cocoa', version: 4 });
  });

  it('go to what a note was among many who change it at once', async () => {
    const noteId = await create();
    const renames = Array.from({ length: 20 }, (_, n) => app.command('renameNote', { noteId, title: `Tea ${n}` }));
    const reverts = Array.from({ length: 20 }, () => app.command('revertNote', { noteId, version: 1 }));
    const outcomes = await Promise.all([...renames, ...reverts]);
    expect(outcomes.every(({ __typename }) => __typename === 'CommandReceipt')).toBe(true);
    const reverted = await app.database.sql`
      select data->>'title' as title from es.events where stream_id = ${noteId} and type = 'NoteReverted'`;
    expect(reverted.length).toBeGreaterThan(0);
    for (const { title } of reverted) expect(title).toBe('Tea');
  });
});
