import { eq, type SQL, sql } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { searchTextIn } from '../../index.ts';
import { MAX_CONTENT } from './note.ts';
import { notes, notesTable } from './read-models.ts';

interface NoteFilterInput {
  readonly workspaceId?: string | null | undefined;
  readonly tag?: string | null | undefined;
  readonly archived?: boolean | null | undefined;
  readonly search?: string | null | undefined;
}

export function notesGraphql(api: Api): void {
  const { builder } = api;
  const Note = api.readModel('Note', notes, {
    node: true,
    description: 'A note.',
    bytes: MAX_CONTENT,
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      title: t.exposeString('title', { description: 'The name or title.' }),
      content: t.exposeString('content', { description: 'The content.' }),
      tags: t.field({
        type: ['String'],
        description: 'Tags in the given order.',
        extensions: api.columns(notes, 'tags'),
        resolve: ({ tags }) => [...tags],
      }),
      workspaceId: t.exposeString('workspaceId', { description: 'The workspace.' }),
      authorId: t.exposeID('authorId', {
        nullable: true,
        description: "The author's id; null if nobody was signed in or it is unknown.",
      }),
      archived: t.exposeBoolean('archived', { description: 'Whether it is archived.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects: see `revertNote`.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    }),
  });
  const NoteConnection = api.connection('Note', Note);
  const NoteFilter = builder.inputType('NoteFilter', {
    description: 'Filters notes; all given conditions must hold.',
    fields: (t) => ({
      workspaceId: t.string({ description: 'Of this workspace.' }),
      tag: t.string({ description: 'Notes with this tag.' }),
      archived: t.boolean({ description: 'Only archived notes, or only others; by default both.' }),
      search: t.string({
        description: `Full-text search in title and content, ignoring case: whole words, all of which must occur; "…" for a phrase, or between
alternatives, - before a word that must not occur. A search without a word finds nothing.`,
      }),
    }),
  });

  api.queryByKey('note', Note, 'A note; null if there is none that you may see.');
  const NoteVersion = api.versions('NoteVersion', Note, {
    id: 'noteId',
    description: 'A note as it was from `validFrom` until `validUntil`.',
  });
  api.queryAsOf(
    'noteAsOf',
    NoteVersion,
    `The note as it was at that time, or at that version; exactly one of the two. Null before it was created, and if there is none
that you may see.`,
  );
  api.subscriptionToRow('noteUpdated', Note, 'The note now, and again each time its read model changes.');
  builder.queryField('notes', (t) =>
    t.field({
      type: NoteConnection,
      description: 'Notes that you may see, by their last change, newest first.',
      args: { ...api.pageArguments(t), filter: t.arg({ type: NoteFilter, description: 'Only these.' }) },
      resolve: (_, { filter, ...args }, { rows }, info) =>
        rows.page(notes, {
          args,
          info,
          sortBy: notesTable.updatedAt,
          direction: 'desc',
          where: conditions(filter ?? {}, api),
        }),
    }),
  );
}

function conditions({ workspaceId, tag, archived, search }: NoteFilterInput, api: Api): (SQL | undefined)[] {
  const { tags, words } = notesTable;
  const found = api.searchWords(search).join(' ');
  return [
    workspaceId != null ? eq(notesTable.workspaceId, api.storableText(workspaceId, 'A workspace')) : undefined,
    tag != null ? sql`${tags} @> ${JSON.stringify([api.storableText(tag, 'A tag')])}::jsonb` : undefined,
    archived != null ? eq(notesTable.archived, archived) : undefined,
    // As a subquery it is evaluated once, not for each row.
    found ? sql`${words} @@ (select websearch_to_tsquery('simple', ${searchTextIn(sql`${found}::text`)}))` : undefined,
  ];
}
