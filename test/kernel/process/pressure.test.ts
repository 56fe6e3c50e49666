import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { fillPurse, parcelDomain, sendParcel } from '../../support/kernel/parcel-process.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [parcelDomain]);

const paid = async () =>
  (await database.sql`select count(*)::int as count from es.events where type = 'PostageSettled'`)[0]?.count as number;

describe('processes under pressure', () => {
  it('go on while a read model is so far behind that commands are refused', async () => {
    const engine = await openEngine({ start: true, throttleLagMs: 1 });
    const purseId = randomUUID();
    const send = (options: object = {}) =>
      engine.bus.execute(sendParcel, { to: purseId, postage: 3 }, { ...system, ...options });
    receiptOf(await engine.bus.execute(fillPurse, { id: purseId, amount: 1000 }, system));
    const held = await database.sql.reserve();
    await held`begin`;
    await held`lock table read.deadlines_v1 in access exclusive mode`;
    try {
      receiptOf(await send());
      await until(() =>
        send().then(
          () => false,
          (error) => error instanceof ThrottledError,
        ),
      );
      const before = await paid();
      // Something has been taken at the last moment: all that follows from it happens.
      receiptOf(await send({ isContinuation: true }));
      await until(async () => (await paid()) > before);
      await expect(send()).rejects.toThrow(ThrottledError);
    } finally {
      await held`rollback`;
      held.release();
    }
  });

  it('wait if the append queue is full, and lose nothing', async () => {
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
          // Let what waits go on.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    };
    await Promise.all(Array.from({ length: 60 }, insist));
    await until(async () => (await paid()) === 60);
    expect(sent).toBe(60);
    expect(engine.faults).toEqual([]);
  });
});
