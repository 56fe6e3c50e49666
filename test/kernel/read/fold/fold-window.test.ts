import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { FencedError } from '../../../../src/kernel/checkpoints/advance.ts';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { FoldWindow } from '../../../../src/kernel/read/fold/fold-window.ts';
import { prefetchForWindow, type WindowedBatch } from '../../../../src/kernel/read/fold/prefetched-batch.ts';
import { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { WindowMemory } from '../../../../src/kernel/read/fold/window-memory.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { leaseTo } from '../../../support/kernel/leased.ts';
import {
  books,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  libraryTables,
  readings,
  Written,
} from '../../../support/kernel/library.ts';
import { everyEvent } from '../../../support/kernel/log.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { fc } from '../../../support/properties.ts';

const database = useDatabase({ tables: libraryTables, per: 'emptied' });
const openEngine = useEngine(database, [libraryDomain]);
const projections: readonly Projection[] = [books, readings];
const owner = randomUUID();
let engine: TestEngine;

beforeEach(async () => {
  engine = await openEngine();
  await leaseTo(owner, engine, projections);
});

it('rows that several batches change in memory are the same as those of all events, whenever they are written', async () => {
  const seen = { inWindow: 0, writtenLater: 0 };
  await fc.assert(
    fc.asyncProperty(
      libraryEvents,
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (happened, size, isWritten, startsWithRows) => {
        const { position: began } = await engine.log.head();
        await database.sql`truncate read.books_v1, read.readings_v1, read.books_history_v1, read.readings_history_v1`;
        await database.sql`update read.checkpoints set position = ${began}`;
        await engine.log.append(libraryAppends(happened));
        const events = await engine.log.read(began, 1000);
        for (const projection of projections) {
          await replay(projection, events, { size, isWritten, startsWithRows, seen });
        }
      },
    ),
    { numRuns: 30 },
  );
  expect(seen.inWindow).toBeGreaterThan(10);
  expect(seen.writtenLater).toBeGreaterThan(10);
});

interface ReplayChoices {
  readonly size: number;
  /** Whether the window is written after the nth batch; the choices are repeated. */
  readonly isWritten: readonly boolean[];
  /** Whether the window has to look rows up, as if the table had some. */
  readonly startsWithRows: boolean;
  readonly seen: { inWindow: number; writtenLater: number };
}

/** Replays events through a window; batches that need the table are written by themselves, with a new window after them. */
async function replay(
  projection: Projection,
  events: readonly RecordedEvent[],
  { size, isWritten, startsWithRows, seen }: ReplayChoices,
): Promise<void> {
  const { db } = engine.database.projector;
  const table = new ProjectionTable(db, projection);
  let window = new FoldWindow(projection, new WindowMemory(), !startsWithRows);
  let written = (events[0]?.position ?? 1) - 1;
  let folded = written;
  const write = async () => {
    if (!window.isOpen) return;
    await table.writeParts(window.parts(), { from: written, to: folded, owner, generation: 1 });
    window.written();
    written = folded;
  };
  let ahead: WindowedBatch | undefined;
  for (let at = 0, nth = 0; at < events.length; at += size, nth++) {
    const batch = events.slice(at, at + size);
    const next = events.slice(at + size, at + 2 * size);
    const plan = ahead?.plan ?? planBatch(projection, batch);
    const to = batch.at(-1)!.position;
    if (plan.where.size > 0) {
      await write();
      const writes = foldBatch(projection, plan, await table.read(plan));
      await table.write(writes, { from: written, to, owner, generation: 1 });
      written = to;
      window = new FoldWindow(projection, new WindowMemory(), false);
      ahead = undefined;
      continue;
    }
    const missing = window.missing(plan.keys);
    const ready = ahead?.lifetime === window.lifetime ? ahead : undefined;
    for (const text of ready?.read.keys() ?? []) missing.delete(text);
    const present = ready?.present ?? [];
    ahead = (await prefetchForWindow(projection, table, next, { window, before: plan })).windowed;
    window.fold(plan, [...present, ...(await table.read({ keys: missing, where: plan.where }))]);
    folded = to;
    seen.inWindow++;
    if (isWritten[nth % isWritten.length]) await write();
    else seen.writtenLater++;
  }
  await write();
  expect(await rowsOf(db, projection)).toEqual(expectedRows(projection, events));
  expect(await historyOf(db, projection)).toEqual(expectedHistory(projection, events));
}

describe('what a window writes', () => {
  /** Books with titles of these lengths, folded into one window. */
  const windowOf = async (lengths: readonly number[], bytes?: number) => {
    const { position: began } = await engine.log.head();
    const titles = lengths.map(
      (length, nth) =>
        [
          `00000000-0000-7000-8000-${String(nth).padStart(12, '0')}`,
          Written({ title: 'x'.repeat(length), author: null, tags: [] }),
        ] as const,
    );
    await engine.log.append(libraryAppends(titles));
    const events = await everyEvent(engine.log, began);
    const window = new FoldWindow(books, new WindowMemory(bytes), true);
    window.fold(planBatch(books, events), []);
    return { window, advance: { from: began, to: events.at(-1)!.position, owner, generation: 1 } };
  };

  it('comes in parts that are bounded in bytes', async () => {
    const { window } = await windowOf(Array.from({ length: 150 }, () => 40_000));
    const parts = [...window.parts()];
    expect(parts.length).toBeGreaterThan(4);
    for (const { keys } of parts) expect(keys.size).toBeLessThanOrEqual(30);
    expect(new Set(parts.flatMap(({ keys }) => [...keys])).size).toBe(150);
  });

  it('is due as soon as its rows take their memory, whichever of them are large', async () => {
    const isLarge = fc.sample(fc.boolean(), { numRuns: 100, seed: 7 });
    const lengths = isLarge.map((large) => (large ? 20_000 : 10));
    const bytes = 2 * lengths.reduce((sum, length) => sum + length, 0);
    expect((await windowOf(lengths, bytes)).window.isDue(false)).toBe(true);
    expect((await windowOf(lengths, 2 * bytes)).window.isDue(false)).toBe(false);
  });

  it('is little at a time while commands arrive', async () => {
    const { window } = await windowOf(Array.from({ length: 40 }, () => 40_000));
    expect(window.isDue(false)).toBe(false);
    expect(window.isDue(true)).toBe(true);
  });

  it('is not even made if another instance owns the read model now', async () => {
    const { window, advance } = await windowOf([10, 10]);
    const table = new ProjectionTable(engine.database.projector.db, books);
    let made = 0;
    const parts = function* () {
      for (const part of window.parts()) {
        made++;
        yield part;
      }
    };
    await expect(table.writeParts(parts(), { ...advance, owner: randomUUID() })).rejects.toThrow(FencedError);
    await expect(table.writeParts(parts(), { ...advance, generation: 2 })).rejects.toThrow(FencedError);
    await expect(table.writeParts(parts(), { ...advance, from: advance.from + 1 })).rejects.toThrow(FencedError);
    expect(made).toBe(0);
  });
});
