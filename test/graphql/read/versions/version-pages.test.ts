import { expect, it } from 'vitest';
import { createNote, notes, notesDomain, tagNote } from '../../../../src/domains/notes/index.ts';
import { ReadModels } from '../../../../src/graphql/read/read-models.ts';
import { Rows } from '../../../../src/graphql/read/rows.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [notesDomain]);
const staff = { id: 'staff', roles: ['staff'], claims: {} } as const;

/** A note with three versions. */
async function noteWithVersions(engine: TestEngine): Promise<string> {
  const { aggregateId } = receiptOf(await engine.bus.execute(createNote, { title: 'One', content: '' }, system));
  for (const tag of ['x', 'y']) await tagged(engine, aggregateId, tag);
  return aggregateId;
}

async function tagged({ bus, projector }: TestEngine, noteId: string, tag: string): Promise<void> {
  const { position } = receiptOf(await bus.execute(tagNote, { noteId, tag }, system));
  await projector.positions.reached('notes', position);
}

it('versions begin with the row as it was read, whatever has happened to it since', async () => {
  const engine = await openEngine({ start: true });
  const id = await noteWithVersions(engine);
  const rows = new Rows(new ReadModels(engine.database.reader.db), staff);
  const row = await rows.byKey(notes, id);
  if (!row) throw new Error('There is no note.');
  await tagged(engine, id, 'z');
  const list = await rows.versions(notes, row, { args: {} });
  expect(list.edges.map(({ node }) => [node.version, node.tags])).toEqual([
    [3, ['x', 'y']],
    [2, ['x']],
    [1, []],
  ]);
  expect(list.edges[0]?.node).toBe(row);
  expect(await list.totalCount()).toBe(3);
});

it('a row that nobody knows the beginning of is no version, and its list is stale', async () => {
  const engine = await openEngine({ start: true });
  const id = await noteWithVersions(engine);
  await database.sql`update read.notes_v1 set held_from = null`;
  let isStale = false;
  const rows = new Rows(new ReadModels(engine.database.reader.db), staff, {
    onStale: () => {
      isStale = true;
    },
  });
  const row = await rows.byKey(notes, id);
  if (!row) throw new Error('There is no note.');
  expect(isStale).toBe(false);
  const list = await rows.versions(notes, row, { args: {} });
  expect(list.edges.map(({ node }) => node.version)).toEqual([2, 1]);
  expect(await list.totalCount()).toBe(2);
  expect(isStale).toBe(true);
  expect(await rows.asOf(notes, id, { version: 3 })).toBeNull();
});

it('a page of versions is found by the index of versions, however many there are', async () => {
  const engine = await openEngine({ start: true });
  const id = await noteWithVersions(engine);
  const sql = database.sql;
  await sql`
    insert into read.notes_history_v1 (id, title, content, tags, workspace_id, archived, updated_at, version,
      from_position, until_position, held_from, held_until)
    select ${id}, 'Old', '', '[]'::jsonb, 'w', false, now(), -n, -n, -n + 1, now(), now() from generate_series(1, 20000) n`;
  await sql`analyze read.notes_history_v1`;
  const [plan] = await sql`
    explain (format json) select * from read.notes_history_v1 former where former.id = ${id} and former.from_position < 3
      and (former.version, former.from_position) < (-10000, -10000) order by former.version desc, former.from_position desc limit 21`;
  const text = JSON.stringify(plan);
  expect(text).toContain('notes_history_version');
  expect(text).not.toContain('Seq Scan');
});
