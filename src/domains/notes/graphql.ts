import { eq, type SQL, sql } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { MAX_CONTENT } from './note.ts';
import { notes, notesTable } from './read-models.ts';

const MAX_SEARCH = 1000;

interface Filter {
  readonly workspaceId?: string | null | undefined;
  readonly tag?: string | null | undefined;
  readonly archived?: boolean | null | undefined;
  readonly search?: string | null | undefined;
}

export function notesGraphql(api: Api): void {
  const { builder } = api;
  const Note = api.readModel('Note', notes, {
    description: 'Something written down.',
    bytes: MAX_CONTENT,
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      title: t.exposeString('title', { description: 'What it is called.' }),
      content: t.exposeString('content', { description: 'What it says.' }),
      tags: t.field({
        type: ['String'],
        description: 'Words to find it by, in the order in which they were given.',
        resolve: ({ tags }) => [...tags],
      }),
      workspaceId: t.exposeString('workspaceId', { description: 'Whose notes it belongs to.' }),
      authorId: t.exposeID('authorId', {
        nullable: true,
        description: 'Who wrote it; null where nobody was signed in or it is not known.',
      }),
      archived: t.exposeBoolean('archived', { description: 'Whether it was put out of the way.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects: see `revertNote`.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    }),
  });
  const NoteConnection = api.connection('Note', Note);
  const NoteFilter = builder.inputType('NoteFilter', {
    description: 'Notes for which all that is given holds.',
    fields: (t) => ({
      workspaceId: t.string({ description: 'Of this workspace.' }),
      tag: t.string({ description: 'With this tag.' }),
      archived: t.boolean({ description: 'Only archived ones, or only others; both unless told.' }),
      search: t.string({
        description: `Full text, over title and content, in any case: whole words, all of which occur; "…" for a phrase, or between
alternatives, - before what must not occur. What has no word in it is found nowhere.`,
      }),
    }),
  });

  api.queryByKey('note', Note, 'A note; null where there is none that you may see.');
  api.queryAsOf(
    'noteAsOf',
    Note,
    `The note as it was at that time, or at that version; exactly one of the two. Null before it was created, and where there is none
that you may see.`,
  );
  builder.queryField('notes', (t) =>
    t.field({
      type: NoteConnection,
      description: 'Notes that you may see, by their last change, newest first.',
      args: { ...api.pageArguments(t), filter: t.arg({ type: NoteFilter, description: 'Only these.' }) },
      resolve: (_, { filter, ...args }, { rows }) =>
        rows.page(notes, {
          args,
          sortBy: notesTable.updatedAt,
          direction: 'desc',
          where: conditions(filter ?? {}, api),
        }),
    }),
  );
}

function conditions({ workspaceId, tag, archived, search }: Filter, api: Api): (SQL | undefined)[] {
  const { tags, words } = notesTable;
  const found = api.storableText(search ?? '', 'A search').trim();
  if (found.length > MAX_SEARCH) api.refuse(`A search is at most ${MAX_SEARCH} characters long.`);
  return [
    workspaceId != null ? eq(notesTable.workspaceId, api.storableText(workspaceId, 'A workspace')) : undefined,
    tag != null ? sql`${tags} @> ${JSON.stringify([api.storableText(tag, 'A tag')])}::jsonb` : undefined,
    archived != null ? eq(notesTable.archived, archived) : undefined,
    found ? sql`${words} @@ websearch_to_tsquery('simple', ${found})` : undefined,
  ];
}
