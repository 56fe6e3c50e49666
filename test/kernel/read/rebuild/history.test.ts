import { beforeEach, describe, expect, it } from 'vitest';
import { createNote, notes, notesDomain, renameNote } from '../../../../src/domains/notes/index.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { beginRebuild, cancelRebuild } from '../../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { expectedHistory, historyOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [notesDomain]);
const projection = notes as unknown as Projection;

let engine: TestEngine;
let noteId: string;

beforeEach(async () => {
  engine = await openEngine({ start: true });
  noteId = receiptOf(await engine.bus.execute(createNote, { title: '0', content: '' }, system)).aggregateId;
  for (let n = 1; n < 10; n++) await rename(String(n));
});

async function rename(title: string): Promise<void> {
  const { position } = receiptOf(await engine.bus.execute(renameNote, { noteId, title }, system));
  await engine.projector.positions.reached('notes', position);
}

/** The history matches the log. */
async function expectWhole(): Promise<void> {
  const events = await engine.log.read(0, 1000);
  const { position } = await engine.log.head();
  await engine.projector.positions.reached('notes', position);
  expect(await historyOf(engine.database.projector.db, projection)).toEqual(expectedHistory(projection, events));
}

const shadows = async () =>
  (await database.sql`select tablename as name from pg_tables where tablename like 'notes%\\_\\_%' order by 1`).map(
    ({ name }) => name,
  );
const oid = async () => (await database.sql`select 'read.notes_history_v1'::regclass::oid::int as oid`)[0]?.oid;

describe('a rebuild', () => {
  it('fills the former versions again and puts them in place together with the rows', async () => {
    const shape = () => database.sql`
      select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as what from pg_index where indrelid = 'read.notes_history_v1'::regclass
      union all select 'rights', relacl::text from pg_class where oid = 'read.notes_history_v1'::regclass order by 1`;
    await expectWhole();
    const [before, was] = [await oid(), [...(await shape())]];
    await database.sql`update read.notes_history_v1 set title = 'x' where version = 3`;
    await database.sql`delete from read.notes_history_v1 where version = 4`;
    await beginRebuild(engine.database.owner.db, projection);
    await until(async () => (await oid()) !== before && (await shadows()).length === 0);
    await expectWhole();
    expect([...(await shape())]).toEqual(was);
    await rename('after');
    await expectWhole();
    expect(engine.faults).toEqual([]);
  });

  it('leaves no tables if it is cancelled', async () => {
    const reader = await database.sql.reserve();
    await reader`begin`;
    await reader`select from read.notes_v1`;
    await beginRebuild(engine.database.owner.db, projection);
    expect(await shadows()).toEqual(['notes_history_v1__rebuild', 'notes_v1__rebuild']);
    expect(await cancelRebuild(engine.database.owner.db, projection)).toBe(true);
    await reader`commit`;
    reader.release();
    expect(await shadows()).toEqual([]);
    await expectWhole();
  });
});

describe('a read model that was filled before its history was kept', () => {
  it('keeps versions from then on; of the existing row it knows the version, but not since when it was valid', async () => {
    await database.sql`truncate read.notes_history_v1`;
    await database.sql`update read.notes_v1 set held_from = null`;
    await rename('now');
    const [former, ...more] =
      await database.sql`select title, held_from = held_until as empty from read.notes_history_v1`;
    expect({ ...former }).toEqual({ title: '9', empty: true });
    expect(more).toEqual([]);
    expect([...(await database.sql`select held_from = updated_at as known from read.notes_v1`)]).toEqual([
      { known: true },
    ]);
  });
});

describe('verifying', () => {
  it('compares former versions too', async () => {
    expect(await engine.projector.verify(projection)).toMatchObject({
      rows: 1,
      history: { rows: 9, counts: { missing: 0, extra: 0, different: 0, stale: 0 }, first: [] },
    });
    const { sql } = database;
    await sql`update read.notes_history_v1 set title = 'x', held_until = held_until + interval '1 ms' where version = 3`;
    await sql`delete from read.notes_history_v1 where version = 4`;
    await sql`insert into read.notes_history_v1 select (jsonb_populate_record(h, '{"from_position": 99}')).* from read.notes_history_v1 h where version = 5`;
    const { history, counts } = await engine.projector.verify(projection);
    expect(counts).toEqual({ missing: 0, extra: 0, different: 0, stale: 0 });
    expect(history).toMatchObject({ rows: 9, counts: { missing: 1, extra: 1, different: 1, stale: 0 } });
    expect(history?.first.map(({ kind, key, columns }) => [kind, JSON.parse(key), columns])).toEqual([
      ['different', [noteId, 3], ['held_until', 'title']],
      ['missing', [noteId, 4], []],
      ['extra', [noteId, 99], []],
    ]);
    expect(await shadows()).toEqual([]);
  });

  it('says since when rows hold that they should not, and does not judge versions of rows that lack events', async () => {
    await database.sql`update read.notes_v1 set held_from = now() + interval '1 day'`;
    expect((await engine.projector.verify(projection)).first).toMatchObject([
      { kind: 'different', columns: ['held_from'] },
    ]);
    await database.sql`update read.notes_v1 set stale_since = 1`;
    await database.sql`delete from read.notes_history_v1 where version = 4`;
    const { history } = await engine.projector.verify(projection);
    expect(history?.counts).toEqual({ missing: 0, extra: 0, different: 0, stale: 1 });
  });
});
