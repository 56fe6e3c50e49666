import { index, integer, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { defineProjection, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { beginRebuild } from '../../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { dropIndexes } from '../../../../src/kernel/read/tables/drop-indexes.ts';
import { noteUse, pruneVersions } from '../../../../src/kernel/read/tables/prune.ts';
import { ReadTables } from '../../../../src/kernel/read/tables/read-tables.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { Counter, counterDomain, counters, openCounter, system } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { faultsInto } from '../../../support/kernel/observers.ts';
import { useTenants } from '../../../support/kernel/tenants.ts';
import { atVersion } from '../../../support/kernel/versions.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase();
const openEngine = useEngine(database, [counterDomain]);
const openTenants = useTenants(database, []);
const newer = [{ ...counterDomain, projections: [atVersion(counters, 2)] }];
const HOUR_MS = 3_600_000;

const tables = async () =>
  (
    await database.sql`select tablename as name from pg_tables where schemaname = 'read' and tablename like 'counters%' order by 1`
  ).map(({ name }) => name);
const usedAgo = (hours: number) =>
  database.sql`update read.read_models set used_at = now() - ${hours}::float8 * interval '1 hour'`;
const NOTHING = new Set<string>();
/** The outcome of a prune for the versions of `counters`. */
async function prune({ database: { owner } }: TestEngine, keepMs: number, own: ReadonlySet<string> = NOTHING) {
  const pruned = await pruneVersions({ db: owner.db, own, keepMs });
  return pruned.filter(({ version }) => version.name === 'counters').map(({ version: { key }, kept }) => [key, kept]);
}

describe('a version of a read model', () => {
  it('stays while a process uses it, whatever that has to do with projections, and for a time after that', async () => {
    const serving = await openEngine({ start: true, projector: 'off' });
    const other = await openEngine({ start: true, domains: newer });
    await usedAgo(5);
    expect(await prune(other, HOUR_MS)).toEqual([]);
    await serving.close();
    await noteUse(other.database.owner.db);
    expect(await prune(other, 4 * HOUR_MS)).toEqual([['counters@1', null]]);
    expect(await tables()).toEqual(['counters_v2']);
    // The one that is used was noted to be used.
    await other.close();
    expect(await prune(await openEngine(), 4 * HOUR_MS)).toEqual([
      ['counters@2', expect.stringMatching(/^it was in use until \d+ s ago$/)],
    ]);
  });

  it('stays if this code has it, or if it cannot be dropped, and the reason is said', async () => {
    const engine = await openEngine({ start: true });
    await engine.close();
    await usedAgo(5);
    const other = await openEngine();
    expect(await prune(other, HOUR_MS, new Set(['counters@1']))).toEqual([]);
    const reader = await database.sql.reserve();
    await reader`begin`;
    await reader`select from read.counters_v1`;
    expect(await prune(other, HOUR_MS)).toEqual([['counters@1', 'another session has locked one of its tables']]);
    await reader`rollback`;
    reader.release();
    await database.sql`create view public.labels as select label from read.counters_v1`;
    expect(await prune(other, HOUR_MS)).toEqual([
      ['counters@1', expect.stringContaining('other objects depend on it')],
    ]);
    expect(await tables()).toEqual(['counters_v1']);
  });

  it('goes with its checkpoint, its rebuild and its parked events, and is filled anew if its code comes back', async () => {
    const engine = await openEngine({ start: true });
    const { aggregateId } = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
    await engine.close();
    const other = await openEngine({ domains: newer });
    await beginRebuild(other.database.owner.db, counters);
    await database.sql`insert into read.dead_letters (projection, key, position, stream_type, stream_id, event_type, version)
      values ('counters@1', 'Counter/x', 1, 'Counter', ${aggregateId}, 'CounterOpened', 1)`;
    await usedAgo(5);
    await other.start();
    await until(async () => (await tables()).includes('counters_v2'));
    expect(await prune(other, HOUR_MS)).toEqual([['counters@1', null]]);
    expect(await tables()).toEqual(['counters_v2']);
    expect(await database.sql`select from read.dead_letters`).toHaveLength(0);
    expect(await database.sql`select projection from read.checkpoints`).toMatchObject([{ projection: 'counters@2' }]);
    const again = await openEngine({ start: true });
    expect(await again.projector.positions.reached('counters', 1, { timeoutMs: 30_000 })).toBe(true);
    expect(await again.database.reader.db.select().from(counters.table)).toMatchObject([{ label: 'a' }]);
  });

  it('goes too if its read model is no longer in the code', async () => {
    const engine = await openEngine({ start: true });
    await engine.close();
    await usedAgo(5);
    const without = await openEngine({ start: true, domains: [{ ...counterDomain, projections: [] }] });
    expect(await prune(without, HOUR_MS)).toEqual([['counters@1', null]]);
    expect(await tables()).toEqual([]);
    expect(await database.sql`select from read.checkpoints`).toHaveLength(0);
  });

  it('is dropped by a server by itself after the time that versions are kept', async () => {
    const engine = await openEngine({ start: true });
    await engine.close();
    await usedAgo(5);
    const server = await openEngine({ start: true, domains: newer });
    expect(await prune(server, 6 * HOUR_MS)).toEqual([
      ['counters@1', expect.stringMatching(/^it was in use until 180\d\d s ago$/)],
    ]);
    const { owner, leases, grantRights: grant } = server.database;
    const faults: unknown[] = [];
    const readTables = new ReadTables({
      ...{ db: owner.db, leases: leases.db, grant, keepMs: 4 * HOUR_MS, checkEveryMs: 20 },
      projections: newer.flatMap(({ projections }) => projections),
      observer: faultsInto(faults),
    });
    readTables.start();
    await until(async () => (await tables()).join() === 'counters_v2');
    readTables.stop();
    expect(faults).toEqual([]);
  });
});

describe('an index that is no longer declared', () => {
  const table = (indexed: 'value' | 'id') =>
    readTable('gauges', { id: uuid('id').primaryKey(), value: integer('value') }, (columns) => [
      index(`gauges_${indexed}`).on(columns[indexed]),
    ]);
  const withIndex = (indexed: 'value' | 'id') => {
    const projection = defineProjection('gauges', {
      table: table(indexed),
      events: Counter.events,
      visibleTo: 'everyone',
      on: { CounterOpened: ({ streamId }, { upsert }) => upsert(streamId, () => ({ id: streamId, value: 1 })) },
    });
    return { projection, domains: [{ ...counterDomain, projections: [projection] }] };
  };
  const indexes = async () =>
    (
      await database.sql`select indexname as name from pg_indexes where schemaname = 'read' and tablename = 'gauges_v1' order by 1`
    ).map(({ name }) => withoutHash(name));
  /** The names of indexes end with a hash of the definition. */
  const withoutHash = (name: string) => name.replace(/_[0-9a-f]{8}$/, '');

  it('is dropped when no process declares it any more; one that the engine has not made stays', async () => {
    const old = withIndex('value');
    const young = withIndex('id');
    const former = await openEngine({ start: true, domains: old.domains });
    await database.sql`create index operators on read.gauges_v1 (id, value)`;
    const engine = await openEngine({ start: true, domains: young.domains });
    await until(async () => (await indexes()).includes('gauges_id_v1'));
    const { db } = engine.database.owner;
    expect(await dropIndexes(db, [young.projection])).toEqual([]);
    await former.close();
    // A rebuild keeps what is known of its indexes.
    const [before] = await database.sql`select 'read.gauges_v1'::regclass::oid::int as oid`;
    await beginRebuild(db, young.projection);
    await until(async () => {
      const [now] = await database.sql`select 'read.gauges_v1'::regclass::oid::int as oid`;
      return now?.oid !== before?.oid;
    });
    expect((await dropIndexes(db, [young.projection])).map(withoutHash)).toEqual(['gauges_value_v1']);
    expect(await indexes()).toEqual(['gauges_id_v1', 'gauges_v1_pkey', 'operators']);
    expect(engine.faults).toEqual([]);
  });

  it('stays in a database that tenants share while a process of another tenant declares it', async () => {
    const [old, young] = [withIndex('value'), withIndex('id')];
    const tenants = await openTenants();
    const former = await tenants.engine('umbrella', { domains: old.domains });
    const engine = await tenants.engine('acme', { domains: young.domains });
    await until(async () => (await indexes()).includes('gauges_id_v1'));
    const { db } = engine.database.owner;
    const projection = engine.registry.projections.get('gauges') as Projection;
    expect(await dropIndexes(db, [projection])).toEqual([]);
    await former.close();
    expect((await dropIndexes(db, [projection])).map(withoutHash)).toEqual(['gauges_value_v1']);
  });

  it('is made again if code comes back that declares it, although that code has compared the table last', async () => {
    const old = withIndex('value');
    const young = withIndex('id');
    await (await openEngine({ start: true, domains: old.domains })).close();
    const engine = await openEngine({ start: true, domains: young.domains });
    await until(async () => (await indexes()).includes('gauges_id_v1'));
    await (await openEngine({ start: true, domains: old.domains })).close();
    const dropped = await dropIndexes(engine.database.owner.db, [young.projection]);
    expect(dropped.map(withoutHash)).toEqual(['gauges_value_v1']);
    await openEngine({ start: true, domains: old.domains });
    await until(async () => (await indexes()).includes('gauges_value_v1'));
  });

  it('does not hide that the read models are in use, however long the creation of another one takes', async () => {
    const { sql } = database;
    const old = withIndex('value');
    const young = withIndex('id');
    const engine = await openEngine({ start: true, domains: old.domains });
    const { owner, leases, grantRights: grant } = engine.database;
    const faults: unknown[] = [];
    const readTables = new ReadTables({
      ...{ db: owner.db, leases: leases.db, grant, keepMs: 4 * HOUR_MS, checkEveryMs: 20 },
      projections: [young.projection],
      observer: faultsInto(faults),
    });
    await readTables.ensure();
    const writer = await sql.reserve();
    await writer`begin`;
    await writer`lock table read.gauges_v1 in row exclusive mode`;
    readTables.start();
    const waits = sql`select from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock'`;
    await until(async () => (await sql`${waits}`).length > 0);
    await usedAgo(5);
    await until(
      async () => (await sql`select from read.read_models where used_at > now() - interval '1 hour'`).length > 0,
    );
    expect(await sql`${waits}`).toHaveLength(1);
    await writer`rollback`;
    writer.release();
    await until(async () => (await indexes()).some((name) => name.startsWith('gauges_id')));
    readTables.stop();
    expect(faults).toEqual([]);
  });
});
