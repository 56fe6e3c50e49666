import { describe, expect, it } from 'vitest';
import {
  archiveNote,
  createNote,
  editNote,
  MAX_CONTENT,
  MAX_TAGS,
  Note,
  NoteArchived,
  NoteCreated,
  NoteEdited,
  NoteRenamed,
  NoteRestored,
  NoteReverted,
  NoteTagged,
  NoteUntagged,
  renameNote,
  restoreNote,
  revertNote,
  tagNote,
  untagNote,
} from '../../../src/domains/notes/note.ts';
import type { Actor } from '../../../src/kernel/define/access/actor.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { Command } from '../../../src/kernel/define/command.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { ADA, ADMIN, BOB, customer, STAFF, uuid } from '../fixtures.ts';

const noteId = uuid(31);
const page = { title: 'Tea', content: 'Black, with milk.', tags: ['drinks'] };
const created = NoteCreated({ ...page, workspaceId: 'default', authorId: ADA });
const ofNobody = NoteCreated({ ...page, workspaceId: 'default', authorId: null });

describe('creating a note', () => {
  it('takes who is signed in for its author, and the default workspace', () =>
    given(Note)
      .by(customer(ADA))
      .when(createNote, { id: noteId, ...page })
      .thenEvents(created));

  it('takes another workspace, and each tag once', () =>
    given(Note)
      .by(STAFF)
      .when(createNote, { ...page, title: ' Tea ', tags: ['b', 'a ', 'b', 'B'], workspaceId: 'kitchen' })
      .thenEvents(NoteCreated({ ...page, tags: ['b', 'a', 'B'], workspaceId: 'kitchen', authorId: STAFF.id })));

  it('needs neither content nor tags', () =>
    given(Note)
      .when(createNote, { title: 'Tea', content: '', tags: null, workspaceId: null })
      .thenEvents(NoteCreated({ title: 'Tea', content: '', tags: [], workspaceId: 'default', authorId: null })));

  it('keeps the content as it was typed', () =>
    given(Note)
      .when(createNote, { title: 'Tea', content: '  a\n\n' })
      .thenEvents(NoteCreated({ title: 'Tea', content: '  a\n\n', tags: [], workspaceId: 'default', authorId: null })));

  it('is refused if the id is in use', () =>
    given(Note, [created])
      .when(createNote, { id: noteId, ...page })
      .thenRejected('NOTE_ALREADY_EXISTS'));

  it('names everything that is wrong at once', async () => {
    const tags = ['', 'x'.repeat(51), 'good', 'nul\0'];
    await given(Note)
      .when(createNote, { id: '1', title: ' ', content: 'x'.repeat(MAX_CONTENT + 1), tags, workspaceId: '' })
      .thenInvalid('id', 'title', 'content', 'tags.0', 'tags.1', 'tags.3', 'workspaceId');
    await given(Note)
      .when(createNote, { ...page, tags: Array.from({ length: MAX_TAGS + 1 }, (_, n) => `t${n}`) })
      .thenInvalid('tags');
  });

  it('is for whoever is signed in', async () => {
    for (const actor of [customer(ADA), STAFF, ADMIN, SYSTEM]) {
      const outcome = await given(Note).by(actor).when(createNote, page).outcome();
      expect(outcome).toMatchObject({ kind: 'events', events: [{ data: { authorId: actor.id } }] });
    }
    await given(Note).by(null).when(createNote, page).thenForbidden();
  });
});

describe('changing a note', () => {
  const note = given(Note, [created]);

  it('renames it', () =>
    note.when(renameNote, { noteId, title: ' Coffee ' }).thenEvents(NoteRenamed({ title: 'Coffee' })));
  it('edits it', () => note.when(editNote, { noteId, content: '' }).thenEvents(NoteEdited({ content: '' })));
  it('tags it', () => note.when(tagNote, { noteId, tag: ' hot ' }).thenEvents(NoteTagged({ tag: 'hot' })));
  it('takes a tag off it', () =>
    note.when(untagNote, { noteId, tag: 'drinks' }).thenEvents(NoteUntagged({ tag: 'drinks' })));
  it('archives it', () => note.when(archiveNote, { noteId }).thenEvents(NoteArchived({})));
  it('restores it', () =>
    given(Note, [created, NoteArchived({})])
      .when(restoreNote, { noteId })
      .thenEvents(NoteRestored({})));

  it('does nothing if nothing would change', async () => {
    await note.when(renameNote, { noteId, title: 'Tea' }).thenEvents();
    await note.when(editNote, { noteId, content: page.content }).thenEvents();
    await note.when(tagNote, { noteId, tag: 'drinks' }).thenEvents();
    await note.when(untagNote, { noteId, tag: 'cold' }).thenEvents();
    await note.when(restoreNote, { noteId }).thenEvents();
    await given(Note, [created, NoteArchived({})])
      .when(archiveNote, { noteId })
      .thenEvents();
    await given(Note, [created, NoteUntagged({ tag: 'drinks' })])
      .when(untagNote, { noteId, tag: 'drinks' })
      .thenEvents();
  });

  it('goes on while it is archived', () =>
    given(Note, [created, NoteArchived({})])
      .when(renameNote, { noteId, title: 'Coffee' })
      .thenEvents(NoteRenamed({ title: 'Coffee' })));

  it('stops at fifty tags', async () => {
    const tags = Array.from({ length: MAX_TAGS }, (_, n) => `t${n}`);
    const full = given(Note, [NoteCreated({ ...page, tags, workspaceId: 'default', authorId: ADA })]);
    await full.when(tagNote, { noteId, tag: 'one more' }).thenRejected('TOO_MANY_TAGS');
    await full.when(tagNote, { noteId, tag: 't7' }).thenEvents();
  });
});

describe('going back to a version', () => {
  const past = [
    created,
    NoteRenamed({ title: 'Coffee' }),
    NoteEdited({ content: 'Black.' }),
    NoteTagged({ tag: 'hot' }),
    NoteUntagged({ tag: 'drinks' }),
  ];
  const undone = NoteReverted({ toVersion: 1, ...page });
  const redone = NoteReverted({ toVersion: 5, title: 'Coffee', content: 'Black.', tags: ['hot'] });
  const revert = (version: number) => ({ noteId, version });

  it('brings title, content and tags back to what they were', async () => {
    await given(Note, past).when(revertNote, revert(1)).thenEvents(undone);
    await given(Note, past)
      .when(revertNote, revert(3))
      .thenEvents(NoteReverted({ toVersion: 3, tags: ['drinks'] }));
  });

  it('undoes the undoing, which is a redo', async () => {
    await given(Note, [...past, undone])
      .when(revertNote, revert(5))
      .thenEvents(redone);
    await given(Note, [...past, undone, redone])
      .when(revertNote, revert(6))
      .thenEvents(NoteReverted({ ...undone.data, toVersion: 6 }));
  });

  it('leaves it in the archive or out of it', async () => {
    const archived = [...past, NoteArchived({}), undone];
    await given(Note, archived).when(restoreNote, { noteId }).thenEvents(NoteRestored({}));
    await given(Note, [...past, NoteArchived({}), NoteRestored({})])
      .when(revertNote, revert(6))
      .thenEvents();
  });

  it('does nothing where it is so already', async () => {
    await given(Note, past).when(revertNote, revert(5)).thenEvents();
    await given(Note, [...past, undone])
      .when(revertNote, revert(1))
      .thenEvents();
  });

  it('stores no content that is as it was', async () => {
    const tagged = [created, NoteTagged({ tag: 'hot' })];
    await given(Note, tagged)
      .when(revertNote, revert(1))
      .thenEvents(NoteReverted({ toVersion: 1, tags: page.tags }));
    const brought = [...tagged, NoteReverted({ toVersion: 1, tags: page.tags })];
    await given(Note, brought).when(renameNote, { noteId, title: page.title }).thenEvents();
    await given(Note, brought).when(editNote, { noteId, content: page.content }).thenEvents();
  });

  it('is read as its first schema version stored it, with all of the page', () => {
    expect(NoteReverted.decode({ toVersion: 1, ...page }, 1)).toEqual({ toVersion: 1, ...page });
  });

  it('brings the tags back in their order', async () => {
    const moved = [
      NoteCreated({ ...page, tags: ['a', 'b'], workspaceId: 'default', authorId: ADA }),
      NoteUntagged({ tag: 'a' }),
      NoteTagged({ tag: 'a' }),
    ];
    await given(Note, moved)
      .when(revertNote, revert(1))
      .thenEvents(NoteReverted({ toVersion: 1, tags: ['a', 'b'] }));
  });

  it('is refused for a version that the note does not have yet', async () => {
    const sentence = await given(Note, past).when(revertNote, revert(6)).thenRejected('NOTE_VERSION_NOT_FOUND');
    expect(sentence).toBe('The note has no version 6 yet.');
  });

  it.each([0, -1, 1.5, 2 ** 31])('refuses %s, which is no version', async (version) => {
    await given(Note, past).when(revertNote, revert(version)).thenInvalid('version');
  });
});

describe('every change of a note', () => {
  const changes: [Command, Record<string, unknown>][] = [
    [renameNote, { title: 'Coffee' }],
    [editNote, { content: 'Black.' }],
    [tagNote, { tag: 'hot' }],
    [untagNote, { tag: 'drinks' }],
    [archiveNote, {}],
    [restoreNote, {}],
    [revertNote, { version: 1 }],
  ];

  it.each(changes)('$name needs a note, and an id that is one', async (command, rest) => {
    await given(Note)
      .when(command, { noteId, ...rest })
      .thenNotFound();
    await given(Note, [created])
      .when(command, { noteId: 'x', ...rest })
      .thenInvalid('noteId');
  });

  it.each(changes)('$name is for staff, for the application, and for its author', async (command, rest) => {
    const kindFor = async (actor: Actor | null, past = created) =>
      (
        await given(Note, [past])
          .by(actor)
          .when(command, { noteId, ...rest })
          .outcome()
      ).kind;
    for (const actor of [STAFF, ADMIN, SYSTEM, customer(ADA)]) expect(await kindFor(actor)).toBe('events');
    for (const actor of [customer(BOB), null]) expect(await kindFor(actor)).toBe('forbidden');
    expect(await kindFor(customer(ADA), ofNobody)).toBe('forbidden');
  });
});

describe('a note from the time before workspaces', () => {
  it('is in the workspace `default`', () => {
    expect(NoteCreated.decode(page, 1)).toEqual({ ...page, workspaceId: 'default' });
    expect(NoteCreated.decode({ ...page, authorId: ADA }, 1)).toEqual(created.data);
  });
});
