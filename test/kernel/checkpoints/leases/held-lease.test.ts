import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCheckpoint } from '../../../../src/kernel/checkpoints/checkpoints.ts';
import { HeldLease } from '../../../../src/kernel/checkpoints/leases/held-lease.ts';
import { Leases } from '../../../../src/kernel/checkpoints/leases/leases.ts';
import { checkpointId } from '../../../../src/kernel/define/checkpoint-id.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { fleetDomain, sumTables } from '../../../support/kernel/fleet.ts';
import { faultsInto } from '../../../support/kernel/observers.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: sumTables, per: 'emptied' });
const openEngine = useEngine(database, [fleetDomain]);

const shadow = checkpointId('rebuild', 'orders');
const held: HeldLease[] = [];
let leases: Leases;
let errors: unknown[];
let losses: number;

beforeEach(async () => {
  const { database: opened } = await openEngine();
  leases = new Leases(opened.leases.db);
  [errors, losses] = [[], 0];
  await database.sql`truncate read.checkpoints, read.instances`;
  await createCheckpoint(opened.projector.db, shadow);
});

afterEach(async () => {
  await Promise.all(held.splice(0).map((lease) => lease.release()));
});

async function take(instanceId: string): Promise<HeldLease | undefined> {
  const lease = await HeldLease.take({
    ...{ leases, instanceId, consumer: shadow },
    onLost: () => losses++,
    observer: faultsInto(errors),
    context: {},
  });
  if (lease) held.push(lease);
  return lease;
}

/** The shadow's owner, and the end of its lease as text. */
async function stored(): Promise<{ owner: string | null; end: string | null }> {
  const [row] =
    await database.sql`select owner, lease_until::text as end from read.checkpoints where projection = ${shadow.key}`;
  return row as unknown as { owner: string | null; end: string | null };
}

const isRenewedSince = ({ end }: { end: string | null }) => until(async () => (await stored()).end !== end);

/** Locks the shadow's row, as a batch does that is being written. */
async function lockRow() {
  const writer = await database.sql.reserve();
  await writer`begin`;
  await writer`select from read.checkpoints where projection = ${shadow.key} for no key update`;
  return async () => {
    await writer`commit`;
    writer.release();
  };
}

describe('the lease of a shadow', () => {
  it('is renewed until it is released, and then another instance can take it at once', async () => {
    const [me, other] = [randomUUID(), randomUUID()];
    const lease = await take(me);
    expect((await stored()).owner).toBe(me);
    expect(await take(other)).toBeUndefined();
    await isRenewedSince(await stored());
    await lease?.release();
    expect((await stored()).owner).toBeNull();
    expect((await take(other))?.checkpoint).toMatchObject({ key: shadow.key, position: 0, generation: 1 });
    expect([errors, losses]).toEqual([[], 0]);
  });

  it('is kept while a batch holds the row, and is renewed as soon as the batch is written', async () => {
    const me = randomUUID();
    await take(me);
    const unlock = await lockRow();
    const before = await stored();
    // If this waited for the row, it would wait forever, and everything else on its connection with it.
    expect(await leases.hold(me, shadow)).toMatchObject({ isRenewed: false });
    expect(await stored()).toEqual(before);
    await unlock();
    await isRenewedSince(before);
    expect([errors, losses]).toEqual([[], 0]);
  });

  it.each([
    ['another instance has taken it', () => database.sql`update read.checkpoints set owner = ${randomUUID()}`],
    ['somebody has changed the shadow', () => database.sql`update read.checkpoints set generation = generation + 1`],
    ['the shadow was dropped', () => database.sql`delete from read.checkpoints where projection = ${shadow.key}`],
  ])('is reported as lost once if %s', async (_, happens) => {
    await take(randomUUID());
    await happens();
    await until(() => losses > 0);
    expect([errors, losses]).toEqual([[], 1]);
  });

  it("that has ended is nobody's, although the instance lives: what filled the shadow does so no more", async () => {
    const me = randomUUID();
    await leases.lease(me, []);
    await leases.hold(me, shadow);
    await database.sql`update read.checkpoints set lease_until = now() - interval '1 second'`;
    expect(await leases.lease(me, [])).toMatchObject([{ key: shadow.key, owner: null }]);
    expect(await take(randomUUID())).toBeDefined();
  });
});
