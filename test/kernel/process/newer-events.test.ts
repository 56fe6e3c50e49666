import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { ParkedOperations } from '../../../src/kernel/process/parked/operations.ts';
import { system } from '../../support/kernel/counter.ts';
import {
  Delivery,
  fillPurse,
  Parcel,
  Purse,
  receiveParcel,
  returnParcel,
} from '../../support/kernel/parcel-process.ts';
import { until } from '../../support/until.ts';
import { execute, useParcelServers } from './parcel-servers.ts';

const { database, openEngine, typesOf, parked, checkpoint, head, rewrite, inProgress } = useParcelServers();

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
    const newer = await inProgress(engine, purseId);
    const other = await inProgress(engine, purseId);
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
    await inProgress(engine, purseId);
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

  it('holds up later events of its stream, in order, until it is discarded', async () => {
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
    await inProgress(engine, purseId);
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
