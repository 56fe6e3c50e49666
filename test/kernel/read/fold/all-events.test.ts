import { randomUUID } from 'node:crypto';
import { bigint, text } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { defineDomain } from '../../../../src/kernel/define/domain.ts';
import { defineProjection, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { beginRebuild } from '../../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { anAppend, receiptOf } from '../../../support/kernel/appends.ts';
import { projectingAsTenant } from '../../../support/kernel/as-tenant.ts';
import { counterDomain, countersTable, openCounter, system } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { leaseTo } from '../../../support/kernel/leased.ts';
import {
  bookNumber,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  libraryTables,
  Written,
} from '../../../support/kernel/library.ts';
import { fillPurse, parcelDomain, sendParcel } from '../../../support/kernel/parcel-process.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../../support/kernel/rows.ts';
import { shelf, shelfHistory, shelfTable } from '../../../support/kernel/shelf.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { fc } from '../../../support/properties.ts';
import { until } from '../../../support/until.ts';

const chronicleTable = readTable('chronicle', {
  position: bigint('position', { mode: 'number' }).primaryKey(),
  stream: text('stream').notNull(),
  type: text('type').notNull(),
  actor: text('actor').notNull(),
  summary: text('summary').notNull(),
});
/** A row for every event of the log. */
const chronicle = defineProjection('chronicle', {
  table: chronicleTable,
  visibleTo: 'everyone',
  every: ({ position, streamType, streamId, type, metadata, summary }, { put }) =>
    put(position, () => ({ position, stream: `${streamType}/${streamId}`, type, actor: metadata.actor.id, summary })),
});

const projections = [chronicle as unknown as Projection, shelf];
const chronicleDomain = defineDomain({
  name: 'chronicle',
  aggregates: [],
  commands: [],
  projections: [chronicle as unknown as Projection],
  graphql: undefined,
});

const ledgerTable = readTable('ledger', {
  position: bigint('position', { mode: 'number' }).primaryKey(),
  type: text('type').notNull(),
});
/** A row for every event of the log, without its summary. */
const ledger = defineProjection('ledger', {
  table: ledgerTable,
  visibleTo: 'everyone',
  every: ({ position, type }, { put }) => put(position, () => ({ position, type })),
});
const ledgerDomain = { ...chronicleDomain, projections: [ledger as unknown as Projection] };

const database = useDatabase({
  tables: [...libraryTables, countersTable, chronicleTable, ledgerTable, shelfTable, shelfHistory],
});
const openLibrary = useEngine(database, [libraryDomain]);
const openEngine = useEngine(database, [parcelDomain, chronicleDomain]);
projectingAsTenant([{ projections }]);

const send = async ({ bus }: TestEngine) => {
  const id = randomUUID();
  await bus.execute(fillPurse, { id, amount: 5 }, system);
  return receiptOf(await bus.execute(sendParcel, { to: id, postage: 3 }, system)).aggregateId;
};
/** Everything has happened that will, and the chronicle has it. */
async function settled(engine: TestEngine): Promise<void> {
  await until(async () => {
    const rows = await database.sql`
      select c.position from read.checkpoints c, es.store where c.projection in ('process:Delivery', 'chronicle@1')`;
    const { position } = await engine.log.head();
    return rows.length === 2 && rows.every((row) => row.position === position);
  });
}
async function expectWhole(engine: TestEngine): Promise<void> {
  await settled(engine);
  const events = await engine.log.read(0, 10_000, { onUnreadable: () => {} });
  const rows = await rowsOf(engine.database.projector.db, chronicle as unknown as Projection);
  expect(rows).toEqual(expectedRows(chronicle as unknown as Projection, events));
  expect(rows).toHaveLength(events.length);
}

describe('a projection over all events', () => {
  it('has the rows of a fold from scratch, however the log was cut into batches and whatever is delivered again', async () => {
    const engine = await openLibrary();
    const { db } = engine.database.projector;
    const owner = randomUUID();
    await leaseTo(owner, engine, projections);
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(libraryEvents, sizes, async (happened, sizes) => {
        const { position: before } = await engine.log.head();
        await database.sql`truncate read.chronicle_v1, read.shelf_v1, read.shelf_history_v1`;
        await engine.log.append(libraryAppends(happened));
        const events = await engine.log.read(before, 1000);
        for (const projection of projections) {
          const table = new ProjectionTable(db, projection);
          await database.sql`update read.checkpoints set position = ${before} where projection = ${projection.checkpoint.key}`;
          for (let at = 0, nth = 0; at < events.length; nth++) {
            const batch = events.slice(at, at + (sizes[nth % sizes.length] as number));
            const plan = planBatch(projection, batch);
            const writes = foldBatch(projection, plan, await table.read(plan));
            const from = before + at;
            at += batch.length;
            await table.write(writes, { from, to: before + at, owner, generation: 1 });
            // The same rows once more, at the same positions.
            if (projection.name === 'chronicle') await table.writeRows(writes);
          }
          expect(await rowsOf(db, projection)).toEqual(expectedRows(projection, events));
        }
        expect(await historyOf(db, shelf)).toEqual(expectedHistory(shelf, events));
      }),
      { numRuns: 60 },
    );
  });

  it('reads nothing before it writes a row that is put as a whole, unless that becomes history', async () => {
    const engine = await openLibrary();
    await engine.log.append(libraryAppends([[bookNumber(1), Written({ title: 'One', author: null, tags: [] })]]));
    const events = await engine.log.read(0, 10);
    for (const projection of projections) {
      const { keys, where, steps } = planBatch({ ...projection, history: undefined }, events);
      expect([keys.size, where.size, steps.length]).toEqual([0, 0, 1]);
    }
    expect(planBatch(shelf, events).keys.size).toBe(1);
  });

  it('has the events of processes too, with who was behind them', async () => {
    const engine = await openEngine({ start: true });
    const parcelId = await send(engine);
    await expectWhole(engine);
    const rows =
      await database.sql`select type, actor from read.chronicle_v1 where stream = ${`Delivery/${parcelId}`} order by position`;
    expect(rows.map(({ type }) => type)).toEqual(['PostageDue', 'CommandRequested', 'DeadlineSet', 'PostageSettled']);
    expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set(['system']));
    expect(engine.faults).toEqual([]);
  });

  it('has those of domains that are mounted later, and declared former events, without their data', async () => {
    const engine = await openEngine({ start: true });
    await send(engine);
    await settled(engine);
    await engine.close();
    const later = { ...chronicleDomain, formerEvents: ['Forgotten'] };
    const more = await openEngine({ start: true, domains: [parcelDomain, later, counterDomain] });
    const { position } = receiptOf(await more.bus.execute(openCounter, { label: 'a' }, system));
    const forgotten = { type: 'Forgotten', schemaVersion: 1, data: { text: 'what was that' } };
    await more.log.append([anAppend({ streamType: 'Lost', events: [forgotten] })]);
    await more.log.append([
      anAppend({ events: [{ type: 'CounterIncremented', schemaVersion: 1, data: { by: 'not a number' } }] }),
      anAppend({ events: [{ type: 'CounterIncremented', schemaVersion: 1, data: { by: 7 } }] }),
    ]);
    await more.projector.refreshHead();
    await expectWhole(more);
    const rows =
      await database.sql`select type, summary from read.chronicle_v1 where position >= ${position} order by position`;
    expect([...rows]).toEqual([
      { type: 'CounterOpened', summary: '' },
      { type: 'Forgotten', summary: '' },
      { type: 'CounterIncremented', summary: '' },
      { type: 'CounterIncremented', summary: 'by: 7' },
    ]);
  });

  it('waits in front of an event of newer code, whose summary it needs, and an instance with that code goes on', async () => {
    const old = await openEngine({ start: true });
    await send(old);
    await settled(old);
    const { position } = await old.log.head();
    const young = await openEngine({ projector: 'off', domains: [parcelDomain, chronicleDomain, counterDomain] });
    // One batch has what it can read, and what it cannot.
    await send(old);
    await young.log.append([anAppend({ events: [{ type: 'CounterIncremented', schemaVersion: 1, data: { by: 7 } }] })]);
    await old.projector.refreshHead();
    const chronicleOf = ({ projector }: TestEngine) => projector.status().find(({ name }) => name === 'chronicle');
    await until(() => chronicleOf(old)?.state === 'AHEAD_OF_CODE');
    const waiting = chronicleOf(old);
    expect(waiting?.failure).toContain('The event CounterIncremented of schema version 1');
    expect(waiting?.position).toBeGreaterThan(position);
    const [next] = await database.sql`select type from es.events where position = ${(waiting?.position ?? 0) + 1}`;
    expect(next?.type).toBe('CounterIncremented');
    const newer = await openEngine({ start: true, domains: [parcelDomain, chronicleDomain, counterDomain] });
    await expectWhole(newer);
    const rows = await database.sql`select summary from read.chronicle_v1 where type = 'CounterIncremented'`;
    expect([...rows]).toEqual([{ summary: 'by: 7' }]);
    expect(await database.sql`select from read.dead_letters`).toHaveLength(0);
    expect([old.faults, newer.faults]).toEqual([[], []]);
  });

  it('goes on past events of newer code if it stores only what every event has', async () => {
    const engine = await openEngine({ start: true, domains: [parcelDomain, ledgerDomain] });
    await send(engine);
    await engine.log.append([
      anAppend({ events: [{ type: 'CounterIncremented', schemaVersion: 1, data: { by: 7 } }] }),
    ]);
    await engine.projector.refreshHead();
    await until(
      async () => (await database.sql`select from read.ledger_v1 where type = 'CounterIncremented'`).length === 1,
    );
    const ledgerState = engine.projector.status().find(({ name }) => name === 'ledger')?.state;
    expect(ledgerState).toBe('RUNNING');
  });

  it('is taken over by another instance without losing or doubling an event', async () => {
    const first = await openEngine({ start: true });
    const second = await openEngine({ start: true });
    const writing = Array.from({ length: 30 }, (_, n) => send(n % 3 ? second : first));
    await Promise.all(writing);
    await Promise.all([first.close(), ...Array.from({ length: 10 }, () => send(second))]);
    await expectWhole(second);
  });

  it('is the same when it is rebuilt, and verifies', async () => {
    const engine = await openEngine({ start: true });
    for (let n = 0; n < 5; n++) await send(engine);
    await settled(engine);
    await database.sql`update read.chronicle_v1 set type = 'Spoilt' where position = 3`;
    await database.sql`delete from read.chronicle_v1 where position = 4`;
    const oid = async () => (await database.sql`select 'read.chronicle_v1'::regclass::oid::int as oid`)[0]?.oid;
    const before = await oid();
    await beginRebuild(engine.database.owner.db, chronicle as unknown as Projection);
    await until(async () => (await oid()) !== before);
    await expectWhole(engine);
    const { counts } = await engine.projector.verify(chronicle as unknown as Projection);
    expect(counts).toEqual({ missing: 0, extra: 0, different: 0, stale: 0 });
  });
});
