import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { system } from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';
import {
  Delivery,
  fillPurse,
  Parcel,
  Purse,
  payPostage,
  receiveParcel,
  returnParcel,
  sendParcel,
} from '../../support/kernel/parcel-process.ts';
import { until } from '../../support/until.ts';
import { execute, useParcelServers } from './parcel-servers.ts';

const { database, openEngine, typesOf, parked, rewrite, inProgress } = useParcelServers();

/** The same parcels and purses, with newer versions of two events. */
function newDomain() {
  const ParcelArrived = defineEvent('ParcelArrived', {
    version: 2,
    data: z.object({ by: z.string() }),
    upcast: { 1: () => ({ by: 'nobody' }) },
  });
  const PurseFilled = defineEvent('PurseFilled', {
    version: 2,
    data: z.object({ amount: z.int(), currency: z.string() }),
    upcast: { 1: (old) => ({ ...old, currency: 'GBP' }) },
  });
  const NewParcel = { ...Parcel, events: { ...Parcel.events, ParcelArrived } };
  const NewPurse = { ...Purse, events: { ...Purse.events, PurseFilled } };
  const issues = new Map(Delivery.issues)
    .set('returnParcel', { ...returnParcel, aggregate: NewParcel } as never)
    .set('payPostage', { ...payPostage, aggregate: NewPurse } as never);
  return defineDomain({
    name: 'parcels',
    aggregates: [NewParcel, NewPurse] as never,
    commands: [],
    projections: [],
    processes: [{ ...Delivery, issues } as never],
    graphql: undefined,
  });
}

const statusOf = ({ processes }: Pick<TestEngine, 'processes'>) => processes.status()[0];
const hasEnded = async (parcelId: string) => (await typesOf('Delivery', parcelId)).includes('DeliveryEnded');

describe('a process of older code', () => {
  /** Two parcels arrive while no process runs; the first one as newer code writes it. */
  async function arrivals() {
    const engine = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(engine, fillPurse, { id: purseId, amount: 500 }, system);
    const newer = await inProgress(engine, purseId);
    const behind = await inProgress(engine, purseId);
    await engine.close();
    const silent = await openEngine({ projector: 'off' });
    await execute(silent, receiveParcel, { parcelId: newer }, system);
    await execute(silent, receiveParcel, { parcelId: behind }, system);
    await silent.close();
    await rewrite(
      () => database.sql`update es.events set schema_version = 2, data = '{"by": "bicycle"}'
                         where type = 'ParcelArrived' and stream_id = ${newer}`,
    );
    return { newer, behind };
  }

  it('waits in front of an event of a newer schema version, parks nothing, and leaves it to newer code', async () => {
    const { newer, behind } = await arrivals();
    const old = await openEngine({ start: true });
    await until(() => statusOf(old)?.state === 'AHEAD_OF_CODE');
    expect(statusOf(old)).toMatchObject({
      parked: 0,
      isOurs: true,
      failure: expect.stringContaining('The event ParcelArrived of schema version 2 at position'),
    });
    // Another server of the same code reads it from the checkpoint.
    const other = await openEngine({ start: true, projector: 'off' });
    await until(() => statusOf(other)?.state === 'AHEAD_OF_CODE');
    expect(statusOf(other)?.failure).toBe(statusOf(old)?.failure);
    expect(await parked()).toEqual([]);
    expect([await hasEnded(newer), await hasEnded(behind)]).toEqual([false, false]);
    const young = await openEngine({ start: true, domains: [newDomain()] });
    await until(async () => (await hasEnded(newer)) && (await hasEnded(behind)));
    await until(() => statusOf(old)?.state === 'RUNNING' && !statusOf(old)?.isOurs);
    expect(await parked()).toEqual([]);
    expect([old.faults, young.faults]).toEqual([[], []]);
  });

  it('waits in front of an event of a type that it does not know, if its stream has events that it handles', async () => {
    const { newer, behind } = await arrivals();
    await rewrite(
      () =>
        database.sql`update es.events set type = 'ParcelLeftWithNeighbour' where type = 'ParcelArrived' and stream_id = ${newer}`,
    );
    const old = await openEngine({ start: true });
    await until(() => statusOf(old)?.state === 'AHEAD_OF_CODE');
    expect(statusOf(old)?.failure).toContain('ParcelLeftWithNeighbour');
    expect([await parked(), await hasEnded(behind)]).toEqual([[], false]);
  });

  it('leaves a command on a stream with a newer event to newer code, parks nothing, and goes on with the others', async () => {
    const old = await openEngine({ start: true });
    const [newer, other] = [randomUUID(), randomUUID()];
    await execute(old, fillPurse, { id: newer, amount: 5 }, system);
    await execute(old, fillPurse, { id: other, amount: 500 }, system);
    await rewrite(
      () => database.sql`update es.events set schema_version = 2, data = '{"amount": 5, "currency": "GBP"}'
                         where type = 'PurseFilled' and stream_id = ${newer}`,
    );
    await old.close();
    const again = await openEngine({ start: true });
    const { aggregateId } = await execute(again, sendParcel, { to: newer, postage: 1 }, system);
    await until(() => statusOf(again)?.state === 'AHEAD_OF_CODE');
    expect(statusOf(again)?.failure).toContain('The event PurseFilled of schema version 2');
    await inProgress(again, other);
    expect([await parked(), again.faults]).toEqual([[], []]);
    await openEngine({ start: true, domains: [newDomain()] });
    await until(async () => (await typesOf('Delivery', aggregateId)).includes('PostageSettled'));
    await until(() => statusOf(again)?.state === 'RUNNING');
    expect(await parked()).toEqual([]);
  });

  it('does not touch what newer code has parked', async () => {
    const { newer } = await arrivals();
    const [{ position } = {}] = await database.sql`
      select position from es.events where type = 'ParcelArrived' and stream_id = ${newer}`;
    await database.sql`update read.checkpoints set position = ${position} where projection = 'process:Delivery'`;
    await database.sql`
      insert into read.parked_items (consumer, line, position, deadline, due_at, keys, initiator, event_type, attempts,
                                     is_fault, code, error, retry_at)
      values ('process:Delivery', ${`Parcel ${newer}`}, ${position}, '', to_timestamp(0), ${[`Parcel ${newer}`]},
              'system', 'ParcelArrived', 3, true, 'FAULT', 'it was dark', now())`;
    const old = await openEngine({ start: true });
    // Once the due item has been claimed, this code has looked at it.
    await until(async () => (await database.sql`select from read.parked_items where retry_at > now()`).length === 1);
    await until(() => statusOf(old)?.state === 'STALLED');
    expect(await parked()).toMatchObject([{ status: 'PARKED', code: 'FAULT', attempts: 3 }]);
    expect(old.faults).toEqual([]);
    await openEngine({ start: true, domains: [newDomain()] });
    await until(async () => (await parked()).length === 0);
    expect(await hasEnded(newer)).toBe(true);
  });
});
