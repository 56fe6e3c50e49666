import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pool } from '../../../src/database/client.ts';
import { type Checkpoint, Checkpoints } from '../../../src/kernel/checkpoints/checkpoints.ts';
import { RemoteCheckpoints } from '../../../src/kernel/checkpoints/remote-checkpoints.ts';
import { Positions } from '../../../src/kernel/consistency/positions.ts';
import { LogHead } from '../../../src/kernel/log/log-head.ts';
import { counters } from '../../support/kernel/counter.ts';
import { faultsInto } from '../../support/kernel/observers.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openTestPool } from '../../support/postgres/pool.ts';
import { until } from '../../support/until.ts';

/** Longer than the time in which the next read follows while a notification is to come, in ms. */
const QUIET_MS = 500;

const database = useDatabase({ per: 'emptied' });
const { key } = counters.checkpoint;
let pool: Pool;
let remote: RemoteCheckpoints;
let checkpoints: Reads;
let faults: unknown[];

/** Notes when the table is read. */
class Reads extends Checkpoints {
  count = 0;
  last = 0;

  override all(): Promise<Checkpoint[]> {
    this.count++;
    this.last = performance.now();
    return super.all();
  }
}

/** Resolves when the table has not been read for a while. */
const quiet = () => until(() => performance.now() - checkpoints.last > QUIET_MS);

beforeEach(async () => {
  pool = openTestPool({ url: database.url, connections: 1, applicationName: 'follows checkpoints' });
  checkpoints = new Reads(pool.db);
  faults = [];
  await checkpoints.register([counters.checkpoint]);
  const positions = new Positions([counters.name], 10);
  remote = new RemoteCheckpoints({
    checkpoints,
    projections: [counters],
    positions,
    head: new LogHead(),
    isRunning: () => false,
    refreshHead: async () => {},
    canListen: () => true,
    onMoved: ({ projection, position }) => positions.advance(projection, position),
    observer: faultsInto(faults),
  });
  // Another instance owns the projection, moves it, and its notification has not come yet.
  await database.sql`update read.checkpoints set owner = ${randomUUID()}, position = 5`;
  await remote.seen(await checkpoints.all(), new Set(), remote.before());
});
afterEach(async () => {
  await remote.stop();
  await pool.close();
  expect(faults).toEqual([]);
});

describe('the table of checkpoints, after another instance has moved a projection without a notification', () => {
  it('is read until the notification counts as lost', async () => {
    remote.start();
    await quiet();
    expect(checkpoints.count).toBeGreaterThan(1);
  });

  it('is not read on for that if this instance takes the projection over', async () => {
    await remote.seen(await checkpoints.all(), new Set([key]), remote.before());
    remote.start();
    await quiet();
    expect(checkpoints.count).toBe(2);
  });

  it('is not read on for that once the notification comes', async () => {
    remote.onAdvance(key, { from: 0, to: 5, keys: [], lagMs: 0, generation: 1 });
    remote.start();
    await quiet();
    expect(checkpoints.count).toBe(1);
  });
});
