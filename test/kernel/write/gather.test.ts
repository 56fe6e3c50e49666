import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Load } from '../../../src/kernel/define/command.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { anAppend, incremented, receiptOf } from '../../support/kernel/appends.ts';
import {
  Counter,
  CounterIncremented,
  CounterOpened,
  counterDomain,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { everyEvent } from '../../support/kernel/log.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
const open = async ({ bus }: Pick<TestEngine, 'bus'>) =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
const increment = ({ bus }: Pick<TestEngine, 'bus'>, counterId: string, by = 1) =>
  bus.execute(incrementCounter, { counterId, by }, system);

/** Adds what another counter shows, where `find` is what it is looked up with, and `then` happens after it was. */
const adding = (find: 'load' | 'hold', then: () => Promise<unknown> = async () => {}) =>
  defineCommand('adding', {
    aggregate: Counter,
    input: z.object({ counterId: z.string(), otherId: z.string() }),
    id: (input) => input.counterId,
    allow: 'everyone',
    gather: async ({ otherId }, tools) => {
      const look: Load = tools[find];
      const other = await look(Counter, otherId);
      await then();
      return other?.value ?? -1;
    },
    decide: (_, __, shown) => CounterIncremented({ by: shown }),
  });

/** Once, and not when it is called again. */
const once = (action: () => Promise<unknown>) => {
  let calls = 0;
  return { run: async () => (calls++ === 0 ? action() : undefined), calls: () => calls };
};
const lastAdded = async (counterId: string) =>
  (await database.sql`select data from es.events where stream_id = ${counterId} order by version desc limit 1`)[0]?.data
    .by;

describe('what a command holds', () => {
  it('is unchanged when the events are appended; otherwise the command gathers and decides again', async () => {
    const [engine, elsewhere] = [await openEngine(), await openEngine()];
    const [counterId, otherId] = [await open(engine), await open(engine)];
    for (const changing of [engine, elsewhere]) {
      const change = once(() => increment(changing, otherId, 5));
      receiptOf(await engine.bus.execute(adding('hold', change.run), { counterId, otherId }, system));
      expect(change.calls()).toBe(2);
    }
    expect(await lastAdded(counterId)).toBe(10);
  });

  it('may change meanwhile if it is only loaded', async () => {
    const engine = await openEngine();
    const [counterId, otherId] = [await open(engine), await open(engine)];
    const change = once(() => increment(engine, otherId, 5));
    receiptOf(await engine.bus.execute(adding('load', change.run), { counterId, otherId }, system));
    expect(change.calls()).toBe(1);
    expect(await lastAdded(counterId)).toBe(0);
  });

  it('may be that a stream has no events', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const otherId = '00000000-0000-7000-8000-00000000000A';
    const change = once(() => engine.bus.execute(openCounter, { counterId: otherId, label: 'b' }, system));
    receiptOf(await engine.bus.execute(adding('hold', change.run), { counterId, otherId }, system));
    expect(await lastAdded(counterId)).toBe(0);
    const nobody = '00000000-0000-7000-8000-00000000000b';
    receiptOf(await engine.bus.execute(adding('hold'), { counterId, otherId: nobody }, system));
    expect(await lastAdded(counterId)).toBe(-1);
  });

  it('that never stays is a conflict in the end, even if the stream itself is as expected', async () => {
    const engine = await openEngine();
    const [counterId, otherId] = [await open(engine), await open(engine)];
    const always = adding('hold', () => increment(engine, otherId));
    for (const expectedVersion of [undefined, 1]) {
      const outcome = await engine.bus.execute(always, { counterId, otherId }, { ...system, expectedVersion });
      expect(outcome).toEqual({ kind: 'conflict', expectedVersion: 1, actualVersion: 1, attempts: 11 });
    }
  });

  it('is exact in the log, however many change it and wherever', async () => {
    const engines = [await openEngine({ writers: 4 }), await openEngine({ writers: 4 })];
    const otherId = await open(engines[0]!);
    const counters = await Promise.all(upTo(6).map(() => open(engines[0]!)));
    let changing = true;
    const changes = engines.map(async (engine) => {
      while (changing) await increment(engine, otherId);
    });
    const outcomes = await Promise.all(
      counters.map(async (counterId, index) => {
        const own = [];
        for (let n = 0; n < 15; n++) {
          const { bus } = engines[(index + n) % 2]!;
          own.push(await bus.execute(adding('hold'), { counterId, otherId }, system));
        }
        return own;
      }),
    );
    changing = false;
    await Promise.all(changes);
    // Luck does not last: a conflict is a valid outcome here, a wrong result is not.
    const accepted = outcomes.flat().filter(({ kind }) => kind === 'accepted').length;
    expect(accepted).toBeGreaterThan(0);
    let shown = 0;
    let added = 0;
    for (const { streamId, type, data } of await everyEvent(engines[0]!.log)) {
      if (type !== 'CounterIncremented') continue;
      const { by } = data as { by: number };
      if (streamId === otherId) shown += by;
      else {
        expect(by).toBe(shown);
        added++;
      }
    }
    expect(added).toBe(accepted);
  });

  it('is judged by the appends before it in its batch, not by those after it', async () => {
    const { log } = await openEngine();
    const [streamId, another] = [await open(await openEngine()), await open(await openEngine())];
    const held = [{ streamType: 'Counter', streamId, version: 1 }];
    const change = () => anAppend({ streamId, expectedVersion: 1, events: [incremented()] });
    const outcomes = await log.append([
      anAppend({ held }),
      change(),
      anAppend({ held }),
      anAppend({ streamId: another, expectedVersion: 1 }),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'conflict', 'accepted']);
    const [late, right] = await log.append([
      anAppend({ held }),
      anAppend({ held: [{ streamType: 'Counter', streamId, version: 2 }] }),
    ]);
    expect([late?.outcome, right?.outcome]).toEqual(['conflict', 'accepted']);
  });
});

describe('the state at a version', () => {
  const goBack = defineCommand('goBack', {
    aggregate: Counter,
    input: z.object({ counterId: z.string(), version: z.int() }),
    id: (input) => input.counterId,
    allow: 'everyone',
    gather: async ({ version }, { stateAt }) => (await stateAt(version))?.value ?? -1,
    decide: (counter, _, value) => CounterIncremented({ by: value - counter.value }),
  });
  const shownAfter = async (engine: TestEngine, counterId: string, version: number) => {
    receiptOf(await engine.bus.execute(goBack, { counterId, version }, system));
    const events = await engine.log.read(0, 1000);
    const own = events.filter(({ streamId, type }) => streamId === counterId && type === 'CounterIncremented');
    return own.reduce((sum, { data }) => sum + (data as { by: number }).by, 0);
  };

  it('is the result of the events up to it, before and after a snapshot', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    for (let n = 1; n < 25; n++) await increment(engine, counterId);
    await engine.drain();
    const [snapshot] = await database.sql`select version from es.snapshots`;
    expect(snapshot?.version).toBe(20);
    for (const version of [1, 2, 9, 19, 20, 21, 25]) {
      const another = await openEngine();
      expect(await shownAfter(another, counterId, version)).toBe(version - 1);
    }
  });

  it('is not there for a version that the stream does not have', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    for (const version of [0, -1, 100, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
      expect(await shownAfter(engine, counterId, version)).toBe(-1);
    }
  });

  it('is there for versions that are on their way, and for those that another instance has just appended', async () => {
    const [engine, elsewhere] = [await openEngine(), await openEngine()];
    const counterId = await open(engine);
    const [, , , back] = await Promise.all([
      increment(engine, counterId),
      increment(engine, counterId),
      increment(engine, counterId),
      engine.bus.execute(goBack, { counterId, version: 3 }, system),
    ]);
    expect(receiptOf(back).version).toBe(5);
    expect(await lastAdded(counterId)).toBe(-1);
    await increment(elsewhere, counterId, 10);
    expect(await shownAfter(engine, counterId, 6)).toBe(12);
  });

  it('is there in tests of a command too', async () => {
    const past = [CounterOpened({ label: 'a' }), CounterIncremented({ by: 3 }), CounterIncremented({ by: 4 })];
    const counterId = '00000000-0000-7000-8000-00000000000a';
    const asked = given(Counter, past);
    await asked.when(goBack, { counterId, version: 2 }).thenEvents(CounterIncremented({ by: -4 }));
    await asked.when(goBack, { counterId, version: 4 }).thenEvents(CounterIncremented({ by: -8 }));
  });
});

describe('who issues a command', () => {
  const claim = defineCommand('claim', {
    aggregate: Counter,
    creates: true,
    input: z.object({}),
    id: () => undefined,
    allow: 'everyone',
    gather: async (_, { actor }) => actor?.id,
    decide: (_, __, owner) => CounterOpened({ label: 'mine', owner }),
  });

  it('is known to what it gathers', async () => {
    const { bus } = await openEngine();
    const { aggregateId } = receiptOf(await bus.execute(claim, {}, { actor: { id: 'ada', roles: [], claims: {} } }));
    const nobody = receiptOf(await bus.execute(claim, {}, { actor: null })).aggregateId;
    const events = await database.sql`select stream_id, data from es.events`;
    expect(new Map(events.map((row) => [row.stream_id, row.data.owner]))).toEqual(
      new Map([
        [aggregateId, 'ada'],
        [nobody, undefined],
      ]),
    );
    await given(Counter)
      .by({ id: 'ada', roles: [], claims: {} })
      .when(claim, {})
      .thenEvents(CounterOpened({ label: 'mine', owner: 'ada' }));
  });
});
