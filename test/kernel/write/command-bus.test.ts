import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ForbiddenError, ThrottledError, UnauthenticatedError } from '../../../src/kernel/errors.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import {
  addCounter,
  closeCounter,
  counterDomain,
  customer,
  incrementCounter,
  openCounter,
  staff,
  system,
} from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** An engine with one open counter. */
async function withCounter(owner?: string) {
  const engine = await openEngine();
  const { aggregateId } = receiptOf(await engine.bus.execute(openCounter, { label: 'a', owner }, system));
  return { ...engine, counterId: aggregateId };
}

const stored = async () => (await database.sql`select count(*)::int as n from es.events`)[0]?.n;

describe('an accepted command', () => {
  it('answers with its id, the aggregate, the version and the position', async () => {
    const { bus } = await openEngine();
    const counterId = randomUUID();
    const commandId = randomUUID();
    const opened = await bus.execute(openCounter, { counterId, label: 'a' }, { ...system, commandId });
    expect(opened).toEqual({
      kind: 'accepted',
      receipt: { commandId, aggregateId: counterId, version: 1, position: 1, replayed: false },
    });
    const incremented = await bus.execute(incrementCounter, { counterId, times: 3 }, system);
    expect(receiptOf(incremented)).toMatchObject({ aggregateId: counterId, version: 4, position: 4, replayed: false });
  });

  it('is told by its ids in lower case, however they were written', async () => {
    const { bus } = await openEngine();
    const counterId = randomUUID().toUpperCase();
    const commandId = randomUUID().toUpperCase();
    const { receipt } = {
      receipt: receiptOf(await bus.execute(openCounter, { counterId, label: 'a' }, { ...system, commandId })),
    };
    expect(receipt).toMatchObject({ aggregateId: counterId.toLowerCase(), commandId: commandId.toLowerCase() });
    expect(receiptOf(await bus.execute(incrementCounter, { counterId }, system)).version).toBe(2);
  });

  it('stores who, why and when with each event', async () => {
    const { bus, counterId } = await withCounter();
    const commandId = randomUUID();
    const occurredAt = new Date(Date.now() + 5);
    await bus.execute(
      incrementCounter,
      { counterId, times: 2 },
      {
        actor: staff,
        commandId,
        occurredAt,
        correlationId: 'request-1',
        causationId: 'event-1',
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      },
    );
    const rows =
      await database.sql`select command_id, metadata, occurred_at <= recorded_at as clamped from es.events where version > 1`;
    const metadata = {
      actor: { id: 'staff-1', roles: ['staff'] },
      correlationId: 'request-1',
      causationId: 'event-1',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    const expected = { command_id: commandId, metadata, clamped: true };
    expect([...rows]).toEqual([expected, expected]);
  });

  it('of nobody is stored as of nobody, with its own id as the correlation', async () => {
    const { bus } = await openEngine();
    const { commandId } = receiptOf(await bus.execute(openCounter, { label: 'a' }, { actor: null }));
    const [row] = await database.sql`select metadata from es.events`;
    expect(row?.metadata).toEqual({ actor: { id: 'anonymous', roles: [] }, correlationId: commandId });
  });

  it('may decide no events, and answers with the position of the log', async () => {
    const { bus, counterId } = await withCounter();
    await bus.execute(openCounter, { label: 'b' }, system);
    const receipt = receiptOf(await bus.execute(incrementCounter, { counterId, by: 0 }, system));
    expect(receipt).toMatchObject({ aggregateId: counterId, version: 1, position: 2, replayed: false });
    expect(await stored()).toBe(2);
  });
});

describe('invalid input', () => {
  it('is answered with everything that is wrong, each with its path', async () => {
    const { bus } = await openEngine();
    const outcome = await bus.executeUnchecked(
      openCounter,
      { label: '', counterId: 'no', owner: 'a\0', tags: [{ name: 'ok' }, { name: '' }, { name: '\ud800' }] },
      { ...system, commandId: 'no', expectedVersion: -1 },
    );
    if (outcome.kind !== 'invalid') throw new Error(outcome.kind);
    expect(outcome.issues.map(({ path }) => path.join('.'))).toEqual([
      'commandId',
      'expectedVersion',
      'counterId',
      'label',
      'tags.1.name',
      'owner',
      'tags.2.name',
    ]);
    expect(outcome.issues).toContainEqual({ path: ['label'], message: 'A label is not empty.' });
    expect(outcome.issues).toContainEqual({ path: ['owner'], message: 'The character NUL cannot be stored.' });
    expect(outcome.issues).toContainEqual({
      path: ['tags', '2', 'name'],
      message: 'The text is not well-formed Unicode.',
    });
    expect(await stored()).toBe(0);
  });

  it.each([-1, 1.5, 2 ** 31, 1e300, Number.NaN])('has no expectedVersion %d', async (expectedVersion) => {
    const { bus } = await openEngine();
    const outcome = await bus.execute(openCounter, { label: 'a' }, { ...system, expectedVersion });
    expect(outcome).toMatchObject({ kind: 'invalid', issues: [{ path: ['expectedVersion'] }] });
  });

  it('may be in the names of fields too', async () => {
    const { bus } = await openEngine();
    const outcome = await bus.execute(openCounter, { label: 'a', notes: { 'a\0b': 'x', '\udc00': 'y' } }, system);
    expect(outcome).toMatchObject({ kind: 'invalid', issues: [{ path: ['notes'] }, { path: ['notes'] }] });
  });
});

describe('a command that cannot be', () => {
  it('is NotFound if its stream has no events', async () => {
    const { bus } = await openEngine();
    const counterId = randomUUID();
    expect(await bus.execute(incrementCounter, { counterId }, system)).toEqual({
      kind: 'notFound',
      aggregate: 'Counter',
      aggregateId: counterId,
    });
  });

  it('is rejected by its rule, with code and message', async () => {
    const { bus, counterId } = await withCounter();
    await bus.execute(closeCounter, { counterId }, system);
    expect(await bus.execute(incrementCounter, { counterId }, system)).toEqual({
      kind: 'rejected',
      code: 'CLOSED',
      message: 'It is closed.',
    });
  });

  it('is rejected by what it gathers', async () => {
    const { bus, counterId } = await withCounter();
    const outcome = await bus.execute(addCounter, { counterId, otherId: randomUUID() }, system);
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'NO_SUCH_COUNTER' });
  });

  it('creates nothing if the id exists', async () => {
    const { bus, counterId } = await withCounter();
    const again = await openEngine();
    for (const { bus: any } of [{ bus }, again]) {
      expect(await any.execute(openCounter, { counterId, label: 'b' }, system)).toMatchObject({
        kind: 'rejected',
        code: 'ALREADY_OPENED',
      });
    }
    expect(await stored()).toBe(1);
  });
});

describe('facts from other aggregates', () => {
  it('are as new as the log, whoever wrote it', async () => {
    const { bus, counterId } = await withCounter();
    const elsewhere = await openEngine();
    const { aggregateId: otherId } = receiptOf(await bus.execute(openCounter, { label: 'other' }, system));
    await bus.execute(addCounter, { counterId, otherId }, system);
    await elsewhere.bus.execute(incrementCounter, { counterId: otherId, by: 42 }, system);
    await bus.execute(addCounter, { counterId, otherId }, system);
    const rows =
      await database.sql`select (data -> 'by')::int as by from es.events where stream_id = ${counterId} and version > 1 order by version`;
    expect([...rows]).toEqual([{ by: 0 }, { by: 42 }]);
  });
});

describe('an expected version', () => {
  it('is accepted if it is that of the stream', async () => {
    const { bus, counterId } = await withCounter();
    const outcome = await bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion: 1 });
    expect(receiptOf(outcome).version).toBe(2);
  });

  it.each([0, 2, 2 ** 31 - 1])('of %d for a stream at 1 conflicts, with both versions', async (expectedVersion) => {
    const { bus, counterId } = await withCounter();
    const outcome = await bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion });
    expect(outcome).toEqual({ kind: 'conflict', expectedVersion, actualVersion: 1 });
  });

  it('is measured by the log, not by what this server remembers', async () => {
    const { bus, counterId } = await withCounter();
    const elsewhere = await openEngine();
    await elsewhere.bus.execute(incrementCounter, { counterId }, system);
    const stale = await bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion: 1 });
    expect(stale).toEqual({ kind: 'conflict', expectedVersion: 1, actualVersion: 2 });
    await elsewhere.bus.execute(incrementCounter, { counterId }, system);
    const right = await bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion: 3 });
    expect(receiptOf(right).version).toBe(4);
  });

  it('of 0 creates, and conflicts if the stream exists', async () => {
    const { bus, counterId } = await withCounter();
    const fresh = await bus.execute(openCounter, { label: 'a' }, { ...system, expectedVersion: 0 });
    expect(receiptOf(fresh).version).toBe(1);
    const present = await bus.execute(openCounter, { counterId, label: 'a' }, { ...system, expectedVersion: 0 });
    expect(present).toEqual({ kind: 'conflict', expectedVersion: 0, actualVersion: 1 });
  });

  it('is kept by one of many at once', async () => {
    const { bus, counterId } = await withCounter();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion: 1 })),
    );
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.kind !== 'accepted')
        expect(outcome).toEqual({ kind: 'conflict', expectedVersion: 1, actualVersion: 2 });
    }
  });
});

describe('who may', () => {
  it('is asked before anything else', async () => {
    const { bus, counterId } = await withCounter();
    await expect(bus.executeUnchecked(closeCounter, {}, { actor: null })).rejects.toThrow(UnauthenticatedError);
    const nobody = { id: 'x', roles: [], claims: {} };
    await expect(bus.executeUnchecked(closeCounter, { counterId }, { actor: nobody })).rejects.toThrow(ForbiddenError);
    expect(await stored()).toBe(1);
  });

  it('is a rule over the state if the command says so', async () => {
    const { bus, counterId } = await withCounter('ann');
    await expect(bus.execute(closeCounter, { counterId }, { actor: customer('bob') })).rejects.toThrow(ForbiddenError);
    receiptOf(await bus.execute(closeCounter, { counterId }, { actor: customer('ann') }));
  });

  it('is decided on the state as the log has it', async () => {
    const { bus } = await openEngine();
    const elsewhere = await openEngine();
    const counterId = randomUUID();
    // This server remembers that there is nothing, since it was asked too early.
    await bus.execute(openCounter, { counterId, label: '' }, system);
    await bus.execute(closeCounter, { counterId }, { actor: staff });
    await elsewhere.bus.execute(openCounter, { counterId, label: 'a', owner: 'ann' }, system);
    receiptOf(await bus.execute(closeCounter, { counterId }, { actor: customer('ann') }));
  });
});

describe('a full queue', () => {
  it('refuses a command before anything is done for it', async () => {
    const { bus } = await openEngine({ queueLimit: 2 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => bus.execute(openCounter, { label: 'a' }, system)),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(ThrottledError);
    expect(await stored()).toBe(20 - refused.length);
    receiptOf(await bus.execute(openCounter, { label: 'a' }, system));
  });

  it('is what a draining server looks like', async () => {
    const { bus, drain } = await openEngine();
    const taken = Array.from({ length: 10 }, () => bus.execute(openCounter, { label: 'a' }, system));
    await drain();
    expect((await Promise.all(taken)).map(({ kind }) => kind)).toEqual(Array(10).fill('accepted'));
    await expect(bus.execute(openCounter, { label: 'a' }, system)).rejects.toThrow(ThrottledError);
  });
});
