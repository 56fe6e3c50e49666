import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { defineProcess, issue } from '../../../src/kernel/define/process-manager/process.ts';
import { nthId } from '../../../src/kernel/process/issue-command.ts';
import { ParkedOperations } from '../../../src/kernel/process/parked/operations.ts';
import { reacting } from '../../../src/kernel/process/process-commands.ts';
import { receiptOf } from '../../support/appends.ts';
import { system } from '../../support/counter.ts';
import { useDatabase } from '../../support/database.ts';
import { type TestEngine, useEngine } from '../../support/engine.ts';
import {
  Delivery,
  fillPurse,
  Parcel,
  ParcelArrived,
  ParcelSent,
  PostageDue,
  Purse,
  parcelDomain,
  payPostage,
  receiveParcel,
  returnParcel,
  sendParcel,
} from '../../support/parcel-process.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const openEngine = useEngine(database, [parcelDomain]);

const execute = async ({ bus }: Pick<TestEngine, 'bus'>, ...args: Parameters<TestEngine['bus']['executeUnchecked']>) =>
  receiptOf(await bus.executeUnchecked(...args));
const typesOf = async (streamType: string, streamId: string) =>
  (
    await database.sql`select type from es.events where stream_type = ${streamType} and stream_id = ${streamId} order by version`
  ).map(({ type }) => type as string);
const parked = async () =>
  database.sql`select consumer, line, position, deadline, status, code, attempts, passed_by, reason
               from read.parked_items order by position, line`;
const checkpoint = async (name = 'process:Delivery') =>
  (await database.sql`select position from read.checkpoints where projection = ${name}`)[0]?.position as number;
const head = async () => (await database.sql`select max(position) as position from es.events`)[0]?.position as number;

/** Changes what stands in the log, which nobody but the database's owner can. */
async function rewrite(change: () => Promise<unknown>): Promise<void> {
  await database.sql`alter table es.events disable trigger events_append_only`;
  await change();
  await database.sql`alter table es.events enable always trigger events_append_only`;
}

/** A parcel that is paid and on its way, with its deadline set. */
async function underWay(engine: TestEngine, purseId: string): Promise<string> {
  const { aggregateId } = await execute(engine, sendParcel, { to: purseId, postage: 1 }, system);
  await until(async () => (await typesOf('Delivery', aggregateId)).includes('PostageSettled'));
  await until(async () => (await database.sql`select from read.deadlines where id = ${aggregateId}`).length === 1);
  return aggregateId;
}

/** Puts the deadlines of these parcels back, in what the process remembers and in the read model. */
async function putBack(inMs: number, ...ids: readonly string[]): Promise<void> {
  const at = new Date(Date.now() + inMs).toISOString();
  await rewrite(
    () => database.sql`update es.events set data = jsonb_set(data, '{at}', to_jsonb(${at}::text))
                       where type = 'DeadlineSet' and stream_id = any(${ids}::uuid[])`,
  );
  await database.sql`update read.deadlines set at = ${at} where id = any(${ids}::uuid[])`;
}

describe('a deadline whose process cannot be read', () => {
  async function oneBroken() {
    const first = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(first, fillPurse, { id: purseId, amount: 500 }, system);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await underWay(first, purseId));
    await until(async () => (await checkpoint()) === (await head()));
    await first.close();
    const [broken, later, ...fine] = ids as [string, string];
    await rewrite(
      () =>
        database.sql`update es.events set schema_version = 99 where type = 'PostageSettled' and stream_id = ${broken}`,
    );
    await putBack(-1000, broken, ...fine);
    await putBack(1500, later);
    return { broken, later, fine };
  }

  it('is parked and told to the operators, and all the others are told', async () => {
    const { broken, later, fine } = await oneBroken();
    const engine = await openEngine({ start: true });
    for (const id of fine) await until(async () => (await typesOf('Delivery', id)).includes('DeliveryEnded'));
    await until(async () => (await parked()).length === 1);
    expect(await parked()).toMatchObject([
      { consumer: 'process:Delivery', line: `Delivery ${broken}`, deadline: 'arrival', status: 'PARKED' },
    ]);
    await until(() => engine.processes.status()[0]?.state === 'STALLED');
    expect(engine.processes.status()[0]).toMatchObject({ parked: 1, failure: expect.stringContaining('arrival') });
    await until(() => engine.watch.stalls.has('process:Delivery'));
    expect(engine.watch.stalls.get('process:Delivery')?.message).toContain('UNREADABLE_EVENT');
    // It holds no later deadline up either.
    await until(async () => (await typesOf('Delivery', later)).includes('DeliveryEnded'));
  });

  it('is told by the code that can read it, after a restart', async () => {
    const { broken } = await oneBroken();
    const old = await openEngine({ start: true });
    await until(async () => (await parked()).length === 1);
    await old.close();
    await rewrite(() => database.sql`update es.events set schema_version = 1 where stream_id = ${broken}`);
    await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', broken)).includes('DeliveryEnded'));
    await until(async () => (await parked()).length === 0);
  });

  it('passed over by an operator is told no more, and the record stays', async () => {
    const { broken, later } = await oneBroken();
    const engine = await openEngine({ start: true });
    await until(async () => (await parked()).length === 1);
    const operations = new ParkedOperations(engine.database.projector.db);
    const [item] = await operations.list();
    if (!item) throw new Error('Nothing is parked.');
    await operations.passOver(item, { by: 'cli:me', reason: 'It is lost.' });
    await until(async () => (await parked())[0]?.status === 'PASSED_OVER');
    await until(() => engine.processes.status()[0]?.state === 'RUNNING');
    await engine.close();
    await rewrite(() => database.sql`update es.events set schema_version = 1 where stream_id = ${broken}`);
    await putBack(300, later);
    await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', later)).includes('DeliveryEnded'));
    expect(await typesOf('Delivery', broken)).not.toContain('DeadlineReached');
    expect(await parked()).toMatchObject([{ status: 'PASSED_OVER', passed_by: 'cli:me', reason: 'It is lost.' }]);
  });
});

describe('an id of a process that was used for something else', () => {
  it('is replaced by the next one, so that the process goes on', async () => {
    const silent = await openEngine({ start: true, projector: 'off' });
    const purseId = randomUUID();
    await execute(silent, fillPurse, { id: purseId, amount: 5 }, system);
    const starter = await openEngine({ start: true });
    await until(async () => (await checkpoint()) !== undefined);
    await starter.close();
    const sent = await execute(silent, sendParcel, { to: purseId, postage: 3 }, system);
    const event = (await silent.log.read(sent.position - 1, 1))[0];
    if (!event) throw new Error('Nothing was sent.');
    const { commandId } = reacting(Delivery as never, sent.aggregateId, event);
    const another = { id: randomUUID(), amount: 7 };
    // As the engine does, for the ids of its own are refused from anybody else.
    for (const nth of [0, 1]) await takeId(silent, nthId(commandId, nth), another);
    const engine = await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', sent.aggregateId)).includes('PostageSettled'));
    expect(await typesOf('Purse', purseId)).toEqual(['PurseFilled', 'PostagePaid']);
    expect(engine.faults).toEqual([]);
  });

  async function takeId(engine: TestEngine, commandId: string, { amount }: { amount: number }): Promise<void> {
    await execute(engine, fillPurse, { id: randomUUID(), amount }, { ...system, commandId });
  }
});

describe('an event of a newer schema version', () => {
  /** The same parcels, with a version that this code does not have. */
  const NewParcelArrived = defineEvent('ParcelArrived', {
    version: 2,
    data: z.object({ by: z.string() }),
    upcast: { 1: () => ({ by: 'nobody' }) },
  });

  /** One parcel arrives as newer code writes it, another one as this code does. */
  async function arrivals() {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 500 }, system);
    const newer = await underWay(engine, purseId);
    const other = await underWay(engine, purseId);
    await engine.close();
    const silent = await openEngine({ projector: 'off' });
    await execute(silent, receiveParcel, { parcelId: newer }, system);
    await execute(silent, receiveParcel, { parcelId: other }, system);
    await silent.close();
    await rewrite(
      () => database.sql`update es.events set schema_version = 2, data = '{"by": "bicycle"}'
                         where type = 'ParcelArrived' and stream_id = ${newer}`,
    );
    return { newer, other, purseId };
  }

  it('holds up its own stream alone, is told, and is answered in order by newer code', async () => {
    const { newer, other, purseId } = await arrivals();
    const engine = await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', other)).includes('DeliveryEnded'));
    // What comes after it goes on too, and restarts read nothing again.
    await underWay(engine, purseId);
    await until(async () => (await checkpoint()) === (await head()));
    expect(await parked()).toMatchObject([{ line: `Parcel ${newer}`, status: 'PARKED', code: 'UNREADABLE_EVENT' }]);
    await until(() => engine.processes.status()[0]?.state === 'STALLED');
    expect(await typesOf('Delivery', newer)).not.toContain('DeliveryEnded');
    await engine.close();
    const newCode = await openEngine({ start: true, domains: [newDomain()] });
    await until(async () => (await typesOf('Delivery', newer)).includes('DeliveryEnded'));
    await until(async () => (await parked()).length === 0);
    await until(() => newCode.processes.status()[0]?.state === 'RUNNING');
  });

  it('holds up what follows in its stream, in order, until it is passed over', async () => {
    const { newer } = await arrivals();
    const engine = await openEngine({ start: true });
    await until(async () => (await parked()).length === 1);
    await engine.close();
    // Newer code goes on with the stream: the process waits for that too.
    const newCode = await openEngine({ projector: 'off', domains: [newDomain()] });
    const metadata = { actor: { id: 'system', roles: ['system'] }, correlationId: randomUUID() };
    const [appended] = await newCode.log.append([
      {
        streamType: 'Parcel',
        streamId: newer,
        expectedVersion: 2,
        commandId: randomUUID(),
        fingerprint: randomUUID(),
        metadata,
        events: [{ type: 'ParcelArrived', schemaVersion: 1, data: {} }],
      },
    ]);
    expect(appended?.outcome).toBe('accepted');
    const again = await openEngine({ start: true });
    await until(async () => (await parked()).length === 2);
    expect(await typesOf('Delivery', newer)).not.toContain('DeliveryEnded');
    const operations = new ParkedOperations(again.database.projector.db);
    const items = await operations.list('process:Delivery');
    expect(items.map(({ error, line }) => [line, error === null])).toEqual([
      [`Parcel ${newer}`, false],
      [`Delivery ${newer}`, true],
    ]);
    await operations.passOver(items[0] as (typeof items)[0], { by: 'cli:me', reason: null });
    await until(async () => (await typesOf('Delivery', newer)).includes('DeliveryEnded'));
    await until(async () => (await parked()).every(({ status }) => status === 'PASSED_OVER'));
    await until(() => again.processes.status()[0]?.parked === 0);
  });

  it('that this code does not know at all waits as well, and other streams go on', async () => {
    const { newer, other, purseId } = await arrivals();
    await rewrite(
      () =>
        database.sql`update es.events set type = 'ParcelLeftWithNeighbour' where type = 'ParcelArrived' and stream_id = ${newer}`,
    );
    const engine = await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', other)).includes('DeliveryEnded'));
    await underWay(engine, purseId);
    expect(await parked()).toMatchObject([{ line: `Parcel ${newer}`, code: 'UNREADABLE_EVENT' }]);
  });

  function newDomain() {
    const NewParcel = { ...Parcel, events: { ...Parcel.events, ParcelArrived: NewParcelArrived } };
    const issues = new Map(Delivery.issues).set('returnParcel', { ...returnParcel, aggregate: NewParcel } as never);
    return defineDomain({
      name: 'parcels',
      aggregates: [NewParcel, Purse] as never,
      commands: [],
      projections: [],
      processes: [{ ...Delivery, issues } as never],
      graphql: undefined,
    });
  }
});

describe('more parked items than are allowed', () => {
  it('stop the kind, which says so, and goes on when there is room', async () => {
    const refusal = { is: true };
    const Refusing = defineProcess('Refusing', {
      initialState: () => ({}),
      events: { PostageDue },
      evolve: { PostageDue: unchanged },
      reactsTo: { ParcelSent },
      issues: {},
      on: {
        ParcelSent: {
          process: ({ streamId }) => {
            if (refusal.is) throw new Error('Whose is it?');
            return streamId;
          },
          begins: true,
          react: () => PostageDue({ amount: 1 }),
        },
      },
    });
    const domains = [{ ...parcelDomain, processes: [Refusing] }];
    const engine = await openEngine({ start: true, domains, processLimits: { parked: 1 } });
    const sent = await execute(engine, sendParcel, { to: randomUUID(), postage: 1 }, system);
    await until(() => engine.processes.status()[0]?.failure?.includes('1 parked, as many as may be') === true);
    const next = await execute(engine, sendParcel, { to: randomUUID(), postage: 1 }, system);
    refusal.is = false;
    await new ParkedOperations(engine.database.projector.db).retry();
    for (const { aggregateId } of [sent, next]) {
      await until(async () => (await typesOf('Refusing', aggregateId)).length === 1);
    }
    await until(() => engine.processes.status()[0]?.state === 'RUNNING');
  });
});

describe('a process whose command cannot be issued', () => {
  it('is parked with what waits behind it, while the same stream serves nobody else the worse', async () => {
    const heavy = { is: true };
    const Weighing = defineProcess('Weighing', {
      initialState: () => ({}),
      events: { PostageDue },
      evolve: { PostageDue: unchanged },
      reactsTo: { ParcelSent, ParcelArrived },
      issues: { returnParcel, payPostage },
      on: {
        ParcelSent: {
          process: ({ streamId }) => streamId,
          begins: true,
          react: (_, { data }) => {
            if (heavy.is && data.postage > 100) throw new Error('It is too heavy.');
            return PostageDue({ amount: data.postage });
          },
        },
        ParcelArrived: {
          process: ({ streamId }) => streamId,
          react: (_, { streamId }) => issue(returnParcel, { parcelId: streamId, reason: 'wrong' }),
        },
      },
    });
    const domains = [{ ...parcelDomain, processes: [Weighing] }];
    const engine = await openEngine({ start: true, domains });
    const { aggregateId: stuck } = await execute(engine, sendParcel, { to: randomUUID(), postage: 101 }, system);
    await execute(engine, receiveParcel, { parcelId: stuck }, system);
    const { aggregateId: fine } = await execute(engine, sendParcel, { to: randomUUID(), postage: 1 }, system);
    await until(async () => (await typesOf('Weighing', fine)).length === 1);
    await until(async () => (await parked()).length === 2);
    await until(async () => (await checkpoint('process:Weighing')) === (await head()));
    // It survives the end of the server, and continues in order once the cause is corrected.
    await engine.close();
    const again = await openEngine({ start: true, domains });
    await until(async () => ((await parked())[0]?.attempts ?? 0) > 5);
    expect(await typesOf('Weighing', stuck)).toEqual([]);
    heavy.is = false;
    await new ParkedOperations(again.database.projector.db).retry();
    await until(async () => (await typesOf('Weighing', stuck)).length === 2);
    expect(await typesOf('Weighing', stuck)).toEqual(['PostageDue', 'CommandRequested']);
    await until(async () => (await parked()).length === 0);
    await until(() => again.processes.status()[0]?.state === 'RUNNING');
  });
});
