import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { initiatorOf, type RecordedEvent } from '../../../src/kernel/define/event.ts';
import { reacting } from '../../../src/kernel/process/process-commands.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { Delivery, fillPurse, parcelDomain, receiveParcel, sendParcel } from '../../support/kernel/parcel-process.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [parcelDomain]);

const execute = async ({ bus }: Pick<TestEngine, 'bus'>, ...args: Parameters<TestEngine['bus']['executeUnchecked']>) =>
  receiptOf(await bus.executeUnchecked(...args));

/** The events of a stream, in order. */
async function typesOf(streamType: string, streamId: string): Promise<string[]> {
  const rows = await database.sql`
    select type from es.events where stream_type = ${streamType} and stream_id = ${streamId} order by version`;
  return rows.map(({ type }) => type);
}

const checkpoint = async () =>
  (await database.sql`select position from read.checkpoints where projection = 'process:Delivery'`)[0]
    ?.position as number;
/** All that there is has been answered. */
const settled = ({ log }: Pick<TestEngine, 'log'>) =>
  until(async () => (await checkpoint()) === (await log.head()).position);

describe('a process', () => {
  it('issues commands and learns their outcome', async () => {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 5 }, system);
    const { aggregateId } = await execute(engine, sendParcel, { to: purseId, postage: 3 }, system);
    await until(async () => (await typesOf('Delivery', aggregateId)).length === 4);
    expect(await typesOf('Delivery', aggregateId)).toEqual([
      'PostageDue',
      'CommandRequested',
      'DeadlineSet',
      'PostageSettled',
    ]);
    expect(await typesOf('Purse', purseId)).toEqual(['PurseFilled', 'PostagePaid']);
    await execute(engine, receiveParcel, { parcelId: aggregateId }, system);
    await until(async () => (await typesOf('Delivery', aggregateId)).length === 6);
    expect((await typesOf('Delivery', aggregateId)).slice(4)).toEqual(['DeadlineCleared', 'DeliveryEnded']);
    await settled(engine);
    expect(engine.faults).toEqual([]);
  });

  it('compensates if a command is refused', async () => {
    const engine = await openEngine({ start: true });
    const { aggregateId } = await execute(engine, sendParcel, { to: randomUUID(), postage: 3 }, system);
    await until(async () => (await typesOf('Parcel', aggregateId)).includes('ParcelReturned'));
    await settled(engine);
    expect(await typesOf('Delivery', aggregateId)).toEqual([
      'PostageDue',
      'CommandRequested',
      'DeadlineSet',
      'CommandRefused',
      'DeadlineCleared',
      'CommandRequested',
      'DeliveryEnded',
    ]);
  });

  it('says of its commands whose doing they are', async () => {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 5 }, system);
    const correlationId = randomUUID();
    await execute(engine, sendParcel, { to: purseId, postage: 3 }, { ...system, correlationId });
    await settled(engine);
    const [paid] = await database.sql`
      select metadata, (select type from es.events where event_id = (e.metadata ->> 'causationId')::uuid) as cause
      from es.events e where type = 'PostagePaid'`;
    expect(paid).toMatchObject({ metadata: { correlationId, actor: { id: 'system' } }, cause: 'CommandRequested' });
  });

  it('hands on who made the request through all of its commands, deadlines too, and only in events of other actors', async () => {
    const engine = await openEngine({ start: true });
    const customer = { actor: { id: randomUUID(), roles: ['customer' as const], claims: {} } };
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 5 }, system);
    await execute(engine, sendParcel, { to: purseId, postage: 3 }, customer);
    await execute(engine, sendParcel, { to: randomUUID(), postage: 3 }, customer);
    await settled(engine);
    await until(async () => (await database.sql`select from read.deadlines_v1`).length === 1);
    const events = await engine.log.read(0, 100);
    const [filled, ...others] = events;
    expect(filled?.metadata).not.toHaveProperty('initiator');
    expect(others.length).toBeGreaterThan(10);
    for (const { type, metadata } of others) {
      expect(initiatorOf(metadata)).toBe(customer.actor.id);
      if (type === 'ParcelSent') expect(metadata).not.toHaveProperty('initiator');
      else expect(metadata).toMatchObject({ actor: { id: 'system' }, initiator: customer.actor.id });
    }
  });

  it('told again of all that happened does nothing again', async () => {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 5 }, system);
    await execute(engine, sendParcel, { to: purseId, postage: 3 }, system);
    await execute(engine, sendParcel, { to: purseId, postage: 3 }, system);
    await settled(engine);
    await engine.close();
    const { position: before } = await engine.log.head().catch(() => ({ position: 0 }));
    await database.sql`update read.checkpoints set position = 0 where projection = 'process:Delivery'`;
    const again = await openEngine({ start: true });
    await settled(again);
    expect((await again.log.head()).position).toBe(before || (await checkpoint()));
    expect(await typesOf('Purse', purseId)).toEqual(['PurseFilled', 'PostagePaid']);
  });

  it('of a new kind begins with new events, not with past ones', async () => {
    const before = await openEngine({ domains: [{ ...parcelDomain, processes: [] }] });
    const { aggregateId: past } = await execute(before, sendParcel, { to: randomUUID(), postage: 3 }, system);
    const engine = await openEngine({ start: true });
    const { aggregateId } = await execute(engine, sendParcel, { to: randomUUID(), postage: 3 }, system);
    await until(async () => (await typesOf('Parcel', aggregateId)).includes('ParcelReturned'));
    expect(await typesOf('Delivery', past)).toEqual([]);
  });
});

describe('the checkpoint of a kind', () => {
  /** A parcel of which nothing more has happened than that its process has asked for the postage, and one whose process has not begun. */
  async function inProgress(): Promise<string[]> {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 10 }, system);
    const over = await execute(engine, sendParcel, { to: purseId, postage: 3 }, system);
    await until(async () => (await typesOf('Delivery', over.aggregateId)).includes('PostageSettled'));
    await engine.close();
    const silent = await openEngine({ projector: 'off' });
    const [sent, unbegun] = [
      await execute(silent, sendParcel, { to: purseId, postage: 3 }, system),
      await execute(silent, sendParcel, { to: purseId, postage: 3 }, system),
    ];
    const event = (await silent.log.read(sent.position - 1, 1))[0] as RecordedEvent;
    const { command, input, commandId } = reacting(Delivery as never, sent.aggregateId, event);
    await execute(silent, command, input, { ...system, commandId });
    return [over, sent, unbegun].map(({ aggregateId }) => aggregateId);
  }
  const payments = async () =>
    (await database.sql`select data ->> 'parcelId' as id from es.events where type = 'PostagePaid'`).map(
      ({ id }) => id,
    );

  it('lost while processes are under way, all of them go on, and none does anything twice', async () => {
    const parcels = await inProgress();
    await database.sql`delete from read.checkpoints`;
    const engine = await openEngine({ start: true });
    for (const id of parcels) await until(async () => (await typesOf('Delivery', id)).includes('PostageSettled'));
    await settled(engine);
    expect((await payments()).sort()).toEqual([...parcels].sort());
    for (const id of parcels) expect(await typesOf('Delivery', id)).toHaveLength(4);
    expect(engine.faults).toEqual([]);
  });

  it('lost while a server runs, is made again', async () => {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 10 }, system);
    const sent = [await execute(engine, sendParcel, { to: purseId, postage: 3 }, system)];
    await settled(engine);
    await database.sql`delete from read.checkpoints where projection = 'process:Delivery'`;
    sent.push(await execute(engine, sendParcel, { to: purseId, postage: 3 }, system));
    await until(
      async () => (await database.sql`select from read.checkpoints where projection = 'process:Delivery'`).length > 0,
    );
    sent.push(await execute(engine, sendParcel, { to: purseId, postage: 3 }, system));
    for (const { aggregateId } of sent) {
      await until(async () => (await typesOf('Delivery', aggregateId)).includes('PostageSettled'));
    }
    await settled(engine);
    // The last two are handled at the same time.
    expect((await payments()).toSorted()).toEqual(sent.map(({ aggregateId }) => aggregateId).toSorted());
  });
});

it('a checkpoint that is lost while nobody owns it is created again', async () => {
  const engine = await openEngine({ start: true });
  const purseId = randomUUID();
  await execute(engine, fillPurse, { id: purseId, amount: 10 }, system);
  await execute(engine, sendParcel, { to: purseId, postage: 3 }, system);
  await settled(engine);
  // Another instance takes it, so that no instance of this test runs it when it is deleted.
  await database.sql`update read.checkpoints set owner = ${randomUUID()}, owner_process = 'elsewhere:1',
    lease_until = now() + interval '1 hour' where projection = 'process:Delivery'`;
  await until(() => engine.processes.status().some(({ isOurs, name }) => name === 'Delivery' && !isOurs));
  await database.sql`delete from read.checkpoints where projection = 'process:Delivery'`;
  const { aggregateId } = await execute(engine, sendParcel, { to: purseId, postage: 3 }, system);
  await until(async () => (await typesOf('Delivery', aggregateId)).includes('PostageSettled'));
  await settled(engine);
});

describe('a deadline', () => {
  it('fires when it is due, even if no server was running at that time', async () => {
    const first = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(first, fillPurse, { id: purseId, amount: 5 }, system);
    const request = {
      actor: { id: randomUUID(), roles: ['customer' as const], claims: {} },
      correlationId: randomUUID(),
    };
    const { aggregateId } = await execute(first, sendParcel, { to: purseId, postage: 3 }, request);
    await settled(first);
    await until(async () => (await database.sql`select from read.deadlines_v1`).length === 1);
    await first.close();
    // The clock cannot be turned forward: the deadline is put back, in what the process remembers and in the read model.
    await database.sql`alter table es.events disable trigger events_append_only, disable trigger events_rewritten`;
    const at = new Date(Date.now() + 300).toISOString();
    await database.sql`update es.events set data = jsonb_set(data, '{at}', to_jsonb(${at}::text)) where type = 'DeadlineSet'`;
    await database.sql`alter table es.events enable always trigger events_append_only, enable always trigger events_rewritten`;
    await database.sql`update read.deadlines_v1 set at = ${at}`;
    await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', aggregateId)).includes('DeliveryEnded'));
    expect((await typesOf('Delivery', aggregateId)).slice(-2)).toEqual(['DeadlineReached', 'DeliveryEnded']);
    const [reached] = await database.sql`select metadata from es.events where type = 'DeadlineReached'`;
    expect(reached?.metadata).toMatchObject({
      actor: { id: 'system' },
      initiator: request.actor.id,
      correlationId: request.correlationId,
    });
    await until(async () => (await database.sql`select from read.deadlines_v1`).length === 0);
  });
});

describe('several servers', () => {
  it('have the effects of each event once', async () => {
    const engines = await Promise.all(Array.from({ length: 3 }, () => openEngine({ start: true })));
    const purseId = randomUUID();
    const [engine] = engines as [TestEngine];
    await execute(engine, fillPurse, { id: purseId, amount: 30 }, system);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        execute(engines[n % 3] as TestEngine, sendParcel, { to: purseId, postage: 2 }, system),
      ),
    );
    await settled(engine);
    const [count] = await database.sql`
      select count(*) filter (where type = 'PostagePaid')::int as paid, count(*) filter (where type = 'ParcelReturned')::int as returned
      from es.events`;
    expect(count).toEqual({ paid: 15, returned: 5 });
  });
});
