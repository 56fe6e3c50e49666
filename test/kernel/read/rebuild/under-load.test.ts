import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
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
import { useDatabase } from '../../../support/postgres/database.ts';
import { testRandom } from '../../../support/random.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);

const REBUILDS = 4;
const random = testRandom();

/** Reads what it has just written, on any of the engines, until it is told to stop. */
async function client(engines: readonly TestEngine[], signal: AbortSignal): Promise<number> {
  const any = () => random.pick(engines);
  const counterId = randomUUID();
  await any().bus.execute(openCounter, { counterId, label: 'a' }, system);
  let reads = 0;
  for (let version = 2; !signal.aborted; version++) {
    const { position } = receiptOf(await any().bus.execute(incrementCounter, { counterId }, system));
    const { projector, database } = any();
    expect(await projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    const rows = await database.reader.db.select().from(countersTable).where(eq(countersTable.id, counterId));
    expect(rows).toMatchObject([{ value: version - 1, version }]);
    reads++;
  }
  return reads;
}

/** How far listeners of an engine were told that the read model is: must never go back. */
function watch({ projector }: TestEngine): { readonly setbacks: number[]; readonly unknown: number[] } {
  const seen = { setbacks: [] as number[], unknown: [] as number[] };
  let last = 0;
  projector.hub.listen(['counters'], ({ position, keys }) => {
    if (position < last) seen.setbacks.push(position);
    if (keys === null) seen.unknown.push(position);
    last = position;
  });
  return seen;
}

describe('rebuilds under load', () => {
  it('do not affect clients that read their own writes', async () => {
    const engines = [await openEngine({ start: true }), await openEngine({ start: true })];
    await database.sql`create index counters_value on read.counters_v1 (value)`;
    const watched = engines.map(watch);
    const stop = new AbortController();
    const clients = Array.from({ length: 8 }, () => client(engines, stop.signal));
    const failed = Promise.all(clients);
    failed.catch(() => undefined);
    const [first] = engines as [TestEngine];
    for (let n = 1; n <= REBUILDS; n++) {
      await first.projector.rebuilds.begin(counters);
      await Promise.race([
        failed,
        until(async () => (await database.sql`select from read.checkpoints where projection like '%#%'`).length === 0),
      ]);
    }
    expect(await first.projector.verify(counters)).toMatchObject({ counts: { missing: 0, extra: 0, different: 0 } });
    stop.abort();
    const reads = await failed;
    expect(Math.min(...reads)).toBeGreaterThan(0);
    const [row] = await database.sql`select generation from read.checkpoints where projection = 'counters@1'`;
    expect(row?.generation).toBe(1 + REBUILDS);
    // Whoever shows rows was told each time that any of them may have changed.
    for (const { setbacks, unknown } of watched) {
      expect(setbacks).toEqual([]);
      expect(unknown.length).toBeGreaterThanOrEqual(REBUILDS);
    }
    expect(engines.flatMap(({ faults }) => faults)).toEqual([]);
  });
});
