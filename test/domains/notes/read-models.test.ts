import { describe, expect, it } from 'vitest';
import {
  Note,
  NoteArchived,
  NoteCreated,
  NoteEdited,
  NoteRenamed,
  NoteRestored,
  NoteReverted,
  NoteTagged,
  NoteUntagged,
} from '../../../src/domains/notes/note.ts';
import { notes } from '../../../src/domains/notes/read-models.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, BOB, customer, STAFF, uuid, visibilityOf } from '../fixtures.ts';

const [TEA, LIST] = [uuid(31), uuid(32)];
const tea = NoteCreated({ title: 'Tea', content: 'Black.', tags: ['a'], workspaceId: 'kitchen', authorId: ADA });
const list = NoteCreated({ title: 'List', content: '', tags: [], workspaceId: 'default' });

describe('the read model of notes', () => {
  it('has a row for each note, as it is now, and when it last changed', () => {
    const both = recorded(Note, LIST, [list], recorded(Note, TEA, [tea]));
    const changed = [NoteRenamed({ title: 'Coffee' }), NoteEdited({ content: 'Hot.' }), NoteTagged({ tag: 'b' })];
    const log = recorded(Note, TEA, [...changed, NoteUntagged({ tag: 'a' })], both);
    expect(givenEvents(log).project(notes)).toEqual([
      {
        id: TEA,
        title: 'Coffee',
        content: 'Hot.',
        tags: ['b'],
        workspaceId: 'kitchen',
        authorId: ADA,
        archived: false,
        updatedAt: log[5]?.occurredAt,
        version: 5,
      },
      {
        id: LIST,
        title: 'List',
        content: '',
        tags: [],
        workspaceId: 'default',
        authorId: null,
        archived: false,
        updatedAt: log[1]?.occurredAt,
        version: 1,
      },
    ]);
  });

  it('shows whether a note is archived', () => {
    const archived = recorded(Note, TEA, [NoteArchived({})], recorded(Note, TEA, [tea]));
    expect(givenEvents(archived).project(notes)).toMatchObject([{ archived: true, version: 2 }]);
    const restored = recorded(Note, TEA, [NoteRestored({})], archived);
    expect(givenEvents(restored).project(notes)).toMatchObject([{ archived: false, version: 3 }]);
  });

  it('shows what a note was brought back to', () => {
    const page = { title: 'Tea', content: 'Black.', tags: ['a'] };
    const changed = [tea, NoteEdited({ content: '' }), NoteTagged({ tag: 'b' }), NoteArchived({})];
    const log = recorded(Note, TEA, [...changed, NoteReverted({ toVersion: 1, ...page })]);
    expect(givenEvents(log).project(notes)).toMatchObject([{ ...page, archived: true, version: 5 }]);
    const partly = recorded(Note, TEA, [...changed, NoteReverted({ toVersion: 2, tags: ['a'] })]);
    expect(givenEvents(partly).project(notes)).toMatchObject([{ ...page, content: '', version: 5 }]);
  });

  it('shows customers their own notes, and staff all of them', () => {
    expect(visibilityOf(notes, STAFF)).toBe('all');
    expect(visibilityOf(notes, customer(BOB))).toEqual([{ authorId: BOB }]);
  });
});
