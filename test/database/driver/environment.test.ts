// No upstream issue is known.
import { sql } from 'drizzle-orm';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
afterEach(() => vi.unstubAllEnvs());

// The driver does not know the first, and would close connections because of the second.
it.each(['any', 'standby'])('the driver does not act on PGTARGETSESSIONATTRS=%s', async (attributes) => {
  vi.stubEnv('PGTARGETSESSIONATTRS', attributes);
  // What the URL says counts.
  const url = `${database.url}?target_session_attrs=primary`;
  const pool = openPool({ url, connections: 1, applicationName: 'environment test' });
  onTestFinished(() => pool.close());
  expect(await pool.db.execute(sql`select 1 as n`)).toEqual([{ n: 1 }]);
  expect(process.env.PGTARGETSESSIONATTRS).toBe(attributes);
});
