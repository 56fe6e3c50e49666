import { expect, it } from 'vitest';
import { busyBackends } from '../../../src/database/activity/activity.ts';
import { openPool } from '../../../src/database/client.ts';
import { countersTable } from '../../support/kernel/counter.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { connect, useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });

it('says whose statements it may not see, and what would let it', async () => {
  const { sql } = database;
  const user = `plain_${Date.now()}`;
  await sql.unsafe(`create role ${user} login password 'plain';
    grant usage on schema read to ${user}; grant select, update on read.counters_v1 to ${user}`);
  const url = new URL(database.url);
  Object.assign(url, { username: user, password: 'plain' });
  const pool = openPool({ url: url.href, connections: 1, applicationName: 'afterwrite watch' });
  const waiting = connect(`${url.href}?application_name=afterwrite%20projector`);
  const { pid, release } = await holdUp(database, 'lock table read.counters_v1 in exclusive mode');
  const locked = waiting`update read.counters_v1 set label = label`.catch(() => undefined);
  try {
    const busy = await until(async () => {
      const [found] = await busyBackends(pool.db);
      return found;
    });
    expect(busy).toMatchObject({
      application: 'afterwrite projector',
      waitingFor: 'RowExclusiveLock on read.counters_v1',
      isLocked: true,
      blockers: [{ pid, application: 'somebody else', user: expect.any(String), state: null, since: null }],
    });
    expect(busy?.blockers[0]?.query).toBe(
      "another user's statement: the application's user needs pg_read_all_stats to see it",
    );
  } finally {
    await release();
    await locked;
    await Promise.all([waiting.end({ timeout: 1 }), pool.close(1000)]);
    await sql.unsafe(`drop owned by ${user}; drop role ${user}`);
  }
});
