import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import { receiptOf } from '../../support/appends.ts';
import { system } from '../../support/counter.ts';
import { useDatabase } from '../../support/database.ts';
import { useEngine } from '../../support/engine.ts';
import { fillPurse, parcelDomain, receiveParcel, sendParcel } from '../../support/parcel-process.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const openEngine = useEngine(database, [parcelDomain]);

const paid = async () =>
  (await database.sql`select count(*)::int as count from es.events where type = 'PostageSettled'`)[0]?.count as number;

describe('processes under pressure', () => {
  it('go on while a read model is so far behind that commands are refused', async () => {
    // Throttled from the first millisecond of lag, and a read model that cannot move.
    const engine = await openEngine({ start: true, throttleLagMs: 1 });
    const [purseId, parcelId] = [randomUUID(), randomUUID()];
    receiptOf(await engine.bus.execute(fillPurse, { id: purseId, amount: 5 }, system));
    await database.sql`update read.deadlines set at = at`;
    const held = await database.sql.reserve();
    await held`begin`;
    await held`lock table read.deadlines in access exclusive mode`;
    try {
      receiptOf(await engine.bus.execute(sendParcel, { id: parcelId, to: purseId, postage: 3 }, system));
      await until(async () => (await paid()) === 1);
      const refused = () => engine.bus.execute(receiveParcel, { parcelId }, system);
      await until(() =>
        refused().then(
          () => false,
          (error) => error instanceof ThrottledError,
        ),
      );
      // What was refused is refused; what has begun comes to its end.
      const another = engine.bus.execute(receiveParcel, { parcelId }, { ...system, isContinuation: true });
      receiptOf(await another);
    } finally {
      await held`rollback`;
      held.release();
    }
    await until(async () => {
      const rows =
        await database.sql`select type from es.events where stream_id = ${parcelId} and type = 'DeliveryEnded'`;
      return rows.length === 1;
    });
  });

  it('wait where the append queue is full, and lose nothing', async () => {
    const engine = await openEngine({ start: true, queueLimit: 3 });
    const purseId = randomUUID();
    receiptOf(await engine.bus.execute(fillPurse, { id: purseId, amount: 1000 }, system));
    let sent = 0;
    const insist = async () => {
      for (;;) {
        try {
          receiptOf(await engine.bus.execute(sendParcel, { to: purseId, postage: 1 }, system));
          sent++;
          return;
        } catch (error) {
          if (!(error instanceof ThrottledError)) throw error;
          await until(() => true);
        }
      }
    };
    await Promise.all(Array.from({ length: 60 }, insist));
    await until(async () => (await paid()) === 60);
    expect(sent).toBe(60);
    expect(engine.faults).toEqual([]);
  });
});
