import { describe, expect, it } from 'vitest';
import type { Database } from '../../../../src/database/client.ts';
import { beginRebuild, cancelRebuild } from '../../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { everyEvent } from '../../../support/kernel/log.ts';
import { expectedRows, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { roleOf } from '../../../support/postgres/roles.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);

const open = async ({ bus }: Pick<TestEngine, 'bus'>) =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
const increment = async ({ bus }: Pick<TestEngine, 'bus'>, counterId: string) =>
  receiptOf(await bus.execute(incrementCounter, { counterId }, system)).position;
const checkpoints = () => database.sql`select * from read.checkpoints order by projection`;
const owner = ({ database: { owner } }: TestEngine): Database => owner.db;
const oid = async () => (await database.sql`select 'read.counters_v1'::regclass::oid::int as oid`)[0]?.oid;

/** The table was replaced, and nothing is left of the shadow. */
async function replaced(before: unknown): Promise<void> {
  await until(async () => (await checkpoints()).length === 1 && (await oid()) !== before);
  const [row] = await database.sql`select to_regclass('read.counters_v1__rebuild') as shadow`;
  expect(row?.shadow).toBeNull();
}

async function expectWhole(engine: TestEngine, projection = counters) {
  const { position } = await engine.log.head();
  expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
  const events = await everyEvent(engine.log);
  expect(await rowsOf(engine.database.projector.db, projection)).toEqual(expectedRows(projection, events));
}

describe('a rebuild', () => {
  it('replaces the live table by one that was filled from the log', async () => {
    const engine = await openEngine({ start: true });
    const counterId = await open(engine);
    for (let n = 0; n < 20; n++) await increment(engine, counterId);
    await expectWhole(engine);
    await database.sql`update read.counters_v1 set value = 999`;
    const before = await oid();
    expect(await beginRebuild(owner(engine), counters)).toBe('begun');
    await replaced(before);
    await expectWhole(engine);
    await increment(engine, counterId);
    await expectWhole(engine);
    expect(engine.faults).toEqual([]);
  });

  it('leaves indexes, constraints, rights and settings as they were, under their names', async () => {
    const engine = await openEngine({ start: true });
    await database.sql`create index counters_value on read.counters_v1 (value, id) where not closed`;
    await database.sql`create unique index counters_label on read.counters_v1 (lower(label), id)`;
    await database.sql`alter table read.counters_v1 add constraint counters_version unique (id, version)`;
    await database.sql`alter table read.counters_v1 add constraint counters_positive check (version > 0)`;
    await database.sql`alter table read.counters_v1 set (fillfactor = 70)`;
    await database.sql`create role auditor_${database.sql.unsafe('x')}`.catch(() => undefined);
    await database.sql`grant select on read.counters_v1 to public`;
    await database.sql.unsafe(`grant update (label) on read.counters_v1 to ${await roleOf(database.sql, 'reader')}`);
    const shape = () => database.sql`
      select conname as name, pg_get_constraintdef(oid) as definition, null as acl from pg_constraint where conrelid = 'read.counters_v1'::regclass
      union all
      select indexrelid::regclass::text, pg_get_indexdef(indexrelid), null from pg_index where indrelid = 'read.counters_v1'::regclass
      union all
      select relname, reloptions::text, array(select x::text from unnest(relacl) x order by 1)::text from pg_class where oid = 'read.counters_v1'::regclass
      union all
      select attname, attacl::text, null from pg_attribute where attrelid = 'read.counters_v1'::regclass and attnum > 0
      order by 1, 2`;
    await open(engine);
    const [before, as] = [await oid(), await shape()];
    await beginRebuild(owner(engine), counters);
    await replaced(before);
    expect(await shape()).toEqual(as);
  });

  it('that is begun again joins the one under way', async () => {
    const engine = await openEngine();
    await open(engine);
    const first = await openEngine({ start: true });
    await first.close();
    expect(await beginRebuild(owner(engine), counters)).toBe('begun');
    expect(await beginRebuild(owner(engine), counters)).toBe('joined');
    expect((await checkpoints()).map(({ projection }) => projection)).toEqual(['counters@1', 'counters@1#rebuild']);
  });

  it('that is cancelled leaves the live table as it is', async () => {
    const engine = await openEngine({ start: true });
    await open(engine);
    await expectWhole(engine);
    const other = await openEngine();
    await engine.close();
    const before = await oid();
    await beginRebuild(owner(other), counters);
    expect(await cancelRebuild(owner(other), counters)).toBe(true);
    expect(await cancelRebuild(owner(other), counters)).toBe(false);
    expect((await checkpoints()).map(({ projection }) => projection)).toEqual(['counters@1']);
    const again = await openEngine({ start: true });
    await increment(again, await open(again));
    await expectWhole(again);
    expect(await oid()).toBe(before);
  });
});
