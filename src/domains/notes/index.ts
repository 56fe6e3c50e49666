import { defineDomain } from '../../index.ts';
import { notesGraphql } from './graphql.ts';
import {
  archiveNote,
  createNote,
  editNote,
  Note,
  renameNote,
  restoreNote,
  revertNote,
  tagNote,
  untagNote,
} from './note.ts';
import { notes } from './read-models.ts';

export {
  archiveNote,
  createNote,
  editNote,
  Note,
  renameNote,
  restoreNote,
  revertNote,
  tagNote,
  untagNote,
} from './note.ts';
export { notes } from './read-models.ts';

export const notesDomain = defineDomain({
  name: 'notes',
  aggregates: [Note],
  commands: [createNote, renameNote, editNote, tagNote, untagNote, archiveNote, restoreNote, revertNote],
  projections: [notes],
  graphql: notesGraphql,
});
