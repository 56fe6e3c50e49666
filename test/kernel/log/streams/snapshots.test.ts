import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../../src/kernel/define/command.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { sealSnapshot } from '../../../../src/kernel/log/streams/snapshot-envelope.ts';
import { Snapshots } from '../../../../src/kernel/log/streams/snapshots.ts';
import { unobserved } from '../../../../src/kernel/observe/occurrences.ts';
import { anAppend, incremented, receiptOf } from '../../../support/kernel/appends.ts';
import {
  Counter,
  type CounterState,
  counterDomain,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { faultsInto } from '../../../support/kernel/observers.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

const { events } = Counter;
const snapshots = async () =>
  (await database.sql`select stream_id, version, state_version, state from es.snapshots order by version`).map(
    ({ state, ...row }) => ({ ...row, state: JSON.parse(state.state) }),
  );
/** A counter whose stream has so many events. */
async function streamOf({ log }: Pick<TestEngine, 'log'>, count: number): Promise<string> {
  const streamId = randomUUID();
  const events = Array.from({ length: count }, () => incremented());
  await log.append([anAppend({ streamType: 'Counter', streamId, expectedVersion: 0, events })]);
  return streamId;
}
/** The events of a stream since its last snapshot. */
const TEN = { events: 10, bytes: 1000 };
/** Opens a counter and increments it until its stream has this many events. */
async function counterWith({ bus }: Pick<TestEngine, 'bus'>, events: number): Promise<string> {
  const { aggregateId: counterId } = receiptOf(await bus.execute(openCounter, { label: 'a' }, system));
  for (let n = 1; n < events; n++) receiptOf(await bus.execute(incrementCounter, { counterId }, system));
  return counterId;
}

describe('a snapshot', () => {
  it('is taken of the newest state each time a stream has passed another N events', async () => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 9);
    await engine.drain();
    expect(await snapshots()).toEqual([]);
    const { bus, drain } = await openEngine();
    await bus.execute(incrementCounter, { counterId, times: 15 }, system);
    await drain();
    expect(await snapshots()).toEqual([
      { stream_id: counterId, version: 24, state_version: 1, state: { status: 'OPEN', value: 23 } },
    ]);
  });

  it('is stored as text with its hash', async () => {
    const engine = await openEngine();
    await counterWith(engine, 10);
    await engine.drain();
    expect([...(await database.sql`select state from es.snapshots`)]).toEqual([
      {
        state: {
          hash: expect.stringMatching(/^[\w+/]{43}=$/),
          state: '{"status":"OPEN","value":9}',
          events: ['CounterClosed@1', 'CounterIncremented@1', 'CounterOpened@1'],
        },
      },
    ]);
  });

  it.each([
    ['an empty object', '{}'],
    ['null', 'null'],
    ['a list', '[1]'],
    ['a state without a hash, as earlier versions stored it', '{"status": "OPEN", "value": 1000}'],
    ['another state under the old hash', `jsonb_set(state, '{state}', '"{\\"status\\":\\"OPEN\\",\\"value\\":5}"')`],
  ])('that is %s is ignored, reported and replaced', async (_, damage) => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 12);
    await engine.drain();
    const stored = await snapshots();
    const value = damage.startsWith('jsonb_set') ? damage : `'${damage}'::jsonb`;
    await database.sql.unsafe(`update es.snapshots set state = ${value}`);
    const { bus, drain, faults, log } = await openEngine();
    // It counts to a million, and shows 11.
    const tooMuch = await bus.execute(incrementCounter, { counterId, by: 1_000_000 - 10 }, system);
    expect(tooMuch).toMatchObject({ kind: 'rejected', code: 'TOO_MUCH' });
    receiptOf(await bus.execute(incrementCounter, { counterId, by: 1_000_000 - 11 }, system));
    const former = await log.loadAt({
      streamType: 'Counter',
      streamId: counterId,
      version: 11,
      stateVersion: 1,
      events,
    });
    expect(former.events.length + (former.snapshot?.version ?? 0)).toBe(11);
    await drain();
    expect(faults).toMatchObject([{ error: { code: 'BAD_SNAPSHOT' }, context: { part: 'snapshots' } }]);
    expect(await snapshots()).toMatchObject([{ version: 12, state: { value: 11 } }]);
    expect(stored).toMatchObject([{ version: 10 }]);
  });

  it('is what a stream is loaded from, with the events after it', async () => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 12);
    await engine.drain();
    const of = { streamType: 'Counter', streamId: counterId, version: 10, stateVersion: 1 };
    const sealed = JSON.stringify(sealSnapshot(of, events, { status: 'OPEN', value: 1000 }));
    await database.sql`update es.snapshots set state = ${sealed}::text::jsonb`;
    const [tail] = await engine.log.load([
      { streamType: 'Counter', streamId: counterId, afterVersion: 0, stateVersion: 1, events },
    ]);
    expect(tail).toEqual({
      snapshot: { version: 10, state: { status: 'OPEN', value: 1000 } },
      events: [11, 12].map((version) => ({ version, type: 'CounterIncremented', data: { by: 1 } })),
    });
    const { bus } = await openEngine();
    expect(await bus.execute(incrementCounter, { counterId, by: 1_000_000 - 1001 }, system)).toMatchObject({
      kind: 'rejected',
    });
    receiptOf(await bus.execute(incrementCounter, { counterId, by: 1_000_000 - 1002 }, system));
  });

  it('is not loaded by who has a newer state already', async () => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 12);
    await engine.drain();
    const [tail] = await engine.log.load([
      { streamType: 'Counter', streamId: counterId, afterVersion: 11, stateVersion: 1, events },
    ]);
    expect(tail).toEqual({
      snapshot: undefined,
      events: [{ version: 12, type: 'CounterIncremented', data: { by: 1 } }],
    });
  });

  it('of an older shape is ignored, and replaced by the next', async () => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 10);
    await engine.drain();
    await database.sql`update es.snapshots set state = '{"nonsense": true}', state_version = 0`;
    const { bus, drain } = await openEngine();
    expect(await bus.execute(incrementCounter, { counterId, by: 1_000_000 - 8 }, system)).toMatchObject({
      kind: 'rejected',
    });
    await bus.execute(incrementCounter, { counterId, times: 10 }, system);
    await drain();
    expect(await snapshots()).toMatchObject([{ version: 20, state_version: 1, state: { status: 'OPEN', value: 19 } }]);
  });

  it('is taken of a stream that was imported when it is first loaded, whatever is then answered', async () => {
    const streamId = randomUUID();
    const { bus, log, drain } = await openEngine();
    const opened = { type: 'CounterOpened', schemaVersion: 1, data: { label: 'a' } };
    const incremented = { type: 'CounterIncremented', schemaVersion: 1, data: { by: 1 } };
    const events = [opened, ...Array.from({ length: 11 }, () => incremented)];
    await log.append([anAppend({ streamType: 'Counter', streamId, expectedVersion: 0, events })]);
    expect(await bus.execute(incrementCounter, { counterId: streamId, by: 1_000_000 }, system)).toMatchObject({
      kind: 'rejected',
    });
    await drain();
    expect(await snapshots()).toEqual([
      { stream_id: streamId, version: 12, state_version: 1, state: { status: 'OPEN', value: 11 } },
    ]);
  });

  it('is not taken of a stream that is loaded from few events', async () => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 19);
    await engine.drain();
    const { bus, drain } = await openEngine();
    await bus.execute(incrementCounter, { counterId, by: 1_000_000 }, system);
    await drain();
    expect(await snapshots()).toMatchObject([{ version: 10 }]);
  });

  it('never goes back to an older version', async () => {
    const failures: unknown[] = [];
    const engine = await openEngine();
    const taker = new Snapshots(engine.database.writer.db, faultsInto(failures));
    const streamId = await streamOf(engine, 20);
    const state = (value: number): CounterState => ({ status: 'OPEN', value });
    taker.consider(Counter, streamId, TEN, 20, state(20));
    await taker.settled();
    taker.consider(Counter, streamId, TEN, 10, state(10));
    await taker.settled();
    expect(await snapshots()).toMatchObject([{ version: 20, state: state(20) }]);
    expect(failures).toEqual([]);
  });

  it('of what a stream has not come to is neither taken nor loaded: a log that lost events may have others in their place', async () => {
    const engine = await openEngine();
    const counterId = await counterWith(engine, 12);
    await engine.close();
    await database.sql.begin(async (sql) => {
      await sql`alter table es.events disable trigger events_append_only`;
      await sql`delete from es.events where version > 7`;
      await sql`update es.streams set version = 7`;
      await sql`alter table es.events enable always trigger events_append_only`;
    });
    expect(await snapshots()).toMatchObject([{ version: 10 }]);
    const { bus, database: opened, log, drain } = await openEngine();
    const asked = { streamType: 'Counter', streamId: counterId, stateVersion: 1, events };
    expect(await log.load([{ ...asked, afterVersion: 0 }])).toMatchObject([{ snapshot: undefined }]);
    expect(await log.loadAt({ ...asked, version: 20 })).toMatchObject({ snapshot: undefined });
    const taker = new Snapshots(opened.writer.db, unobserved);
    taker.consider(Counter, counterId, TEN, 20, { status: 'OPEN', value: 20 });
    await taker.settled();
    expect(await snapshots()).toMatchObject([{ version: 10 }]);
    // One that the stream has come to takes the place of the one that it has not.
    taker.consider(Counter, counterId, TEN, 7, { status: 'OPEN', value: 6 });
    await taker.settled();
    expect(await snapshots()).toMatchObject([{ version: 7 }]);
    expect(receiptOf(await bus.execute(incrementCounter, { counterId }, system))).toMatchObject({ version: 8 });
    await drain();
  });

  it('that cannot be taken is let go, and the next is taken', async () => {
    const failures: unknown[] = [];
    const engine = await openEngine();
    const streamId = await streamOf(engine, 10);
    const taker = new Snapshots(engine.database.writer.db, faultsInto(failures));
    taker.consider(Counter, streamId, TEN, 10, { value: 1n });
    await taker.settled();
    taker.consider(Counter, streamId, TEN, 10, { value: [1n] });
    await taker.settled();
    expect(failures).toHaveLength(2);
    taker.consider(Counter, streamId, TEN, 10, { value: 1 });
    await taker.settled();
    expect(await snapshots()).toMatchObject([{ state: { value: 1 } }]);
  });

  it('is not taken of an aggregate that wants none', async () => {
    const { database: opened } = await openEngine();
    const taker = new Snapshots(opened.writer.db, unobserved);
    const none = defineAggregate('None', { initialState: () => 0, events: {}, evolve: {}, snapshot: { every: 0 } });
    taker.consider(none, randomUUID(), { events: 1000, bytes: 1_000_000 }, 1000, 1);
    await taker.settled();
    expect(await snapshots()).toEqual([]);
  });
});

describe('the snapshot of a large state', () => {
  const LabelChanged = defineEvent('LabelChanged', { data: z.object({ label: z.string() }) });
  const Label = defineAggregate('Label', {
    visibleTo: 'everyone',
    initialState: () => ({ label: '', changes: 0 }),
    events: { LabelChanged },
    // An empty label leaves it as it is: a small event of a large state.
    evolve: { LabelChanged: (state, { data }) => ({ label: data.label || state.label, changes: state.changes + 1 }) },
    snapshot: { every: 10 },
  });
  const changeLabel = defineCommand('changeLabel', {
    aggregate: Label,
    creates: true,
    input: z.object({ id: z.uuid(), label: z.string() }),
    id: ({ id }) => id,
    allow: 'everyone',
    decide: (_, { label }) => LabelChanged({ label }),
  });
  const labels = { name: 'labels', aggregates: [Label], commands: [changeLabel], projections: [], graphql: undefined };
  const large = 'x'.repeat(50_000);

  const small = (count: number) => Array.from({ length: count }, () => '');

  it.each([
    [false, 'few events have come', { events: 9, bytes: 1e6 }, 'small'],
    [true, 'the state is small', { events: 10, bytes: 100 }, 'small'],
    [false, 'the events are small', { events: 99, bytes: 8000 }, large],
    [true, 'the events take twice as many bytes', { events: 10, bytes: 210_000 }, large],
    [true, 'there are ten times as many events', { events: 100, bytes: 8000 }, large],
  ])('is taken (%s) if %s', async (isTaken, _, tail, label) => {
    const { database: opened, log } = await openEngine();
    const taker = new Snapshots(opened.writer.db, unobserved);
    const streamId = randomUUID();
    const events = Array.from({ length: tail.events }, () => ({ ...LabelChanged({ label: '' }), schemaVersion: 1 }));
    await log.append([anAppend({ streamType: 'Label', streamId, expectedVersion: 0, events })]);
    expect(taker.consider(Label, streamId, tail, tail.events, { label, changes: 1 })).toBe(isTaken);
    await taker.settled();
    expect(await database.sql`select from es.snapshots`).toHaveLength(isTaken ? 1 : 0);
  });

  it('counts what a former process has appended', async () => {
    const id = randomUUID();
    const { bus, close } = await openEngine({ domains: [labels] });
    for (const label of [large, ...small(60)]) receiptOf(await bus.execute(changeLabel, { id, label }, system));
    await close();
    const next = await openEngine({ domains: [labels] });
    for (const label of small(60)) receiptOf(await next.bus.execute(changeLabel, { id, label }, system));
    await next.drain();
    expect(await database.sql`select version from es.snapshots`).toMatchObject([{ version: 100 }]);
  });
});
