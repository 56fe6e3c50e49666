import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DatabaseClock } from '../../../src/kernel/clock/database-clock.ts';
import type { EngineOccurrences } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const open = useEngine(database, [counterDomain]);
const SECOND = 1000;
const HOUR = 3_600_000;
const realNow = Date.now;

/** Only this machine's clock is set: timers and the monotonic clock go on. */
const setClock = (byMs: number) => vi.spyOn(Date, 'now').mockImplementation(() => realNow() + byMs);
beforeEach(() => void vi.restoreAllMocks());
afterEach(() => void vi.restoreAllMocks());

it('is the time of Postgres, whatever this machine says', async () => {
  setClock(31 * SECOND);
  const { clock } = await open({ start: true });
  expect(Math.abs(clock.now() - realNow())).toBeLessThan(SECOND);
  expect(Math.abs(clock.skewMs - 31 * SECOND)).toBeLessThan(SECOND);
  setClock(-HOUR);
  expect(Math.abs(clock.now() - realNow())).toBeLessThan(SECOND);
  expect(Math.abs(clock.skewMs + HOUR)).toBeLessThan(SECOND);
});

it('a server whose clock is 31 seconds ahead believes no read model to be behind, and takes commands', async () => {
  setClock(31 * SECOND);
  const notices: unknown[] = [];
  const engine = await open({
    start: true,
    throttleLagMs: 30_000,
    subscribers: [{ clockSkewed: (notice) => notices.push(notice) }],
  });
  const blocker = await holdUp(database, 'lock table read.counters_v1 in exclusive mode');
  await engine.bus.execute(openCounter, { counterId: randomUUID(), label: 'a' }, system);
  await until(() => engine.projector.status().some(({ name, lag }) => name === 'counters' && lag > 0));
  expect(await engine.bus.execute(openCounter, { counterId: randomUUID(), label: 'b' }, system)).toMatchObject({
    kind: 'accepted',
  });
  expect(engine.projector.status().map(({ lagState }) => lagState)).not.toContain('EMERGENCY');
  await blocker.release();
  expect(notices).toEqual([{ skewMs: expect.any(Number) }]);
});

it("leases are renewed and read models moved after this machine's clock was set back", async () => {
  const engine = await open({ start: true });
  setClock(-HOUR);
  const leaseOf = async () => {
    const [row] = await database.sql`select lease_until::text from read.checkpoints where projection = 'counters@1'`;
    return row?.lease_until as string;
  };
  const [first, looks] = [await leaseOf(), 400];
  for (let look = 0; (await leaseOf()) === first; look++) {
    if (look > looks) throw new Error('The lease is not renewed.');
    await delay(10);
  }
  await engine.bus.execute(openCounter, { counterId: randomUUID(), label: 'a' }, system);
  expect(await engine.projector.positions.reached('counters', engine.projector.head.position)).toBe(true);
});

/** A clock whose Postgres answers with these times, in ms since 1970. */
function clockThatReads(readings: () => number, told: { skew?: number[]; step?: number[] } = {}) {
  return new DatabaseClock({
    ask: async () => readings(),
    observer: new Observer<EngineOccurrences>([
      {
        clockSkewed: ({ skewMs }) => told.skew?.push(Math.round(skewMs / SECOND)),
        clockStepped: ({ stepMs }) => told.step?.push(Math.round(stepMs / SECOND)),
      },
    ]),
  });
}

it('follows a Postgres whose clock was set, or another one after a failover, and says by how much', async () => {
  let ahead = 0;
  const told = { step: [] as number[] };
  const clock = clockThatReads(() => performance.now() + ahead, told);
  await clock.measure();
  await clock.measure();
  ahead = 90 * SECOND;
  await clock.measure();
  expect(Math.abs(clock.now() - performance.now() - ahead)).toBeLessThan(SECOND);
  ahead = -5 * SECOND;
  await clock.measure();
  expect(Math.abs(clock.now() - performance.now() - ahead)).toBeLessThan(SECOND);
  expect(told.step).toEqual([90, -95]);
});

it('tells of a difference once for each order of magnitude, and when it is over', async () => {
  const skew: number[] = [];
  let seconds = 0;
  const clock = clockThatReads(() => Date.now() - seconds * SECOND, { skew });
  for (seconds of [0, 2, 3, 8, 9.5, 20, 15, 9.5, 5, 0.9, 0.1, -3]) await clock.measure();
  expect(skew).toEqual([2, 20, 5, 0, -3]);
});
