import { sql } from 'drizzle-orm';
import { boolean, customType, index, integer, jsonb, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, historyTable, type RecordedEvent, readTable, searchTextIn } from '../../index.ts';
import { Note, pageAfter, withoutTag, withTag } from './note.ts';

/** In characters. Of a megabyte, which is what Postgres has room for, each word takes its letters and some 6 bytes. */
const LONGEST_SEARCHED = 250_000;

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });

export const notesTable = readTable(
  'notes',
  {
    id: uuid('id').primaryKey(),
    title: text('title').notNull(),
    content: text('content').notNull(),
    /** In the given order. JSON, because Drizzle loses backslashes when it reads arrays of text. */
    tags: jsonb('tags').$type<readonly string[]>().notNull(),
    workspaceId: text('workspace_id').notNull(),
    /** The actor who created it; null if nobody was signed in. */
    authorId: text('author_id'),
    archived: boolean('archived').notNull(),
    /** When the last event occurred. */
    updatedAt: timestamp('updated_at', { precision: 3, withTimezone: true }).notNull(),
    version: integer('version').notNull(),
    /**
     * The words of title and content, without case and accents. The configuration `simple` takes words as they are: a note
     * may be in any language, and stemming and stop words of the wrong language would lose words. Characters that stand for
     * several letters can make a text too long for Postgres: the end of such a text is not searched.
     */
    words: tsvector('words').generatedAlwaysAs(
      sql`to_tsvector('simple', left(${searchTextIn(sql`title || E'\\n' || content`)}, ${sql.raw(String(LONGEST_SEARCHED))}))`,
    ),
  },
  (table) => [
    index('notes_updated_at').on(table.updatedAt, table.id),
    index('notes_workspace_updated_at').on(table.workspaceId, table.updatedAt, table.id),
    index('notes_author_updated_at').on(table.authorId, table.updatedAt, table.id),
    index('notes_tags').using('gin', table.tags.op('jsonb_path_ops')),
    index('notes_words').using('gin', table.words),
  ],
  { history: true },
);
export const notesHistory = historyTable(notesTable);

/** Columns that every event sets. */
const latest = ({ version, occurredAt }: RecordedEvent) => ({ version, updatedAt: occurredAt });

/** Notes are visible to their authors and to staff; notes without an author only to staff. */
export const notes = defineProjection('notes', {
  personal: {
    of: ({ authorId }) => (authorId === null ? null : `customer/${authorId}`),
    columns: ['title', 'content', 'tags', 'workspaceId'],
  },
  description: 'Notes as they are now, with what they are found by.',
  table: notesTable,
  history: true,
  events: Note.events,
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ authorId: actor.id }) },
  on: {
    NoteCreated: (event, { upsert }) => {
      const { streamId: id, data } = event;
      const { title, content, tags, workspaceId, authorId = null } = data;
      return upsert(id, () => ({
        ...{ id, title, content, tags, workspaceId, authorId, archived: false },
        ...latest(event),
      }));
    },
    NoteRenamed: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, title: event.data.title, ...latest(event) })),
    NoteEdited: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, content: event.data.content, ...latest(event) })),
    NoteTagged: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, tags: withTag(row.tags, event.data.tag), ...latest(event) })),
    NoteUntagged: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, tags: withoutTag(row.tags, event.data.tag), ...latest(event) })),
    NoteArchived: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, archived: true, ...latest(event) })),
    NoteRestored: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, archived: false, ...latest(event) })),
    NoteReverted: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, ...pageAfter(row, event.data), ...latest(event) })),
  },
});
