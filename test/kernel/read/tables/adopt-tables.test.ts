import { boolean, integer, text, uuid } from 'drizzle-orm/pg-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { pruneVersions } from '../../../../src/kernel/read/tables/prune.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { counterDomain, incrementCounter, openCounter, system } from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { createTable } from '../../../support/postgres/ddl.ts';

const database = useDatabase();
const openEngine = useEngine(database, [counterDomain]);

/** The table of `counters` as a former release had it, with one name for all versions. */
const formerTable = readTable('counters', {
  id: uuid('id').primaryKey(),
  label: text('label').notNull(),
  value: integer('value').notNull(),
  closed: boolean('closed').notNull(),
  version: integer('version').notNull(),
});

let counterId: string;
/** The tables that the former release has left. Their rows could not come from a fold, so the test recognises them. */
async function leaveFormerTable({ version = 1 } = {}): Promise<void> {
  const { sql } = database;
  await sql.unsafe(createTable(formerTable));
  await sql`insert into read.counters (id, label, value, closed, version, last_position) values (${counterId}, 'kept', 70, false, 1, 1)`;
  await sql`insert into read.checkpoints (projection, kind, consumer, version, position) values ('counters', 'projection', 'counters', ${version}, 1)`;
  await sql`insert into read.checkpoints (projection, kind, consumer, version, position) values ('counters#rebuild', 'rebuild', 'counters', ${version}, 0)`;
  await sql`create table read.counters__rebuild (id int)`;
}

beforeEach(async () => {
  const { bus, close } = await openEngine();
  counterId = receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
  await close();
});

const tables = async () =>
  (
    await database.sql`select tablename as name from pg_tables where schemaname = 'read' and tablename like 'counters%' order by 1`
  ).map(({ name }) => name);
const checkpoints = async () =>
  (await database.sql`select projection as key from read.checkpoints order by 1`).map(({ key }) => key);
const rowsIn = async (table: string) =>
  (await database.sql`select label, value from ${database.sql(`read.${table}`)}`).map((row) => ({ ...row }));

describe('the table of a release that had one for all versions', () => {
  it('becomes that of the version that filled it, with its rows, position and parked events', async () => {
    await leaveFormerTable();
    await database.sql`insert into read.dead_letters (projection, key, position, stream_type, stream_id, event_type, version)
      values ('counters', 'Counter/x', 1, 'Counter', ${counterId}, 'CounterOpened', 1)`;
    const engines = await Promise.all([openEngine({ start: true }), openEngine({ start: true })]);
    expect(await tables()).toEqual(['counters_v1']);
    expect(await checkpoints()).toEqual(['counters@1']);
    expect(await rowsIn('counters_v1')).toEqual([{ label: 'kept', value: 70 }]);
    const [engine] = engines;
    expect(await engine.deadLetters.keys('counters', 10)).toMatchObject([{ key: 'Counter/x', position: 1 }]);
    await database.sql`delete from read.dead_letters`;
    engine.projector.renewSoon();
    const { position } = receiptOf(await engine.bus.execute(incrementCounter, { counterId }, system));
    for (const { projector } of engines) await projector.positions.reached('counters', position);
    expect(await database.sql`select tables, version from read.read_models where name = 'counters'`).toMatchObject([
      { tables: ['counters_v1'], version: 1 },
    ]);
    for (const { faults } of engines) expect(faults).toEqual([]);
  });

  it('becomes that of another version than this code has, which is filled from the log', async () => {
    await leaveFormerTable({ version: 7 });
    const { projector, faults } = await openEngine({ start: true });
    await projector.positions.reached('counters', 1);
    expect(await tables()).toEqual(['counters_v1', 'counters_v7']);
    expect(await checkpoints()).toEqual(['counters@1', 'counters@7']);
    expect(await rowsIn('counters_v7')).toEqual([{ label: 'kept', value: 70 }]);
    expect(await rowsIn('counters_v1')).toEqual([{ label: 'a', value: 0 }]);
    expect(faults).toEqual([]);
  });

  it('is filled again if that release was too old to have all of its columns', async () => {
    await leaveFormerTable();
    await database.sql`alter table read.counters drop column closed`;
    const { projector, faults } = await openEngine({ start: true });
    await projector.positions.reached('counters', 1);
    expect(await tables()).toEqual(['counters_v1']);
    expect(await rowsIn('counters_v1')).toEqual([{ label: 'a', value: 0 }]);
    expect(faults).toEqual([]);
  });

  it('is that of a version nobody uses if the read model is no longer in the code, and goes with all that belongs to it', async () => {
    const { sql } = database;
    await sql`create table read.old_labels (id int)`;
    await sql`create table read.old_labels_history (id int)`;
    await sql`create table read.old_labels__rebuild (id int)`;
    await sql`insert into read.checkpoints (projection, kind, consumer, version, position) values
      ('oldLabels', 'projection', 'oldLabels', 4, 1), ('oldLabels#rebuild', 'rebuild', 'oldLabels', 4, 0)`;
    const { database: pools, faults } = await openEngine({ start: true });
    const ofLabels = () => sql`select tablename as name from pg_tables where tablename like 'old_labels%' order by 1`;
    expect(await ofLabels()).toEqual([{ name: 'old_labels_history_v4' }, { name: 'old_labels_v4' }]);
    expect(await checkpoints()).toEqual(['counters@1', 'oldLabels@4']);
    const prune = async () => {
      const pruned = await pruneVersions({ db: pools.owner.db, own: new Set(), keepMs: 3_600_000 });
      return pruned.find(({ version }) => version.key === 'oldLabels@4');
    };
    expect(await prune()).toMatchObject({ kept: expect.stringMatching(/^it was in use until \d+ s ago$/) });
    await sql`update read.read_models set used_at = now() - interval '2 hours' where name = 'oldLabels'`;
    expect(await prune()).toMatchObject({ kept: null });
    expect(await ofLabels()).toEqual([]);
    expect(await checkpoints()).toEqual(['counters@1']);
    expect(faults).toEqual([]);
  });

  it('is not taken for that of a version of another read model whose table has its name now', async () => {
    const { sql } = database;
    await leaveFormerTable();
    await sql`alter table read.counters rename to counters_v1`;
    await sql`update read.checkpoints set projection = replace(projection, 'counters', 'counters_v1'),
              consumer = 'counters_v1'`;
    const { projector, faults } = await openEngine({ start: true });
    await projector.positions.reached('counters', 1);
    expect(await rowsIn('counters_v1')).toEqual([{ label: 'a', value: 0 }]);
    expect(await rowsIn('counters_v1_v1')).toEqual([{ label: 'kept', value: 70 }]);
    expect(await checkpoints()).toEqual(['counters@1', 'counters_v1@1']);
    expect(faults).toEqual([]);
  });

  it('is left to that release while one of its processes is alive', async () => {
    await leaveFormerTable();
    await database.sql`insert into read.instances (id, process, moves, alive_until)
      values (${counterId}, 'former:1', '{counters@1}', now() + interval '1 minute')`;
    const engine = await openEngine();
    await expect(engine.start()).rejects.toMatchObject({
      code: 'READ_TABLES_IN_USE',
      message: expect.stringContaining('Processes of an older release of Afterwrite are running: former:1.'),
    });
    expect(await tables()).toEqual(['counters', 'counters__rebuild']);
    expect(await checkpoints()).toEqual(['counters', 'counters#rebuild']);
    await database.sql`delete from read.instances`;
    await engine.start();
    expect(await rowsIn('counters_v1')).toEqual([{ label: 'kept', value: 70 }]);
  });
});
