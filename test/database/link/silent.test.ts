import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { isTransient } from '../../../src/database/transient.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';

const database = useDatabase({ per: 'emptied' });
const proxy = useProxy(database);

it('a connection on which answers do not come any more is given up for another one', async () => {
  const between = await proxy();
  const pool = openPool({
    ...{ url: between.url, connections: 1, pipelining: false, probeAfterMs: 300 },
    applicationName: 'given-up test',
  });
  onTestFinished(() => pool.close(0));
  const ask = () => pool.db.execute(sql`select '2026-01-02'::date as day, 7::int8 as n`);
  for (let round = 0; round < 2; round++) {
    expect([...(await ask())]).toEqual([{ day: '2026-01-02', n: 7 }]);
    between.silence();
    const [sent, waiting] = await Promise.allSettled([ask(), ask()]);
    expect(sent.status === 'rejected' && isTransient(sent.reason)).toBe(true);
    // It was not sent to the silent one.
    expect(waiting.status).toBe('fulfilled');
  }
  expect(await ask()).toHaveLength(1);
});
