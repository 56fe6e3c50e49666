import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../../src/kernel/define/command.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { Snapshots } from '../../../../src/kernel/log/streams/snapshots.ts';
import { unobserved } from '../../../../src/kernel/observe/occurrences.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  Counter,
  CounterClosed,
  CounterIncremented,
  CounterOpened,
  type CounterState,
  counterDomain,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

/** The newer code: an event more, which sets a counter back. The shape of the state is the same. */
const CounterReset = defineEvent('CounterReset', { data: z.object({}) });
const NewerCounter = defineAggregate('Counter', {
  visibleTo: 'everyone',
  initialState: (): CounterState => ({ status: 'NONE', value: 0 }),
  events: { CounterOpened, CounterIncremented, CounterClosed, CounterReset },
  evolve: {
    CounterOpened: (state) => ({ ...state, status: 'OPEN' }),
    CounterIncremented: (state, { data }) => ({ ...state, value: state.value + data.by }),
    CounterClosed: (state) => ({ ...state, status: 'CLOSED' }),
    CounterReset: (state) => ({ ...state, value: 0 }),
  },
  snapshot: { every: 10 },
});
const of = { aggregate: NewerCounter, allow: 'everyone' } as const;
const resetCounter = defineCommand('resetCounter', {
  ...of,
  input: z.object({ counterId: z.uuid() }),
  id: ({ counterId }) => counterId,
  decide: () => CounterReset({}),
});
const addToCounter = defineCommand('addToCounter', {
  ...of,
  input: z.object({ counterId: z.uuid(), by: z.int() }),
  id: ({ counterId }) => counterId,
  decide: ({ value }, { by }) => CounterIncremented({ by: value + by }),
});

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);
const newer = {
  name: 'newer counters',
  aggregates: [NewerCounter],
  commands: [resetCounter, addToCounter],
  projections: [],
  graphql: undefined,
};
const stored = async () => {
  const [row] = await database.sql`select version, state from es.snapshots`;
  return row && { version: row.version, state: JSON.parse(row.state.state), events: row.state.events };
};

/** A counter of nine events by the older code. */
async function openedByOlder(): Promise<string> {
  const older = await openEngine();
  const { aggregateId: counterId } = receiptOf(await older.bus.execute(openCounter, { label: 'a' }, system));
  receiptOf(await older.bus.execute(incrementCounter, { counterId, by: 1000, times: 8 }, system));
  await older.close();
  return counterId;
}

/** The same with a reset by the newer code, and a snapshot after it. */
async function resetByNewer(): Promise<string> {
  const counterId = await openedByOlder();
  const { bus, close } = await openEngine({ domains: [newer] });
  receiptOf(await bus.execute(resetCounter, { counterId }, system));
  receiptOf(await bus.execute(addToCounter, { counterId, by: 1 }, system));
  await close();
  expect(await stored()).toMatchObject({ version: 10, state: { value: 0 } });
  return counterId;
}

describe('the snapshot of a stream', () => {
  it('does not hide an event of newer code from older code, which leaves the command to others and the snapshot as it is', async () => {
    const counterId = await resetByNewer();
    const before = await stored();
    const { bus, log, drain, faults } = await openEngine();
    const elsewhere = { code: 'THROTTLED', message: expect.stringContaining('CounterReset') };
    await expect(bus.execute(incrementCounter, { counterId }, system)).rejects.toMatchObject(elsewhere);
    const { events } = Counter;
    const asked = { streamType: 'Counter', streamId: counterId, version: 11, stateVersion: 1, events };
    await expect(log.loadAt(asked)).rejects.toMatchObject({ code: 'UNREADABLE_EVENT', eventName: 'CounterReset' });
    await drain();
    expect(await stored()).toEqual(before);
    expect(faults).toEqual([]);
  });

  it('is left to newer code also if older code can read all events, until the stream has grown', async () => {
    const counterId = await openedByOlder();
    const { bus, close } = await openEngine({ domains: [newer] });
    receiptOf(await bus.execute(addToCounter, { counterId, by: 1 }, system));
    await close();
    const before = await stored();
    expect(before).toMatchObject({ version: 10, events: expect.arrayContaining(['CounterReset@1']) });
    const older = await openEngine();
    receiptOf(await older.bus.execute(incrementCounter, { counterId }, system));
    await older.drain();
    expect(await stored()).toEqual(before);
    const next = await openEngine();
    receiptOf(await next.bus.execute(incrementCounter, { counterId, times: 10 }, system));
    await next.drain();
    expect(await stored()).toMatchObject({
      version: 21,
      events: Object.keys(Counter.events)
        .map((name) => `${name}@1`)
        .toSorted(),
    });
  });

  it('by older code is not what newer code decides on: it makes the state from the events, and replaces the snapshot', async () => {
    const counterId = await resetByNewer();
    const { bus, database: opened, drain, faults } = await openEngine({ domains: [newer] });
    // The state as the older code would compute it: it does not know that the counter was reset.
    const taker = new Snapshots(opened.writer.db, unobserved);
    taker.consider(Counter, counterId, { events: 10, bytes: 1000 }, 11, { status: 'OPEN', value: 8001 });
    await taker.settled();
    expect(await stored()).toMatchObject({ version: 11, state: { value: 8001 } });
    receiptOf(await bus.execute(addToCounter, { counterId, by: 1 }, system));
    await drain();
    expect(await stored()).toMatchObject({ version: 11, state: { value: 1 } });
    const [last] = await database.sql`select data from es.events where version = 12`;
    expect(last).toEqual({ data: { by: 2 } });
    expect(faults).toEqual([]);
  });
});
