import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { FencedError } from '../../../../src/kernel/checkpoints/advance.ts';
import { Checkpoints } from '../../../../src/kernel/checkpoints/checkpoints.ts';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import type { Append } from '../../../../src/kernel/log/append/append.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { keyText } from '../../../../src/kernel/read/fold/working-rows.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { leaseTo } from '../../../support/kernel/leased.ts';
import {
  bookNumber,
  books,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  libraryTables,
  Read,
  readings,
  Written,
} from '../../../support/kernel/library.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { fc } from '../../../support/properties.ts';

const database = useDatabase({ tables: libraryTables, per: 'emptied' });
const openEngine = useEngine(database, [libraryDomain]);

const projections: readonly Projection[] = [books, readings];
const owner = randomUUID();
let engine: TestEngine;
let checkpoints: Checkpoints;

beforeEach(async () => {
  engine = await openEngine();
  checkpoints = new Checkpoints(engine.database.projector.db);
  await leaseTo(owner, engine, projections);
});

const tableOf = (projection: Projection) => new ProjectionTable(engine.database.projector.db, projection);

async function deliver(table: ProjectionTable, projection: Projection, events: readonly RecordedEvent[]) {
  const plan = planBatch(projection, events);
  const writes = foldBatch(projection, plan, plan.steps.length > 0 ? await table.read(plan) : []);
  return {
    writes,
    write: () =>
      table.write(writes, { from: events[0]!.position - 1, to: events.at(-1)!.position, owner, generation: 1 }),
  };
}

const twoBooks = [
  [bookNumber(1), Written({ title: 'One', author: 'ann', tags: ['x', '"y"'] })],
  [bookNumber(2), Written({ title: 'Two', author: null, tags: [] })],
  [bookNumber(1), Read({ reader: 'cid', pages: 1 })],
] as const;

/** Cuts events into batches of these sizes, again and again. */
function* cut(events: readonly RecordedEvent[], sizes: readonly number[]) {
  for (let at = 0, nth = 0; at < events.length; nth++) {
    const size = sizes[nth % sizes.length] as number;
    yield events.slice(at, at + size);
    at += size;
  }
}

/** Appends to the log and lets the projections begin there, with nothing. */
async function inEmptyTables(appends: readonly Append[]): Promise<RecordedEvent[]> {
  const { position } = await engine.log.head();
  await database.sql`truncate read.books_v1, read.readings_v1, read.books_history_v1, read.readings_history_v1`;
  await database.sql`update read.checkpoints set position = ${position}`;
  await engine.log.append(appends);
  return engine.log.read(position, 1000);
}

const present = (projection: Projection) => rowsOf(engine.database.projector.db, projection);

describe('a projection', () => {
  it('has the rows and the former versions of a fold from scratch, however the log was cut into batches', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(libraryEvents, sizes, async (happened, sizes) => {
        const events = await inEmptyTables(libraryAppends(happened));
        for (const projection of projections) {
          const table = tableOf(projection);
          for (const batch of cut(events, sizes)) await (await deliver(table, projection, batch)).write();
          expect(await present(projection)).toEqual(expectedRows(projection, events));
          expect(await historyOf(engine.database.projector.db, projection)).toEqual(
            expectedHistory(projection, events),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('does nothing to rows that have had an event when it is delivered again', async () => {
    await fc.assert(
      fc.asyncProperty(libraryEvents, async (happened) => {
        const events = await inEmptyTables(libraryAppends(happened));
        for (const projection of projections) {
          const table = tableOf(projection);
          await (await deliver(table, projection, events)).write();
          const keys = (await present(projection)).map((row) =>
            keyText(projection.key.map(({ property }) => `${row[property]}`)),
          );
          const { writes } = await deliver(table, projection, events);
          // A row that was removed at the end would be created again: the checkpoint prevents that.
          expect(keys.filter((key) => writes.keys.has(key) || writes.keys.has(JSON.parse(key)[0]))).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('writes nothing if the batch does not begin at the checkpoint', async () => {
    const events = await inEmptyTables(libraryAppends(twoBooks));
    const table = tableOf(books);
    await expect((await deliver(table, books, events.slice(1))).write()).rejects.toThrow(FencedError);
    await (await deliver(table, books, events)).write();
    const before = await present(books);
    await expect((await deliver(table, books, events)).write()).rejects.toThrow(FencedError);
    expect(await present(books)).toEqual(before);
    expect(await checkpoints.all()).toContainEqual(expect.objectContaining({ key: 'books@1', position: 3 }));
  });

  it.each([randomUUID(), null])('writes nothing if it does not own it but %s does', async (another) => {
    const events = await inEmptyTables(libraryAppends(twoBooks));
    await database.sql`update read.checkpoints set owner = ${another}`;
    for (const projection of projections) {
      await expect((await deliver(tableOf(projection), projection, events)).write()).rejects.toThrow(FencedError);
      expect(await present(projection)).toEqual([]);
    }
  });
});

describe('the rows', () => {
  it('say which event was the last', async () => {
    const events = await inEmptyTables(libraryAppends(twoBooks));
    for (const projection of projections) await (await deliver(tableOf(projection), projection, events)).write();
    const rows =
      await database.sql`select last_position from read.books_v1 union all select last_position from read.readings_v1 order by 1`;
    expect(rows.map(({ last_position }) => last_position)).toEqual([2, 3, 3, 3]);
  });

  it('hold JSON as JSON', async () => {
    const events = await inEmptyTables(libraryAppends(twoBooks));
    await (await deliver(tableOf(books), books, events)).write();
    const rows = await database.sql`select jsonb_typeof(tags) as type, tags from read.books_v1 order by id`;
    expect([...rows]).toEqual([
      { type: 'array', tags: ['x', '"y"'] },
      { type: 'array', tags: [] },
    ]);
  });
});
