// Upstream: https://github.com/drizzle-team/drizzle-orm/issues/6096
import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../../src/database/client.ts';
import { prepared } from '../../../../src/database/driver/drizzle/prepared.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });

it('hand-written SQL is prepared once on a connection, and executed with other parameters each time', async () => {
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'prepared test' });
  onTestFinished(() => pool.close());
  const twice = prepared<{ n: number }>(pool.db, 'twice', sql`select 2 * ${sql.placeholder('n')}::int as n`);
  const answers = [await twice({ n: 1 }), await twice({ n: 2 }), await twice({ n: 3 })];
  expect(answers.flat()).toEqual([{ n: 2 }, { n: 4 }, { n: 6 }]);
  const statements = await pool.db.execute<{ statement: string; executions: number }>(
    sql`select statement, (generic_plans + custom_plans)::int as executions from pg_prepared_statements`,
  );
  expect(statements).toEqual([{ statement: 'select 2 * $1::int as n', executions: 3 }]);
});
