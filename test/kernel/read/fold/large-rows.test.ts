import { beforeEach, describe, expect, it } from 'vitest';
import {
  archiveNote,
  createNote,
  editNote,
  notes,
  notesDomain,
  revertNote,
  tagNote,
  untagNote,
} from '../../../../src/domains/notes/index.ts';
import { ReadModels } from '../../../../src/graphql/read/read-models.ts';
import { Rows } from '../../../../src/graphql/read/rows.ts';
import type { Command, InputOf } from '../../../../src/kernel/define/command.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { foldRows } from '../../../../src/kernel/testing/fold.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { expectedHistory, historyOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [notesDomain]);
const projection = notes as unknown as Projection;
const staff = { actor: { id: 'staff', roles: ['staff'], claims: {} } } as const;

/** Words that hardly compress, so that Postgres stores them outside of the row. */
const words = (seed: number) =>
  Array.from({ length: 9000 }, (_, n) => (((n + seed) * 2654435761) % 2 ** 32).toString(36)).join(' ');

let engine: TestEngine;
let noteId: string;

beforeEach(async () => {
  engine = await openEngine({ start: true });
  noteId = receiptOf(await engine.bus.execute(createNote, { title: 'Large', content: words(1) }, system)).aggregateId;
});

async function change<C extends Command>(command: C, input: InputOf<C>): Promise<void> {
  const { position } = receiptOf(await engine.bus.execute(command, input, system));
  await engine.projector.positions.reached('notes', position);
}

async function tagAndUntag(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await change(tagNote, { noteId, tag: `tag ${n}` });
    await change(untagNote, { noteId, tag: `tag ${n}` });
  }
}

/** Bytes that a table's long values take. */
async function bytesOfLongValues(table: string): Promise<number> {
  const [row] = await database.sql`
    select pg_relation_size(reltoastrelid)::int as bytes from pg_class where oid = ${`read.${table}`}::regclass`;
  return row?.bytes;
}

describe('small changes of a large row', () => {
  it('store its long values neither in the row nor in the former versions again', async () => {
    await tagAndUntag(1);
    const before = [await bytesOfLongValues('notes_v1'), await bytesOfLongValues('notes_history_v1')];
    await tagAndUntag(20);
    await change(archiveNote, { noteId });
    expect([await bytesOfLongValues('notes_v1'), await bytesOfLongValues('notes_history_v1')]).toEqual(before);
    const [row] = await database.sql`
      select count(*)::int as versions, max(pg_column_size(h.*)) as largest from read.notes_history_v1 h where version > 1`;
    expect(row?.versions).toBe(42);
    expect(row?.largest).toBeLessThan(500);
  });

  it('leave every version readable whole, across edits and after going back', async () => {
    await tagAndUntag(2);
    await change(editNote, { noteId, content: words(2) });
    await tagAndUntag(2);
    await change(revertNote, { noteId, version: 3 });
    await tagAndUntag(1);
    const events = await engine.log.read(0, 1000);
    const rows = new Rows(new ReadModels(engine.database.reader.db), staff.actor);
    for (const { version } of events) {
      const [row] = foldRows(
        notes,
        events.filter((event) => event.version <= version),
      );
      expect(await rows.asOf(notes, noteId, { version })).toMatchObject({ ...row });
    }
    expect(await historyOf(engine.database.projector.db, projection)).toEqual(expectedHistory(projection, events));
  });

  it('go on from former versions that were stored whole', async () => {
    await tagAndUntag(1);
    // Former versions as they were stored before long values were left out.
    await database.sql`
      update read.notes_history_v1 h set content = (select content from read.notes_v1 n where n.id = h.id), kept_in = null`;
    await database.sql`update read.notes_v1 set kept_in = null`;
    await tagAndUntag(2);
    const events = await engine.log.read(0, 1000);
    expect(await historyOf(engine.database.projector.db, projection)).toEqual(expectedHistory(projection, events));
    expect(await engine.projector.verify(projection)).toMatchObject({
      counts: { missing: 0, extra: 0, different: 0, stale: 0 },
      history: { rows: 6, counts: { missing: 0, extra: 0, different: 0, stale: 0 } },
    });
  });

  it('are told from a long value that is wrong in the version that holds it', async () => {
    await tagAndUntag(2);
    await database.sql`update read.notes_history_v1 set content = 'wrong' where version = 1`;
    const { history } = await engine.projector.verify(projection);
    expect(history?.counts).toEqual({ missing: 0, extra: 0, different: 4, stale: 0 });
  });
});
