import { getTableName } from 'drizzle-orm';
import { boolean, integer, text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { defineProjection, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
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
import { everyEvent } from '../../../support/kernel/log.ts';
import { expectedRows, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase();
const openEngine = useEngine(database, [counterDomain]);

/** The next version: a required column more, one renamed, one less, and it counts double. */
const nextTable = readTable('counters', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  value: integer('value').notNull(),
  isLarge: boolean('is_large').notNull(),
});
const next = defineProjection('counters', {
  table: nextTable,
  events: Counter.events,
  visibleTo: 'everyone',
  version: 2,
  on: {
    CounterOpened: ({ streamId, data }, { upsert }) =>
      upsert(streamId, () => ({ id: streamId, name: data.label, value: 0, isLarge: false })),
    CounterIncremented: ({ streamId, data }, { update }) =>
      update(streamId, (row) => ({ ...row, value: row.value + 2 * data.by, isLarge: row.value + 2 * data.by > 5 })),
  },
});
const nextDomains = [{ ...counterDomain, projections: [next] }];

const open = async ({ bus }: Pick<TestEngine, 'bus'>) =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
const increment = async ({ bus }: Pick<TestEngine, 'bus'>, counterId: string) =>
  receiptOf(await bus.execute(incrementCounter, { counterId }, system)).position;
const checkpoints = async () =>
  (await database.sql`select projection as key from read.checkpoints order by 1`).map(({ key }) => key);

/** An engine's read model has all that the log says, in the version of that engine. */
async function expectWhole(engine: TestEngine, projection: Projection<never>) {
  const { position } = await engine.log.head();
  expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
  const any = projection as unknown as Projection;
  expect(await rowsOf(engine.database.projector.db, any)).toEqual(expectedRows(any, await everyEvent(engine.log)));
  expect(engine.faults).toEqual([]);
}
const former = counters as unknown as Projection<never>;
const newer = next as unknown as Projection<never>;

describe('a new version of a read model', () => {
  it('is filled in a table of its own, while servers of the former version keep theirs', async () => {
    const old = await openEngine({ start: true });
    const counterId = await open(old);
    for (let n = 0; n < 5; n++) await increment(old, counterId);
    await expectWhole(old, former);
    const young = await openEngine({ start: true, domains: nextDomains });
    await expectWhole(young, newer);
    for (const engine of [old, young, old]) {
      await increment(engine, counterId);
      await expectWhole(old, former);
      await expectWhole(young, newer);
    }
    expect(await checkpoints()).toEqual(['counters@1', 'counters@2']);
    // Queries that are written with the tables read each their version.
    const { db } = old.database.reader;
    expect(await db.select().from(countersTable)).toMatchObject([{ label: 'a', value: 8 }]);
    expect(await db.select().from(nextTable)).toMatchObject([{ name: 'a', value: 16, isLarge: true }]);
  });

  it('stays unchanged when its servers stop, and continues from there when they return', async () => {
    const old = await openEngine({ start: true });
    const counterId = await open(old);
    const young = await openEngine({ start: true, domains: nextDomains });
    await expectWhole(young, newer);
    await old.close();
    await increment(young, counterId);
    await young.close();
    const again = await openEngine({ start: true });
    const { wholeAt } = (
      await database.sql`select whole_at as "wholeAt" from read.checkpoints where projection = 'counters@1'`
    )[0]!;
    expect(wholeAt).toBe(0);
    await increment(again, counterId);
    await expectWhole(again, former);
    await again.close();
    await expectWhole(await openEngine({ start: true, domains: nextDomains }), newer);
  });

  it('that is rolled back is served once it has caught up, and its lag throttles no command before', async () => {
    const old = await openEngine({ start: true });
    const counterId = await open(old);
    await expectWhole(old, former);
    await old.close();
    const young = await openEngine({ start: true, domains: nextDomains });
    for (let n = 0; n < 5; n++) await increment(young, counterId);
    await expectWhole(young, newer);
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const lock = database.sql.begin(async (tx) => {
      await tx`lock table read.counters_v1 in share mode`;
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    const again = await openEngine({ start: true, throttleLagMs: 1 });
    const status = () => again.projector.status()[0];
    await until(() => (status()?.lagMs ?? 0) > 300);
    expect(status()).toMatchObject({ version: 1, position: 1, isIncomplete: false, isServed: false });
    await increment(again, counterId);
    release.resolve();
    await lock;
    await until(() => status()?.isServed);
    await expectWhole(again, former);
  });

  it('makes a server ready only when it is filled up to the end that the log had at the start', async () => {
    const old = await openEngine({ start: true });
    const counterId = await open(old);
    for (let n = 0; n < 5; n++) await increment(old, counterId);
    const blocker = await database.sql.reserve();
    const waiting = await openEngine({ start: true, domains: nextDomains, projector: 'off' });
    expect(waiting.projector.status()).toMatchObject([{ version: 2, isIncomplete: true }]);
    blocker.release();
    await openEngine({ start: true, domains: nextDomains });
    await until(() => waiting.projector.status()[0]?.isIncomplete === false);
    await expectWhole(waiting, newer);
  });
});

describe('a read model whose table is gone', () => {
  it('is made and filled again, although it has a checkpoint', async () => {
    const first = await openEngine({ start: true });
    await increment(first, await open(first));
    await expectWhole(first, former);
    await first.close();
    await database.sql`drop table read.counters_v1`;
    await expectWhole(await openEngine({ start: true }), former);
  });
});

describe('a table', () => {
  it('belongs to one version of one read model', () => {
    const options = { table: countersTable, events: Counter.events, visibleTo: 'everyone' as const };
    const on = { CounterClosed: () => [] };
    expect(() => defineProjection('counters', { ...options, on, version: 3 })).toThrow(
      "Projection counters has the table counters in version 1 and in version 3. Declare a table for each: make them with a function that calls readTable('counters', …).",
    );
    expect(() => defineProjection('others', { ...options, on })).toThrow(
      'Projections counters and others both have the table counters',
    );
    expect(getTableName(countersTable)).toBe('counters_v1');
  });
});
