import { describe, expect, it } from 'vitest';
import { checkpointId } from '../../../../src/kernel/define/checkpoint-id.ts';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import { changesOf, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { DeadLetters } from '../../../../src/kernel/read/dead-letters/dead-letters.ts';
import { DrivenProjection, type Fault, failing } from '../../../support/kernel/driven-projection.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import {
  Book,
  books,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  libraryTables,
  readings,
} from '../../../support/kernel/library.ts';
import { people, peopleHistory, peopleTable } from '../../../support/kernel/people.ts';
import { expectedHistory, expectedRows, historyOf } from '../../../support/kernel/rows.ts';
import { shelf, shelfHistory, shelfTable } from '../../../support/kernel/shelf.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { fc } from '../../../support/properties.ts';

const database = useDatabase({
  tables: [...libraryTables, peopleTable, peopleHistory, shelfTable, shelfHistory],
  per: 'emptied',
});
const openEngine = useEngine(database, [libraryDomain]);

const keyOf = (projection: Projection, row: Readonly<Record<string, unknown>>) =>
  JSON.stringify(projection.key.map(({ property }) => row[property]));

/** In how many runs nothing was left waiting, so that the rows could be compared. */
let [mended, rebuilt] = [0, 0];

const share = fc.nat({ max: 999 });
/** The faults: which events fail and how, when that is corrected, and how the log is divided. */
const course = fc.record({
  faults: fc.array(fc.tuple(share, fc.constantFrom<Fault>('handler', 'fold')), { minLength: 1, maxLength: 5 }),
  cuts: fc.array(fc.record({ at: share, retry: fc.boolean(), mended: fc.nat({ max: 2 }) }), { maxLength: 3 }),
  batchLimit: fc.integer({ min: 1, max: 12 }),
  pageSize: fc.integer({ min: 1, max: 4 }),
});
type Course = typeof course extends fc.Arbitrary<infer C> ? C : never;
/** For each property and projection; other runs of the tests take other seeds. */
const RUNS = 10;
const DISCARDING = { by: 'a test', reason: null };

/** A projection after a course of faults: the events that are parked, and the rows that are expected. */
async function gone(
  engine: TestEngine,
  projection: Projection,
  happened: Parameters<typeof libraryAppends>[0],
  { faults, cuts, batchLimit, pageSize }: Course,
  faultAt: (event: RecordedEvent, fault: Fault) => Fault = (_, fault) => fault,
) {
  const { position: before } = await engine.log.head();
  await database.sql`truncate read.books_v1, read.readings_v1, read.books_history_v1, read.readings_history_v1, read.people_v1, read.people_history_v1, read.shelf_v1, read.shelf_history_v1`;
  await engine.log.append(libraryAppends(happened));
  const events = await engine.log.read(before, 1000);
  const end = before + events.length;
  const at = (share: number) => before + 1 + Math.floor((share / 1000) * events.length);
  const wrong = new Map<number, Fault>();
  for (const [share, fault] of faults) wrong.set(at(share), faultAt(events[at(share) - before - 1]!, fault));
  const driven = new DrivenProjection(engine, database.sql, failing(projection, wrong));
  const { db } = engine.database.projector;
  const deadLetters = new DeadLetters({ db, projections: [driven.projection], events: Book.events, pageSize });
  const waiting = () => deadLetters.keys(projection.name, 100);
  const retryAll = async () => {
    for (let more = true; more; ) {
      more = false;
      for (const { key } of await waiting()) {
        const { applied } = await deadLetters.retry(projection.name, key).catch(unlessMerged);
        more ||= applied > 0;
      }
    }
  };
  const present = () => db.select().from(projection.table) as Promise<Record<string, unknown>[]>;
  const byKey = (rows: readonly Record<string, unknown>[]) =>
    new Map(
      rows.map(({ lastPosition: _, staleSince: __, validFrom: ___, keptIn: ____, ...row }) => [
        keyOf(projection, row),
        row,
      ]),
    );
  await driven.beginAt(before);
  for (const cut of cuts.toSorted((a, b) => a.at - b.at)) {
    await driven.moveTo(at(cut.at), batchLimit);
    for (const position of [...wrong.keys()].slice(0, cut.mended)) wrong.delete(position);
    if (cut.retry) await retryAll();
  }
  await driven.moveTo(end, batchLimit);
  const expected = byKey(expectedRows(projection, events));
  return { before, end, events, wrong, deadLetters, waiting, retryAll, present, byKey, expected };
}

/** It went with another key that it turned out to belong to. */
function unlessMerged(error: { readonly code?: unknown }): { readonly applied: number } {
  if (error.code !== 'DEAD_LETTER_NOT_FOUND') throw error;
  return { applied: 0 };
}

describe.each<readonly [string, Projection]>([
  ['books', books],
  ['readings', readings],
  ['people', people],
  ['shelf', shelf],
])('whatever happens to %s', (_, projection) => {
  it('a row that is not stale is correct, and all rows are once the fault is corrected', async () => {
    const engine = await openEngine();
    // Which rows an event changes by their values is known only if its handler works.
    const known = (event: RecordedEvent, fault: Fault) =>
      projection === people || changesOf(projection, event).some(({ kind }) => kind === 'updateWhere') ? 'fold' : fault;
    await fc.assert(
      fc.asyncProperty(libraryEvents, course, async (happened, course) => {
        const { events, wrong, waiting, retryAll, present, byKey, expected } = await gone(
          engine,
          projection,
          happened,
          course,
          known,
        );
        const stale = (await present()).filter(({ staleSince }) => staleSince !== null);
        for (const [key, row] of byKey((await present()).filter(({ staleSince }) => staleSince === null))) {
          expect(row).toEqual(expected.get(key));
        }
        if (wrong.size === 0) await retryAll();
        if ((await waiting()).length === 0) expect(stale.length === 0 || wrong.size === 0).toBe(true);

        wrong.clear();
        await retryAll();
        expect(await waiting()).toEqual([]);
        expect((await present()).filter(({ staleSince }) => staleSince !== null)).toEqual([]);
        expect(byKey(await present())).toEqual(expected);
        expect(await historyOf(engine.database.projector.db, projection)).toEqual(expectedHistory(projection, events));
      }),
      { numRuns: RUNS },
    );
  });

  it('a retry of an event whose rows were unknown makes them correct, or is refused', async () => {
    const engine = await openEngine();
    await fc.assert(
      fc.asyncProperty(libraryEvents, course, async (happened, course) => {
        const { events, wrong, waiting, retryAll, present, byKey, expected } = await gone(
          engine,
          projection,
          happened,
          course,
        );
        wrong.clear();
        await retryAll();
        const left = await waiting();
        for (const { error } of left) expect(error).toContain('projections rebuild');
        if (left.length > 0) return;
        mended++;
        expect((await present()).filter(({ staleSince }) => staleSince !== null)).toEqual([]);
        expect(byKey(await present())).toEqual(expected);
        expect(await historyOf(engine.database.projector.db, projection)).toEqual(expectedHistory(projection, events));
      }),
      { numRuns: RUNS },
    );
  });

  it('a table that is filled again skips discarded events, and has the same rows', async () => {
    const engine = await openEngine();
    await fc.assert(
      fc.asyncProperty(libraryEvents, course, fc.nat({ max: 5 }), async (happened, course, discards) => {
        const { before, end, wrong, deadLetters, waiting, retryAll, present, byKey } = await gone(
          engine,
          projection,
          happened,
          course,
        );
        for (let left = discards; left > 0; left--) {
          const [first] = await waiting();
          if (first) await deadLetters.discard(projection.name, first.key, first.position, DISCARDING);
        }
        wrong.clear();
        await retryAll();
        if ((await waiting()).length > 0) return;
        rebuilt++;
        const live = byKey(await present());
        const history = await historyOf(engine.database.projector.db, projection);
        await database.sql`truncate read.books_v1, read.readings_v1, read.books_history_v1, read.readings_history_v1, read.people_v1, read.people_history_v1, read.shelf_v1, read.shelf_history_v1`;
        const checkpoint = checkpointId('rebuild', projection.name);
        const beside = { ...projection, name: checkpoint.key, checkpoint };
        const anew = new DrivenProjection(engine, database.sql, beside, projection.checkpoint.key);
        await anew.beginAt(before);
        await anew.moveTo(end);
        expect(byKey(await present())).toEqual(live);
        expect(await historyOf(engine.database.projector.db, projection)).toEqual(history);
      }),
      { numRuns: RUNS },
    );
  });
});

it('the properties above have compared rows, and not only seen refusals', () => {
  expect(mended).toBeGreaterThan(0);
  expect(rebuilt).toBeGreaterThan(0);
});
