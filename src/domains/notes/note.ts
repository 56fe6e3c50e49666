import { z } from 'zod';
import { type Allow, type DataOf, defineAggregate, defineCommand, defineEvent, personal, reject } from '../../index.ts';
import { Id, id, newId, text } from '../shared/fields.ts';
import { customer } from '../shared/person.ts';

/** The workspace of notes that name none. */
export const DEFAULT_WORKSPACE = 'default';

/** The part of a note that undo restores. */
const Page = z.object({
  title: personal(z.string()),
  content: personal(z.string()),
  tags: personal(z.array(z.string())),
});

export const NoteCreated = defineEvent('NoteCreated', {
  description: 'The author is in the data, not only in the metadata, because rules need it.',
  version: 2,
  data: Page.extend({ workspaceId: personal(z.string()), authorId: Id.nullish() }),
  upcast: {
    // There were no workspaces in version 1.
    1: (old) => ({ ...old, workspaceId: DEFAULT_WORKSPACE }),
  },
});
export const NoteRenamed = defineEvent('NoteRenamed', { data: z.object({ title: personal(z.string()) }) });
export const NoteEdited = defineEvent('NoteEdited', { data: z.object({ content: personal(z.string()) }) });
export const NoteTagged = defineEvent('NoteTagged', { data: z.object({ tag: personal(z.string()) }) });
export const NoteUntagged = defineEvent('NoteUntagged', { data: z.object({ tag: personal(z.string()) }) });
export const NoteArchived = defineEvent('NoteArchived', { data: z.object({}) });
export const NoteRestored = defineEvent('NoteRestored', { data: z.object({}) });
export const NoteReverted = defineEvent('NoteReverted', {
  description:
    'Carries what it was brought back to, as far as that is not what it was: a state has only the present title, content and tags.',
  version: 2,
  data: Page.partial().extend({ toVersion: z.int() }),
  upcast: {
    // Version 1 contained the whole page, whether it had changed or not.
    1: (old) => old,
  },
});

export interface NoteState {
  readonly title: string;
  readonly content: string;
  readonly tags: readonly string[];
  readonly exists: boolean;
  readonly archived: boolean;
  /** Null if nobody was signed in. */
  readonly authorId: string | null;
}

/** Adds a tag. */
export const withTag = (tags: readonly string[], tag: string) => [...tags.filter((other) => other !== tag), tag];
/** Removes a tag. */
export const withoutTag = (tags: readonly string[], tag: string) => tags.filter((other) => other !== tag);

/** Title, content and tags after a former version was restored. */
export function pageAfter(
  present: Pick<NoteState, 'title' | 'content' | 'tags'>,
  brought: DataOf<typeof NoteReverted>,
) {
  const { title = present.title, content = present.content, tags = present.tags } = brought;
  return { title, content, tags };
}

export const Note = defineAggregate('Note', {
  description: 'Something written down, with all of its former versions.',
  visibleTo: { staff: 'all', system: 'all', customer: (actor, note) => note.authorId === actor.id },
  subject: ({ authorId }) => (authorId === null ? undefined : customer(authorId)),
  initialState: (): NoteState => ({
    exists: false,
    title: '',
    content: '',
    tags: [],
    archived: false,
    authorId: null,
  }),
  events: {
    NoteCreated,
    NoteRenamed,
    NoteEdited,
    NoteTagged,
    NoteUntagged,
    NoteArchived,
    NoteRestored,
    NoteReverted,
  },
  evolve: {
    NoteCreated: (_, { data: { title, content, tags, authorId } }) => ({
      ...{ exists: true, archived: false, title, content, tags },
      authorId: authorId ?? null,
    }),
    NoteRenamed: (note, { data }) => ({ ...note, title: data.title }),
    NoteEdited: (note, { data }) => ({ ...note, content: data.content }),
    NoteTagged: (note, { data }) => ({ ...note, tags: withTag(note.tags, data.tag) }),
    NoteUntagged: (note, { data }) => ({ ...note, tags: withoutTag(note.tags, data.tag) }),
    NoteArchived: (note) => ({ ...note, archived: true }),
    NoteRestored: (note) => ({ ...note, archived: false }),
    NoteReverted: (note, { data }) => ({ ...note, ...pageAfter(note, data) }),
  },
});

/** The search index can hold a megabyte of words per row, which this many characters never produce. */
export const MAX_CONTENT = 100_000;
export const MAX_TAGS = 50;

const noteId = id('The note.');
const title = text('A title', 200, 'The name or title.');
const content = z
  .string()
  .max(MAX_CONTENT, 'The content must not be longer than 100,000 characters.')
  .describe('The content; may be empty.');
const tag = text('A tag', 50, 'A tag, at most 50 characters; case-sensitive.');
const NoteInput = z.object({ noteId }).meta({ id: 'NoteInput', description: 'A note.' });
const TagNoteInput = z.object({ noteId, tag }).meta({ id: 'TagNoteInput', description: 'A note and a tag.' });

const signedIn: Allow<NoteState, unknown> = ['customer', 'staff', 'system'];
/** Customers can write their own notes. */
const staffOrAuthor: Allow<NoteState, unknown> = {
  staff: true,
  system: true,
  customer: (actor, _, note) => note.authorId === actor.id,
};

export const createNote = defineCommand('createNote', {
  description: 'Creates a note. Its author is the actor who is signed in.',
  aggregate: Note,
  creates: true,
  input: z.object({
    id: newId(),
    title,
    content,
    tags: z
      .array(tag)
      .max(MAX_TAGS, 'A note has at most 50 tags.')
      .nullish()
      .describe('Tags, at most 50; duplicates count once.'),
    workspaceId: text('A workspace', 100, '').nullish().describe('The workspace; `default` by default.'),
  }),
  id: (input) => input.id,
  allow: signedIn,
  gather: async (_, { actor }) => actor?.id ?? null,
  decide: (note, input, authorId) => {
    if (note.exists) return reject('NOTE_ALREADY_EXISTS', 'A note with this id was created before.');
    const { tags, workspaceId } = input;
    return NoteCreated({
      title: input.title,
      content: input.content,
      tags: [...new Set(tags)],
      workspaceId: workspaceId ?? DEFAULT_WORKSPACE,
      authorId,
    });
  },
});

export const renameNote = defineCommand('renameNote', {
  description: "Changes a note's title.",
  aggregate: Note,
  input: z.object({ noteId, title }),
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  decide: (note, input) => (input.title === note.title ? [] : NoteRenamed({ title: input.title })),
});

export const editNote = defineCommand('editNote', {
  description: 'Replaces the content of a note.',
  aggregate: Note,
  input: z.object({ noteId, content }),
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  decide: (note, input) => (input.content === note.content ? [] : NoteEdited({ content: input.content })),
});

export const tagNote = defineCommand('tagNote', {
  description: 'Adds a tag to a note; if the note already has it, nothing happens.',
  aggregate: Note,
  input: TagNoteInput,
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  decide: (note, input) => {
    if (note.tags.includes(input.tag)) return [];
    return note.tags.length >= MAX_TAGS
      ? reject('TOO_MANY_TAGS', 'A note has at most 50 tags; take one off first.')
      : NoteTagged({ tag: input.tag });
  },
});

export const untagNote = defineCommand('untagNote', {
  description: 'Removes a tag from a note; if the note does not have it, nothing happens.',
  aggregate: Note,
  input: TagNoteInput,
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  decide: (note, input) => (note.tags.includes(input.tag) ? NoteUntagged({ tag: input.tag }) : []),
});

export const archiveNote = defineCommand('archiveNote', {
  description: 'Archives a note. It can still be found, changed and restored.',
  aggregate: Note,
  input: NoteInput,
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  decide: (note) => (note.archived ? [] : NoteArchived({})),
});

export const restoreNote = defineCommand('restoreNote', {
  description: 'Restores a note from the archive.',
  aggregate: Note,
  input: NoteInput,
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  decide: (note) => (note.archived ? NoteRestored({}) : []),
});

export const revertNote = defineCommand('revertNote', {
  description:
    'Restores title, content and tags as they were at a version, by a new event: this is undo, and, with a version from before an undo, also redo.',
  aggregate: Note,
  input: z.object({
    noteId,
    version: z
      .int32('A version must be a whole number.')
      .min(1, 'The first version of a note is 1.')
      .describe('The version of the note, from 1 to its present one.'),
  }),
  id: (input) => input.noteId,
  allow: staffOrAuthor,
  gather: async ({ version }, { stateAt }) =>
    (await stateAt(version)) ?? reject('NOTE_VERSION_NOT_FOUND', `The note has no version ${version} yet.`),
  decide: (note, { version }, { title, content, tags }) => {
    const changed = {
      ...(title !== note.title && { title }),
      ...(content !== note.content && { content }),
      ...(!sameTags(tags, note.tags) && { tags: [...tags] }),
    };
    return Object.keys(changed).length === 0 ? [] : NoteReverted({ toVersion: version, ...changed });
  },
});

function sameTags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((tag, index) => tag === b[index]);
}
