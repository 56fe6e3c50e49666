import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { anAppend } from '../../../support/kernel/appends.ts';
import {
  CounterClosed,
  CounterOpened,
  type CounterState,
  counterDomain,
  incrementCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { until } from '../../../support/until.ts';
import { increment, open, useCounterServers } from './counter-servers.ts';

const { database, openEngine } = useCounterServers();

/** The code of a newer deployment: the same read model over events of which one has another schema version. */
const CounterIncremented = defineEvent('CounterIncremented', {
  version: 2,
  data: z.object({ by: z.int(), reason: z.string() }),
  upcast: { 1: (old) => ({ ...old, reason: '' }) },
});
const NewerCounter = defineAggregate('Counter', {
  visibleTo: 'everyone',
  initialState: (): CounterState => ({ status: 'NONE', value: 0 }),
  events: { CounterOpened, CounterIncremented, CounterClosed },
  evolve: {
    CounterOpened: (state) => state,
    CounterIncremented: (state, { data }) => ({ ...state, value: state.value + data.by }),
    CounterClosed: (state) => state,
  },
});
const newer = [{ ...counterDomain, aggregates: [NewerCounter as never], commands: [] }];

/** Appends an event as the newer code stores it. */
async function incrementAsNewer({ log }: Awaited<ReturnType<typeof openEngine>>, counterId: string, version: number) {
  const events = [{ type: 'CounterIncremented', schemaVersion: 2, data: { by: 10, reason: 'new' } }];
  await log.append([anAppend({ streamType: 'Counter', streamId: counterId, expectedVersion: version, events })]);
}
const value = async () => (await database.sql`select value from read.counters_v1`)[0]?.value;
const stateOf = ({ projector }: Awaited<ReturnType<typeof openEngine>>) => projector.status()[0];

describe('an event that newer code has stored', () => {
  it('lets a projection of older code wait in front of it, puts nothing aside and refuses commands for its stream', async () => {
    const old = await openEngine({ start: true });
    const counterId = await open(old);
    await increment(old, counterId);
    await incrementAsNewer(old, counterId, 2);
    await old.projector.refreshHead();
    await until(() => stateOf(old)?.state === 'AHEAD_OF_CODE');
    expect(stateOf(old)).toMatchObject({ position: 2, deadLetters: 0 });
    expect(stateOf(old)?.failure).toContain('The event CounterIncremented of schema version 2 at position 3');
    expect(await value()).toBe(1);
    await expect(old.bus.execute(incrementCounter, { counterId }, system)).rejects.toMatchObject({
      code: 'THROTTLED',
      retryAfterMs: expect.any(Number),
      message: expect.stringContaining('another instance can take this command'),
    });
    // A read that needs more is refused at once, not after a time; one that does not is answered.
    const elsewhere = { code: 'THROTTLED', name: 'ReadElsewhereError', required: 3, current: 2 };
    await expect(old.projector.positions.reached('counters', 3)).rejects.toMatchObject(elsewhere);
    expect(await old.projector.positions.reached('counters', 2)).toBe(true);
    // Another server of the same code sees it in the checkpoint.
    const other = await openEngine({ start: true, projector: 'off' });
    expect(stateOf(other)?.state).toBe('AHEAD_OF_CODE');
    await expect(other.projector.positions.reached('counters', 3)).rejects.toMatchObject(elsewhere);
    expect(await database.sql`select from read.dead_letters`).toHaveLength(0);
  });

  it('refuses reads that were waiting for it when older code meets it, and throttles nobody', async () => {
    const old = await openEngine({ start: true, throttleLagMs: 100 });
    const counterId = await open(old);
    await until(() => stateOf(old)?.position === 1);
    const waiting = old.projector.positions.reached('counters', 2, { timeoutMs: 60_000 });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'THROTTLED', required: 2, current: 1 });
    await incrementAsNewer(old, counterId, 1);
    await old.projector.refreshHead();
    await refused;
    await until(() => (stateOf(old)?.lagMs ?? 0) > 500);
    expect(await open(old)).not.toBe(counterId);
  });

  it('is left by older code to a server that can read it, and all of them see its rows', async () => {
    const old = await openEngine({ start: true });
    const counterId = await open(old);
    await incrementAsNewer(old, counterId, 1);
    await old.projector.refreshHead();
    await until(() => stateOf(old)?.state === 'AHEAD_OF_CODE');
    const young = await openEngine({ start: true, domains: newer });
    for (const { projector } of [young, old]) {
      await until(() => projector.positions.of('counters') === 2);
      expect(await projector.positions.reached('counters', 2)).toBe(true);
    }
    expect(await value()).toBe(10);
    await until(() => stateOf(old)?.state === 'RUNNING' && !stateOf(old)?.isOurs);
    for (let version = 2; version < 6; version++) await incrementAsNewer(young, counterId, version);
    await young.projector.refreshHead();
    expect(await old.projector.positions.reached('counters', 6, { timeoutMs: 30_000 })).toBe(true);
    expect(await value()).toBe(50);
    // Without newer code it waits again.
    await young.close();
    await incrementAsNewer(old, counterId, 6);
    await old.projector.refreshHead();
    await until(() => stateOf(old)?.state === 'AHEAD_OF_CODE');
    expect(stateOf(old)?.position).toBe(6);
    expect(await database.sql`select from read.dead_letters`).toHaveLength(0);
    expect([old.faults, young.faults]).toEqual([[], []]);
  });
});
