import { getTableColumns, getTableName } from 'drizzle-orm';
import { text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { beginRebuild, cancelRebuild } from '../../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { shadowOf } from '../../../../src/kernel/read/rebuild/shadow.ts';
import { swapIn } from '../../../../src/kernel/read/rebuild/swap.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  Counter,
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { expectedRows, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);

const shadows = () => database.sql`select * from read.checkpoints where projection like '%#%'`;
const oid = async () => (await database.sql`select 'read.counters_v1'::regclass::oid::int as oid`)[0]?.oid;
const gone = () => until(async () => (await shadows()).length === 0);

/** Counters that count to some. @returns the position of the last event. */
async function count({ bus }: TestEngine, counters: number, increments: number): Promise<number> {
  const receipts = Array.from({ length: counters }, async () => {
    const counterId = receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
    return receiptOf(await bus.execute(incrementCounter, { counterId, times: increments }, system)).position;
  });
  return Math.max(...(await Promise.all(receipts)));
}

async function expectWhole(engine: TestEngine): Promise<void> {
  const { position } = await engine.log.head();
  expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
  const events = await engine.log.read(0, 100_000);
  expect(await rowsOf(engine.database.projector.db, counters)).toEqual(expectedRows(counters, events));
}

/** An engine that has filled its read model and ended, and one that has not started: nobody works on rebuilds. */
async function between(): Promise<TestEngine> {
  const first = await openEngine({ start: true });
  await count(first, 10, 10);
  await expectWhole(first);
  await first.close();
  return openEngine();
}

describe('a shadow', () => {
  it('of a table with a long name has a name that Postgres does not cut off, and its columns are its own', () => {
    const long = readTable('a_read_model_whose_name_is_as_long_as_a_name_may_be_in_postgres', {
      id: uuid('id').primaryKey(),
      label: text('label').notNull(),
    });
    const projection = defineProjection('long', {
      table: long,
      events: Counter.events,
      visibleTo: 'everyone',
      on: { CounterOpened: ({ streamId }, { remove }) => remove(streamId) },
    });
    const [rebuild, verify] = [shadowOf(projection, 'rebuild').projection, shadowOf(projection, 'verify').projection];
    const names = [long, rebuild.table, verify.table].map(getTableName);
    expect(new Set(names.map((name) => name.slice(0, 63))).size).toBe(3);
    expect(Math.max(...names.slice(1).map((name) => Buffer.byteLength(name)))).toBeLessThan(63);
    for (const column of Object.values(getTableColumns(rebuild.table))) expect(column.table).toBe(rebuild.table);
    expect(rebuild.key[0]?.column.table).toBe(rebuild.table);
    expect(getTableName(projection.table)).toBe(getTableName(long));
  });
});

describe('a rebuild', () => {
  it('whose connections break again and again comes to its end', async () => {
    const engine = await openEngine({ start: true, projectionBatchLimit: 20 });
    await count(engine, 30, 10);
    await expectWhole(engine);
    await database.sql`create index counters_value on read.counters_v1 (value)`;
    await database.sql`update read.counters_v1 set value = 999`;
    const before = await oid();
    await beginRebuild(engine.database.owner.db, counters);
    for (let n = 0; n < 40 && (await shadows()).length > 0; n++) {
      await until(async () => {
        const rows = await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'afterwrite rebuild' and datname = current_database()`;
        return rows.length > 0 || (await shadows()).length === 0;
      });
    }
    await gone();
    expect(await oid()).not.toBe(before);
    await expectWhole(engine);
    const tables =
      await database.sql`select tablename from pg_tables where schemaname = 'read' and tablename like 'counters%'`;
    expect(tables).toHaveLength(1);
  });

  it('waits with the swap for who reads for long, and lets others read meanwhile', async () => {
    const engine = await openEngine({ start: true });
    await count(engine, 5, 5);
    await expectWhole(engine);
    const before = await oid();
    const reader = await database.sql.reserve();
    await reader`begin`;
    await reader`select count(*) from read.counters_v1`;
    await engine.projector.rebuilds.begin(counters);
    await until(async () => (await shadows())[0]?.position === 30);
    for (let n = 0; n < 10; n++) {
      const position = await count(engine, 1, 1);
      expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
      expect(await database.sql`select count(*)::int as count from read.counters_v1`).toEqual([{ count: 6 + n }]);
    }
    expect(await oid()).toBe(before);
    await reader`commit`;
    reader.release();
    await gone();
    await expectWhole(engine);
    expect(engine.faults).toEqual([]);
  });

  it('whose process is paused in the midst of the swap does not keep the read model from moving on', async () => {
    const engine = await openEngine({ start: true });
    await count(engine, 2, 2);
    await expectWhole(engine);
    const aside = engine.database.openDedicated();
    const paused = new Promise<boolean>(() => {});
    const swap = swapIn(aside.owner.db, {
      shadow: shadowOf(counters, 'rebuild'),
      owner: '',
      generation: 1,
      fillTo: () => paused,
    });
    void swap.catch(() => undefined);
    await until(async () => {
      const held = await database.sql`select from pg_locks
        where relation = 'read.counters_v1'::regclass and mode = 'ShareRowExclusiveLock' and granted`;
      return held.length > 0;
    });
    const position = await count(engine, 1, 1);
    expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    await Promise.all([aside.owner.close(0), aside.projector.close(0)]);
  });

  it('begins again if a migration has changed the columns meanwhile', async () => {
    const engine = await between();
    await beginRebuild(engine.database.owner.db, counters);
    await database.sql`alter table read.counters_v1 add column note text`;
    await engine.start();
    await gone();
    await expectWhole(engine);
    expect(await database.sql`select note from read.counters_v1 limit 1`).toEqual([{ note: null }]);
  });

  it('has the indexes that a migration has added meanwhile, and not those that it has dropped', async () => {
    const engine = await between();
    await database.sql`create index counters_label on read.counters_v1 (label)`;
    await beginRebuild(engine.database.owner.db, counters);
    await database.sql`create index on read.counters_v1__rebuild (label)`;
    await database.sql`drop index read.counters_label`;
    await database.sql`create index counters_value on read.counters_v1 (value)`;
    const before = await oid();
    await engine.start();
    await until(async () => (await oid()) !== before);
    await gone();
    const indexes = await database.sql`select indexname from pg_indexes where tablename = 'counters_v1' order by 1`;
    expect(indexes.map(({ indexname }) => indexname)).toEqual(['counters_v1_pkey', 'counters_value']);
  });

  it('that is cancelled while somebody works on it leaves no trace', async () => {
    const engine = await openEngine({ start: true });
    await count(engine, 5, 5);
    await expectWhole(engine);
    const before = await oid();
    const reader = await database.sql.reserve();
    await reader`begin`;
    await reader`select count(*) from read.counters_v1`;
    await engine.projector.rebuilds.begin(counters);
    await until(async () => (await shadows())[0]?.position === 30);
    expect(await cancelRebuild(engine.database.owner.db, counters)).toBe(true);
    await reader`commit`;
    reader.release();
    expect(await database.sql`select to_regclass('read.counters_v1__rebuild') as it`).toEqual([{ it: null }]);
    await until(() => engine.projector.status()[0]?.state === 'RUNNING');
    expect(engine.projector.status()[0]?.rebuild).toBeNull();
    await count(engine, 1, 1);
    await expectWhole(engine);
    expect(await oid()).toBe(before);
  });

  it('tells how far it is, on every instance', async () => {
    const engine = await between();
    const follower = await openEngine({ start: true, projector: 'off' });
    await beginRebuild(engine.database.owner.db, counters);
    await until(() => follower.projector.status()[0]?.rebuild);
    expect(follower.projector.status()[0]).toMatchObject({
      state: 'REBUILDING',
      rebuild: { position: 0, target: 110, eventsPerSecond: 0, secondsLeft: null, failure: null },
    });
    await engine.start();
    await until(() => follower.projector.status()[0]?.state === 'RUNNING');
  });
});
