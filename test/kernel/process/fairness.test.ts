import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { fillPurse, parcelDomain, sendParcel } from '../../support/kernel/parcel-process.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [parcelDomain]);

const customer = () => ({ actor: { id: randomUUID(), roles: ['customer' as const], claims: {} } });
/** The position in the log at which each parcel's process has ended. */
const settled = async () =>
  (await database.sql`select stream_id from es.events where type = 'PostageSettled' order by position`).map(
    ({ stream_id }) => stream_id as string,
  );

/** A checkpoint, and a purse from which everything can be paid. */
async function begun(engine: TestEngine): Promise<string> {
  const purseId = randomUUID();
  receiptOf(await engine.bus.execute(fillPurse, { id: purseId, amount: 100_000 }, system));
  await engine.close();
  return purseId;
}

async function backlog(count: number): Promise<{ ofOne: string[]; ofAnother: string }> {
  const purseId = await begun(await openEngine({ start: true }));
  const silent = await openEngine({ projector: 'off' });
  const [one, another] = [customer(), customer()];
  const send = async (by: ReturnType<typeof customer>) =>
    receiptOf(await silent.bus.execute(sendParcel, { to: purseId, postage: 1 }, by)).aggregateId;
  const ofOne: string[] = [];
  for (let n = 0; n < count; n++) ofOne.push(await send(one));
  const ofAnother = await send(another);
  await silent.close();
  return { ofOne, ofAnother };
}

describe('processes of several initiators', () => {
  it('take turns: one event is answered long before the backlog of somebody else that is older', async () => {
    const { ofOne, ofAnother } = await backlog(150);
    await openEngine({ start: true, processLimits: { atOnce: 4, perInitiator: 2 } });
    await until(async () => (await settled()).length === 151);
    expect((await settled()).indexOf(ofAnother)).toBeLessThan(75);
    expect([...(await settled())].sort()).toEqual([...ofOne, ofAnother].sort());
  });

  it('are read past the events of somebody who has more than may be read ahead', async () => {
    const { ofOne, ofAnother } = await backlog(60);
    // Ten of the sixty count. If all counted, the last event would be read after twenty-one others are done.
    await openEngine({ start: true, processLimits: { atOnce: 2, perInitiator: 1, readAhead: 40 } });
    await until(async () => (await settled()).length === 61);
    expect((await settled()).indexOf(ofAnother)).toBeLessThan(15);
    expect([...(await settled())].sort()).toEqual([...ofOne, ofAnother].sort());
  });

  it('have commands of somebody refused who has set off more than their share, and of nobody else', async () => {
    const purseId = await begun(await openEngine({ start: true }));
    const engine = await openEngine({ start: true, processLimits: { atOnce: 1, perInitiator: 1, readAhead: 40 } });
    const [one, another] = [customer(), customer()];
    const send = (by: ReturnType<typeof customer>) =>
      engine.bus.execute(sendParcel, { to: purseId, postage: 1 }, by).then(receiptOf);
    let sent = 0;
    let refusal: Error | undefined;
    await until(async () => {
      const sends = Array.from({ length: 20 }, () => send(one));
      for (const outcome of await Promise.allSettled(sends)) {
        if (outcome.status === 'fulfilled') sent++;
        else refusal = outcome.reason;
      }
      return refusal !== undefined;
    });
    expect(refusal).toBeInstanceOf(ThrottledError);
    expect(refusal?.message).toMatch(/^process:\w+ still has much to do because of your earlier commands/);
    await send(another);
    await until(async () => (await settled()).length === sent + 1);
    await send(one);
  });

  it('lose nothing if almost no event that is read ahead is kept in memory', async () => {
    const { ofOne, ofAnother } = await backlog(60);
    const processLimits = { atOnce: 4, perInitiator: 2, readAhead: 20, readAheadBytes: 500 };
    const engine = await openEngine({ start: true, processLimits });
    await until(async () => (await settled()).length === 61);
    expect([...(await settled())].sort()).toEqual([...ofOne, ofAnother].sort());
    expect(engine.faults).toEqual([]);
  });
});
