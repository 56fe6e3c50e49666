import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  archiveNote,
  createNote,
  editNote,
  notes,
  notesDomain,
  renameNote,
  revertNote,
  tagNote,
} from '../../../src/domains/notes/index.ts';
import { MAX_CONTENT } from '../../../src/domains/notes/note.ts';
import { beginRebuild } from '../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { anAppend, receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { expectedRows, rowsOf } from '../../support/kernel/rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const openEngine = useEngine(database, [notesDomain]);

async function caughtUp({ log, projector }: TestEngine): Promise<void> {
  const { position } = await log.head();
  expect(await projector.positions.reached('notes', position, { timeoutMs: 30_000 })).toBe(true);
}
const idsFor = async (search: string) =>
  (await database.sql`select id from read.notes_v1 where words @@ websearch_to_tsquery('simple', ${search})`).map(
    ({ id }) => id,
  );
const create = async ({ bus }: TestEngine, title: string, content: string, rest: object = {}) =>
  receiptOf(await bus.execute(createNote, { title, content, ...rest }, system)).aggregateId;

/** A note as it was stored before there were workspaces. */
const ofVersion1 = (streamId: string) =>
  anAppend({
    streamType: 'Note',
    streamId,
    events: [
      {
        type: 'NoteCreated',
        schemaVersion: 1,
        data: { title: 'Old', content: 'Written long ago.', tags: ['a'], authorId: 'ada' },
      },
    ],
  });

describe('a note that was stored before there were workspaces', () => {
  it('is read, shown, changed and brought back as one of the workspace `default`, and stays stored as it was', async () => {
    const engine = await openEngine({ start: true });
    const { bus, log } = engine;
    const noteId = randomUUID();
    const [outcome] = await log.append([ofVersion1(noteId)]);
    expect(outcome).toMatchObject({ outcome: 'accepted', version: 1 });
    await caughtUp(engine);
    const rows = () => rowsOf(engine.database.reader.db, notes);
    const old = { title: 'Old', content: 'Written long ago.', tags: ['a'], authorId: 'ada', workspaceId: 'default' };
    expect(await rows()).toMatchObject([{ id: noteId, ...old, version: 1 }]);

    receiptOf(
      await bus.execute(
        renameNote,
        { noteId, title: 'New' },
        { actor: { id: 'ada', roles: ['customer'], claims: {} } },
      ),
    );
    receiptOf(await bus.execute(revertNote, { noteId, version: 1 }, system));
    await caughtUp(engine);
    expect(await rows()).toMatchObject([{ id: noteId, ...old, version: 3 }]);
    const [first] = await database.sql`select schema_version, data from es.events where version = 1`;
    expect(first).toEqual({
      schema_version: 1,
      data: { title: 'Old', content: 'Written long ago.', tags: ['a'], authorId: 'ada' },
    });
    await create(engine, 'Newer', '', { workspaceId: 'kitchen' });
    const [newest] = await database.sql`select schema_version from es.events order by position desc limit 1`;
    expect(newest?.schema_version).toBe(2);
    expect(engine.faults).toEqual([]);
  });
});

describe('the table of notes', () => {
  it('is what the fold makes of the log, and after a rebuild the same, words and indexes included', async () => {
    const engine = await openEngine({ start: true });
    const { bus, log, projector, database: pools } = engine;
    const ids = await Promise.all(
      ['Tea', 'Coffee', 'Cocoa'].map((title, n) => create(engine, title, `${title} is hot.`, { tags: [`t\\${n}`] })),
    );
    await log.append([ofVersion1(randomUUID())]);
    for (const [n, noteId] of ids.entries()) {
      await bus.execute(renameNote, { noteId, title: `Cold ${n}` }, system);
      await bus.execute(tagNote, { noteId, tag: 'x' }, system);
      if (n > 0) await bus.execute(archiveNote, { noteId }, system);
      if (n > 1) await bus.execute(revertNote, { noteId, version: 1 }, system);
    }
    await caughtUp(engine);
    const events = await log.read(0, 1000);
    expect(await rowsOf(pools.reader.db, notes)).toEqual(expectedRows(notes, events));

    const table = () => database.sql`select * from read.notes_v1 order by id`;
    const shape = () => database.sql`
      select pg_get_indexdef(indexrelid) as definition from pg_index where indrelid = 'read.notes_v1'::regclass
      union all
      select concat_ws(' ', attname, format_type(atttypid, atttypmod), attgenerated, pg_get_expr(adbin, adrelid))
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attrelid = 'read.notes_v1'::regclass and attnum > 0 and not attisdropped
      order by 1`;
    const oid = async () => (await database.sql`select 'read.notes_v1'::regclass::oid::int as oid`)[0]?.oid;
    const [rowsBefore, shapeBefore, oidBefore] = [await table(), await shape(), await oid()];
    expect(rowsBefore.every(({ words }) => words.length > 0)).toBe(true);
    expect(await projector.verify(notes as never, {})).toMatchObject({
      rows: 4,
      counts: { missing: 0, extra: 0, different: 0 },
    });
    expect(await beginRebuild(pools.owner.db, notes as never)).toBe('begun');
    await until(async () => (await oid()) !== oidBefore);
    expect(await table()).toEqual(rowsBefore);
    expect(await shape()).toEqual(shapeBefore);

    await bus.execute(editNote, { noteId: ids[0] as string, content: 'A zebra.' }, system);
    await caughtUp(engine);
    expect(await idsFor('zebra cold')).toEqual([ids[0]]);
    expect(await idsFor('hot')).toHaveLength(2);
    expect(engine.faults).toEqual([]);
  });

  it('takes the largest note, whatever it is full of', async () => {
    const engine = await openEngine({ start: true });
    const fill = (word: (n: number) => string) => {
      let text = '';
      for (let n = 0; text.length < MAX_CONTENT; n++) text += word(n);
      const cut = text.slice(0, MAX_CONTENT);
      return cut.isWellFormed() ? cut : `${cut.slice(0, -1)} `;
    };
    const han = (n: number) => String.fromCodePoint(0x4e00 + (n % 20_000));
    const rare = (n: number) => String.fromCodePoint(0x20000 + (n % 40_000));
    const contents = [
      fill((n) => `${n} `),
      fill((n) => `${han(n)} `),
      fill((n) => `${rare(n)} `),
      fill((n) => `${han(n)}-${han(n * 7)} `),
      fill((n) => `${n.toString(36)}-${(n * 7).toString(36)}-x `),
      fill((n) => `${n.toString(36)}.de/${n.toString(36)} `),
      fill((n) => `a@${n.toString(36)}.de `),
      fill(() => 'x'),
      fill(() => han(1)),
      fill(() => ' '),
    ];
    const ids = [];
    for (const content of contents) ids.push(await create(engine, 'Big', content));
    await caughtUp(engine);
    const [row] = await database.sql`
      select count(*)::int as notes, max(length(words))::int as words, bool_and(stale_since is null) as whole from read.notes_v1`;
    expect(row).toMatchObject({ notes: contents.length, whole: true });
    expect(row?.words).toBeGreaterThan(10_000);
    expect((await idsFor('big')).sort()).toEqual(ids.sort());
    expect(engine.faults).toEqual([]);
  });

  it('is searched by its index', async () => {
    const engine = await openEngine({ start: true });
    await database.sql`
      insert into read.notes_v1 (id, title, content, tags, workspace_id, archived, updated_at, version, last_position)
      select gen_random_uuid(), 'Note ' || n, 'word' || n, jsonb_build_array('tag' || n), 'default', false, now(), 1, n
      from generate_series(1, 5000) n`;
    await database.sql`analyze read.notes_v1`;
    const plan = async (condition: string) =>
      JSON.stringify(
        await database.sql.unsafe(`explain (format json) select id from read.notes_v1 where ${condition}`),
      );
    expect(await plan(`words @@ websearch_to_tsquery('simple', 'word77')`)).toContain('notes_words');
    expect(await plan(`tags @> '["tag77"]'::jsonb`)).toContain('notes_tags');
    expect(await plan(`workspace_id = 'default' order by updated_at desc, id desc limit 21`)).toContain('_updated_at');
    expect(engine.faults).toEqual([]);
  });
});
