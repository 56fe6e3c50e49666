import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineProcess, issue } from '../../../src/kernel/define/process-manager/process.ts';
import { nthId } from '../../../src/kernel/process/issue-command.ts';
import { ParkedOperations } from '../../../src/kernel/process/parked/operations.ts';
import { reacting } from '../../../src/kernel/process/process-commands.ts';
import { system } from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';
import {
  Delivery,
  fillPurse,
  ParcelArrived,
  ParcelSent,
  PostageDue,
  parcelDomain,
  payPostage,
  receiveParcel,
  returnParcel,
  sendParcel,
} from '../../support/kernel/parcel-process.ts';
import { until } from '../../support/until.ts';
import { execute, useParcelServers } from './parcel-servers.ts';

const { database, openEngine, typesOf, parked, checkpoint, head, rewrite, inProgress } = useParcelServers();

/** Puts the deadlines of these parcels back, in what the process remembers and in the read model. */
async function putBack(inMs: number, ...ids: readonly string[]): Promise<void> {
  const at = new Date(Date.now() + inMs).toISOString();
  await rewrite(
    () => database.sql`update es.events set data = jsonb_set(data, '{at}', to_jsonb(${at}::text))
                       where type = 'DeadlineSet' and stream_id = any(${ids}::uuid[])`,
  );
  await database.sql`update read.deadlines_v1 set at = ${at} where id = any(${ids}::uuid[])`;
}

/** Makes the events of a process readable again. */
const mend = (id: string) =>
  rewrite(() => database.sql`update es.events set data = '{}' where type = 'PostageSettled' and stream_id = ${id}`);

describe('a deadline whose process cannot be read', () => {
  async function oneBroken() {
    const first = await openEngine({ start: true });
    const purseId = randomUUID();
    await execute(first, fillPurse, { id: purseId, amount: 500 }, system);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await inProgress(first, purseId));
    await until(async () => (await checkpoint()) === (await head()));
    await first.close();
    const [broken, later, ...fine] = ids as [string, string];
    await rewrite(
      () => database.sql`update es.events set data = '"torn"' where type = 'PostageSettled' and stream_id = ${broken}`,
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
    await mend(broken);
    await openEngine({ start: true });
    await until(async () => (await typesOf('Delivery', broken)).includes('DeliveryEnded'));
    await until(async () => (await parked()).length === 0);
  });

  it('that an operator has discarded never fires, and the record stays', async () => {
    const { broken, later } = await oneBroken();
    const engine = await openEngine({ start: true });
    await until(async () => (await parked()).length === 1);
    const operations = new ParkedOperations(engine.database.projector.db);
    const [item] = await operations.list();
    if (!item) throw new Error('Nothing is parked.');
    await operations.discard(item, { by: 'cli:me', reason: 'It is lost.' });
    await until(async () => (await parked())[0]?.status === 'PASSED_OVER');
    await until(() => engine.processes.status()[0]?.state === 'RUNNING');
    await engine.close();
    await mend(broken);
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
    // Taken as the engine would, because its own ids are refused from everybody else.
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
    await until(
      () => engine.processes.status()[0]?.failure?.includes('1 items are parked, which is the maximum') === true,
    );
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
  it('is parked with what waits behind it, while other partitions of its stream continue', async () => {
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
