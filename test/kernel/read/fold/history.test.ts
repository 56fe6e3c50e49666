import { describe, expect, it } from 'vitest';
import { ReadModels } from '../../../../src/graphql/read/read-models.ts';
import { Rows } from '../../../../src/graphql/read/rows.ts';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { foldHistory, foldRows } from '../../../../src/kernel/testing/fold.ts';
import { DrivenProjection } from '../../../support/kernel/driven-projection.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import {
  Burned,
  bookNumber,
  books,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  libraryTables,
  Read,
  Renamed,
  readings,
  Written,
} from '../../../support/kernel/library.ts';
import { people, peopleHistory, peopleTable } from '../../../support/kernel/people.ts';
import { expectedHistory, historyOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { fc } from '../../../support/properties.ts';

const database = useDatabase({ tables: [...libraryTables, peopleTable, peopleHistory], per: 'emptied' });
const openEngine = useEngine(database, [libraryDomain]);

const at = (ms: number) => new Date(Date.UTC(2020, 0, 1) + ms);
/** When each of the events happens, again and again: times go forth and back from one stream to the other. */
const times = fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 7 });

/** Appends to the log, at these times, and lets the read models begin there, with nothing. */
async function happen(
  { log }: TestEngine,
  happened: Parameters<typeof libraryAppends>[0],
  ms: readonly number[],
): Promise<RecordedEvent[]> {
  const { position } = await log.head();
  await database.sql`truncate read.books_v1, read.readings_v1, read.books_history_v1, read.readings_history_v1, read.people_v1, read.people_history_v1`;
  // Business time does not decrease within a stream, which continues from one run to the next.
  const begin = position * 100;
  const appends = libraryAppends(happened);
  await log.append(appends.map((one, n) => ({ ...one, occurredAt: at(begin + (ms[n % ms.length] as number)) })));
  return log.read(position, 1000);
}

async function drive(engine: TestEngine, projection: Projection, events: readonly RecordedEvent[], batch: number) {
  const driven = new DrivenProjection(engine, database.sql, projection);
  await driven.beginAt((events[0]?.position ?? 1) - 1);
  await driven.moveTo(events.at(-1)?.position ?? 0, batch);
}

/** The versions of a row in their order, the present one last, and when each held. */
function spansOf(events: readonly RecordedEvent[], id: string) {
  const { former, held } = foldHistory(books, events);
  const present = foldRows(books, events).map((row, nth) => ({ row, validFrom: held[nth] as Date }));
  return [
    ...former.map(({ validFrom, validUntil, fromPosition: _, untilPosition: __, ...row }) => ({
      row,
      validFrom,
      validUntil,
    })),
    ...present.map((one) => ({ ...one, validUntil: undefined })),
  ].filter(({ row }) => row.id === id);
}

describe('history', () => {
  it.each<readonly [string, Projection]>([
    ['books', books],
    ['readings', readings],
    ['people', people],
  ])(
    'of %s is that of a fold event by event, whenever things happened and however the log was cut',
    async (_, projection) => {
      const engine = await openEngine();
      await fc.assert(
        fc.asyncProperty(libraryEvents, times, fc.integer({ min: 1, max: 12 }), async (happened, ms, batch) => {
          const events = await happen(engine, happened, ms);
          await drive(engine, projection, events, batch);
          expect(await historyOf(engine.database.projector.db, projection)).toEqual(
            expectedHistory(projection, events),
          );
        }),
        { numRuns: 40 },
      );
    },
  );

  it('answers any time with the version that held, at the boundaries too, and with nothing before and between', async () => {
    const engine = await openEngine();
    const rows = new Rows(new ReadModels(engine.database.reader.db), null);
    await fc.assert(
      fc.asyncProperty(libraryEvents, times, async (happened, ms) => {
        const events = await happen(engine, happened, ms);
        await drive(engine, books, events, 7);
        for (const id of [0, 1, 2].map(bookNumber)) {
          const spans = spansOf(events, id);
          // A row that is created again starts a new series: only then may periods overlap.
          if (spans.some(({ validFrom }, n) => n > 0 && validFrom < (spans[n - 1]?.validUntil as Date))) continue;
          const bounds = spans.flatMap(({ validFrom, validUntil }) => [validFrom, validUntil ?? validFrom]);
          const moments = new Set(bounds.flatMap((bound) => [-1, 0, 1].map((ms) => bound.getTime() + ms)));
          for (const moment of moments) {
            const time = new Date(moment);
            const held = spans.find((span) => span.validFrom <= time && (!span.validUntil || time < span.validUntil));
            const answer = await rows.asOf(books, id, { at: time });
            if (held) expect(answer).toMatchObject(held.row);
            else expect(answer).toBeNull();
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  it('shows changes of several streams to a row only from the latest of their times on', async () => {
    const engine = await openEngine();
    const [one, two] = [bookNumber(1), bookNumber(2)];
    const events = await happen(
      engine,
      [
        [one, Written({ title: 'One', author: 'ann', tags: [] })],
        [one, Read({ reader: 'cid', pages: 1 })],
        [two, Renamed({ from: 'ann', to: 'bob' })],
        [one, Burned({})],
      ],
      [10, 20, 15, 30],
    );
    await drive(engine, books, events, 2);
    const versions = spansOf(events, one).map(({ row, validFrom, validUntil }) => ({
      author: row.author,
      pages: row.pages,
      validFrom,
      validUntil,
    }));
    const bare = { author: 'ann', pages: 0 };
    expect(versions).toEqual([
      { ...bare, validFrom: at(10), validUntil: at(20) },
      { ...bare, pages: 2, validFrom: at(20), validUntil: at(20) },
      { author: 'bob', pages: 2, validFrom: at(20), validUntil: at(30) },
    ]);
    const rows = new Rows(new ReadModels(engine.database.reader.db), null);
    const asOf = async (ms: number) => (await rows.asOf(books, one, { at: at(ms) }))?.author ?? null;
    expect(await Promise.all([9, 10, 19, 20, 29, 30, 99].map(asOf))).toEqual([
      ...[null, 'ann', 'ann', 'bob', 'bob', null, null],
    ]);
  });

  it('is filled by a batch once, even if another instance delivers it again', async () => {
    const engine = await openEngine();
    const events = await happen(
      engine,
      [
        [bookNumber(1), Written({ title: 'One', author: 'ann', tags: [] })],
        [bookNumber(1), Read({ reader: 'cid', pages: 1 })],
      ],
      [1],
    );
    await drive(engine, books, events, 100);
    await drive(engine, books, events, 1);
    expect(await historyOf(engine.database.projector.db, books)).toEqual(expectedHistory(books, events));
  });
});
