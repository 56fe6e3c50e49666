import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { ForbiddenError } from '../../../src/kernel/errors.ts';
import { AppendQueue } from '../../../src/kernel/log/append/append-queue.ts';
import { Snapshots } from '../../../src/kernel/log/streams/snapshots.ts';
import { unobserved } from '../../../src/kernel/observe/occurrences.ts';
import { CommandBus } from '../../../src/kernel/write/command-bus.ts';
import { StreamStates } from '../../../src/kernel/write/state/stream-states.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import {
  Counter,
  CounterClosed,
  closeCounter,
  counterDomain,
  customer,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';

const database = useDatabase({ per: 'emptied' });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

const stored = async () => (await database.sql`select count(*)::int as n from es.events`)[0]?.n;

describe('a command that is sent again with its id', () => {
  it('answers the first receipt, on this server, on another and after a restart', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const options = { ...system, commandId: randomUUID() };
    const { aggregateId: counterId } = receiptOf(await one.bus.execute(openCounter, { label: 'a' }, system));
    const first = receiptOf(await one.bus.execute(incrementCounter, { counterId, by: 5 }, options));
    await one.bus.execute(incrementCounter, { counterId }, system);
    await one.close();
    const three = await openEngine();
    for (const { bus } of [two, two, three]) {
      const again = await bus.execute(incrementCounter, { counterId, by: 5 }, options);
      expect(receiptOf(again)).toEqual({ ...first, replayed: true });
    }
    expect(await stored()).toBe(3);
  });

  it('answers the first receipt if the server chose the aggregate’s id', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const options = { ...system, commandId: randomUUID() };
    const first = receiptOf(await one.bus.execute(openCounter, { label: 'a' }, options));
    for (const { bus } of [one, two]) {
      expect(receiptOf(await bus.execute(openCounter, { label: 'a' }, options))).toEqual({ ...first, replayed: true });
    }
  });

  it('answers the first receipt even if it would be rejected now', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const options = { ...system, commandId: randomUUID() };
    const { aggregateId: counterId } = receiptOf(await one.bus.execute(openCounter, { label: 'a' }, system));
    const first = receiptOf(await one.bus.execute(closeCounter, { counterId }, options));
    for (const { bus } of [one, two]) {
      expect(receiptOf(await bus.execute(closeCounter, { counterId }, options))).toEqual({ ...first, replayed: true });
    }
  });

  it('answers its issuer with the first receipt even if it changed what had permitted it', async () => {
    const closeOwn = defineCommand('closeOwn', {
      aggregate: Counter,
      input: z.object({ counterId: z.uuid() }),
      id: (input) => input.counterId,
      allow: { customer: (actor, _, { owner, status }) => owner === actor.id && status === 'OPEN' },
      decide: () => CounterClosed({}),
    });
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const { aggregateId: counterId } = receiptOf(
      await one.bus.execute(openCounter, { label: 'a', owner: 'ann' }, system),
    );
    const commandId = randomUUID();
    const close = ({ bus }: typeof one, name: string, id = commandId) =>
      bus.execute(closeOwn, { counterId }, { actor: customer(name), commandId: id });
    const first = receiptOf(await close(one, 'ann'));
    for (const server of [one, two]) {
      expect(receiptOf(await close(server, 'ann'))).toEqual({ ...first, replayed: true });
      await expect(close(server, 'bob')).rejects.toThrow(ForbiddenError);
      await expect(close(server, 'ann', randomUUID())).rejects.toThrow(ForbiddenError);
    }
  });

  it('answers the first receipt even if its expected version has passed', async () => {
    const { bus } = await openEngine();
    const options = { ...system, commandId: randomUUID(), expectedVersion: 1 };
    const { aggregateId: counterId } = receiptOf(await bus.execute(openCounter, { label: 'a' }, system));
    const first = receiptOf(await bus.execute(incrementCounter, { counterId }, options));
    const again = await bus.execute(incrementCounter, { counterId }, options);
    expect(receiptOf(again)).toEqual({ ...first, replayed: true });
  });

  it('is the same whatever the order of its fields, their case and the defaults', async () => {
    const { bus } = await openEngine();
    const options = { ...system, commandId: randomUUID() };
    const { aggregateId: counterId } = receiptOf(await bus.execute(openCounter, { label: 'a' }, system));
    await bus.execute(incrementCounter, { counterId, by: 1 }, options);
    const again = await bus.execute(
      incrementCounter,
      { times: 1, counterId: counterId.toUpperCase() },
      { ...options, commandId: options.commandId.toUpperCase() },
    );
    expect(receiptOf(again).replayed).toBe(true);
  });
});

describe('the same command at one moment', () => {
  it('is accepted once by one server', async () => {
    const { bus } = await openEngine();
    const options = { ...system, commandId: randomUUID() };
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => bus.execute(openCounter, { label: 'a' }, options)));
    const receipts = outcomes.map(receiptOf);
    expect(receipts.map(({ replayed }) => replayed)).toEqual([false, true, true, true]);
    expect(new Set(receipts.map(({ aggregateId }) => aggregateId)).size).toBe(1);
    expect(await stored()).toBe(1);
  });

  it('is accepted once by two servers', async () => {
    const servers = await Promise.all([openEngine(), openEngine()]);
    for (let round = 0; round < 20; round++) {
      const options = { ...system, commandId: randomUUID() };
      const outcomes = await Promise.all(servers.map(({ bus }) => bus.execute(openCounter, { label: 'a' }, options)));
      expect(outcomes.map((outcome) => receiptOf(outcome).replayed).sort()).toEqual([false, true]);
    }
    expect(await stored()).toBe(20);
  });

  it('is not answered with a rejection that the first of the two brought about', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    for (const servers of [
      [one, one],
      [one, two],
    ]) {
      for (let round = 0; round < 10; round++) {
        const options = { ...system, commandId: randomUUID() };
        const { aggregateId: counterId } = receiptOf(await one.bus.execute(openCounter, { label: 'a' }, system));
        const outcomes = await Promise.all(servers.map(({ bus }) => bus.execute(closeCounter, { counterId }, options)));
        expect(outcomes.map((outcome) => receiptOf(outcome).replayed).sort()).toEqual([false, true]);
      }
    }
  });
});

describe('a command whose outcome is unknown', () => {
  it('takes effect once if it is sent again, and so do the commands that were decided on it', async () => {
    const proxy = await openProxy();
    const { log, database: opened } = await openEngine({ url: proxy.url, writers: 1 });
    const bus = new CommandBus({
      log,
      queue: new AppendQueue(log, { limit: 10, batchLimit: 1, retryForMs: 150, onCommitted: () => {} }),
      states: new StreamStates(log, 10, new Snapshots(opened.writer.db, unobserved)),
    });
    const { aggregateId: counterId } = receiptOf(await bus.execute(openCounter, { label: 'a' }, system));
    proxy.holdAnswers();
    const commands = [1, 2].map((by) => ({
      input: { counterId, by },
      options: { ...system, commandId: randomUUID() },
    }));
    const outcomes = await Promise.allSettled(
      commands.map(({ input, options }) => bus.execute(incrementCounter, input, options)),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'OUTCOME_UNKNOWN' } });
    proxy.passAnswers();
    proxy.cut();
    for (const { input, options } of commands) receiptOf(await bus.execute(incrementCounter, input, options));
    const receipts = await Promise.all(
      commands.map(async ({ input, options }) => receiptOf(await bus.execute(incrementCounter, input, options))),
    );
    expect(receipts.map(({ version, replayed }) => ({ version, replayed }))).toEqual([
      { version: 2, replayed: true },
      { version: 3, replayed: true },
    ]);
    expect(await stored()).toBe(3);
  });
});

describe('a command id that was used for something else', () => {
  it('is refused, with other input or for another command', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const commandId = randomUUID();
    const { aggregateId: counterId } = receiptOf(
      await one.bus.execute(openCounter, { label: 'a' }, { ...system, commandId }),
    );
    for (const { bus } of [one, two]) {
      expect(await bus.execute(openCounter, { label: 'b' }, { ...system, commandId })).toEqual({
        kind: 'reused',
        commandId,
      });
      expect(await bus.execute(closeCounter, { counterId }, { ...system, commandId })).toEqual({
        kind: 'reused',
        commandId,
      });
    }
    expect(await stored()).toBe(1);
  });

  it('leaves the aggregate of that id unchanged', async () => {
    const { bus } = await openEngine();
    const commandId = randomUUID();
    const { aggregateId: counterId } = receiptOf(
      await bus.execute(openCounter, { label: 'a' }, { ...system, commandId }),
    );
    const outcomes = await Promise.all([
      bus.execute(incrementCounter, { counterId, by: 100 }, { ...system, commandId }),
      bus.execute(incrementCounter, { counterId, by: 1 }, system),
    ]);
    expect(outcomes).toMatchObject([{ kind: 'reused' }, { kind: 'accepted', receipt: { version: 2 } }]);
    expect(receiptOf(await bus.execute(incrementCounter, { counterId }, system)).version).toBe(3);
  });
});
