import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { ForbiddenError } from '../../../src/kernel/errors.ts';
import { newEventIds } from '../../../src/kernel/log/append/append.ts';
import { anAppend, incremented, receiptOf } from '../../support/kernel/appends.ts';
import {
  Counter,
  CounterIncremented,
  closeCounter,
  counterDomain,
  customer,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** Decides nothing if the counter already has that value. Open counters of others are left alone. */
const setCounter = defineCommand('setCounter', {
  aggregate: Counter,
  input: z.object({ counterId: z.uuid(), to: z.int() }),
  id: (input) => input.counterId,
  allow: { system: true, customer: (actor, _, { owner, status }) => owner === actor.id && status === 'OPEN' },
  decide: ({ value }, { to }) => (value === to ? [] : CounterIncremented({ by: to - value })),
});

const count = async (table: string) =>
  (await database.sql`select count(*)::int as n from ${database.sql(table)}`)[0]?.n;
const open = async ({ bus }: Pick<TestEngine, 'bus'>, owner?: string) =>
  receiptOf(await bus.execute(openCounter, { label: 'a', owner }, system)).aggregateId;

describe('a command that decided nothing, sent again with its id', () => {
  it('answers the first receipt and does nothing, although there is something to do by now', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(one);
    const options = { ...system, commandId: randomUUID() };
    const first = receiptOf(await one.bus.execute(setCounter, { counterId, to: 0 }, options));
    expect(first).toMatchObject({ aggregateId: counterId, version: 1, position: 1, replayed: false });
    receiptOf(await two.bus.execute(incrementCounter, { counterId, by: 7 }, system));
    for (const { bus } of [one, two, await openEngine()]) {
      const again = await bus.execute(setCounter, { counterId, to: 0 }, options);
      expect(receiptOf(again)).toEqual({ ...first, replayed: true });
    }
    expect(await count('es.events')).toBe(2);
    expect(await count('es.receipts')).toBe(1);
  });

  it('answers the first receipt if it would be rejected now, or is no longer allowed', async () => {
    const { bus, ...engine } = await openEngine();
    const counterId = await open({ bus, ...engine }, 'ann');
    const commandId = randomUUID();
    const nothing = () => bus.execute(incrementCounter, { counterId, by: 0 }, { ...system, commandId });
    const set = (name: string) =>
      bus.execute(setCounter, { counterId, to: 0 }, { actor: customer(name), commandId: own });
    const own = randomUUID();
    const firsts = [receiptOf(await nothing()), receiptOf(await set('ann'))];
    await bus.execute(closeCounter, { counterId }, system);
    expect([receiptOf(await nothing()), receiptOf(await set('ann'))]).toEqual(
      firsts.map((first) => ({ ...first, replayed: true })),
    );
    await expect(set('bob')).rejects.toThrow(ForbiddenError);
  });

  it('is told from another command with the same id', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const options = { ...system, commandId: randomUUID() };
    receiptOf(await engine.bus.execute(setCounter, { counterId, to: 0 }, options));
    const reused = { kind: 'reused', commandId: options.commandId };
    expect(await engine.bus.execute(setCounter, { counterId, to: 5 }, options)).toEqual(reused);
    expect(await engine.bus.execute(openCounter, { label: 'b' }, options)).toEqual(reused);
  });

  it('at one moment is accepted once, by one server or two', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(one);
    for (const servers of [
      [one, one],
      [one, two],
    ]) {
      for (let round = 0; round < 10; round++) {
        const options = { ...system, commandId: randomUUID() };
        const outcomes = await Promise.all(
          servers.map(({ bus }) => bus.execute(setCounter, { counterId, to: 0 }, options)),
        );
        expect(outcomes.map((outcome) => receiptOf(outcome).replayed).sort()).toEqual([false, true]);
      }
    }
    expect(await count('es.receipts')).toBe(20);
  });

  it('is in the log or among the receipts, never in both', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    for (let round = 0; round < 20; round++) {
      const something = anAppend();
      const nothing = { ...something, events: [] };
      const outcomes = await Promise.all([one.log.append([something]), two.log.append([nothing])]);
      expect(outcomes.map(([outcome]) => outcome?.outcome).sort()).toEqual(['accepted', 'replayed']);
    }
    const both = await database.sql`select 1 from es.events join es.receipts using (command_id)`;
    expect(both).toHaveLength(0);
  });

  it('is not remembered if the client gave no id', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    receiptOf(await engine.bus.execute(setCounter, { counterId, to: 0 }, system));
    expect(await count('es.receipts')).toBe(0);
  });
});

describe('an append without events', () => {
  it('leaves versions, positions and business time as they are, alone and between others', async () => {
    const { log } = await openEngine();
    const streamId = randomUUID();
    const day = (n: number) => new Date(Date.UTC(2020, 0, n));
    const outcomes = await log.append([
      anAppend({ streamId, events: [] }),
      anAppend({ streamId, occurredAt: day(1), events: [incremented(1), incremented(2)] }),
      anAppend({ streamId, expectedVersion: 2, events: [], occurredAt: day(9) }),
      anAppend({ streamId, expectedVersion: 2, occurredAt: day(2) }),
      anAppend({ streamId, expectedVersion: 2, events: [] }),
      anAppend({ events: [] }),
    ]);
    expect(outcomes).toMatchObject([
      { outcome: 'accepted', version: 0, position: 0, events: [] },
      { outcome: 'accepted', version: 2, position: 2 },
      { outcome: 'accepted', version: 2, position: 2, events: [] },
      { outcome: 'accepted', version: 3, position: 3 },
      { outcome: 'conflict' },
      { outcome: 'accepted', version: 0, position: 3, events: [] },
    ]);
    expect((await log.read(0, 10)).map(({ occurredAt }) => occurredAt)).toEqual([day(1), day(1), day(2)]);
    expect([...(await database.sql`select stream_id, version from es.streams`)]).toEqual([
      { stream_id: streamId, version: 3 },
    ]);
  });

  it('that is sent again after its answer was lost is found as accepted, not as a repeat', async () => {
    const { log } = await openEngine();
    const append = anAppend({ events: [] });
    const ids = [newEventIds(append)];
    const [first] = await log.append([append], ids);
    await log.append([anAppend()]);
    expect(await log.append([append], ids)).toEqual([first]);
    expect(await log.append([append])).toMatchObject([{ outcome: 'replayed', position: 0 }]);
  });

  it('leaves a receipt that nobody changes, the owner neither', async () => {
    const { log } = await openEngine();
    await log.append([anAppend({ events: [] })]);
    await expect(database.sql`update es.receipts set version = 9`).rejects.toThrow(
      'es.receipts is append-only: UPDATE',
    );
    await expect(database.sql`delete from es.receipts`).rejects.toThrow('es.receipts is append-only: DELETE');
    await expect(database.sql`truncate es.receipts`).rejects.toThrow('es.receipts is append-only: TRUNCATE');
    await expect(database.sql`delete from es.events`).rejects.toThrow('es.events is append-only: DELETE');
  });
});
