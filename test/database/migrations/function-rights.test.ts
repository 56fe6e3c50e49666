import { expect, it } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { applyMigrations } from '../../../src/database/migrations/apply-migrations.ts';
import { engineHistory } from '../../../src/database/migrations/migration-history.ts';
import { connect, createDatabase } from '../../support/postgres/database.ts';
import { noticesTo } from '../../support/postgres/notices.ts';

it('the migrations leave nobody a right to execute a function, also before a start has granted rights', async () => {
  const { url, drop } = await createDatabase();
  const pool = openPool({ url, connections: 1, applicationName: 'rights', prepare: false });
  const sql = connect(url);
  try {
    await applyMigrations(pool.db, engineHistory, noticesTo([]));
    const functions = await sql<{ name: string; forAll: boolean }[]>`
      select format('%s.%s', pronamespace::regnamespace, proname) as name,
             has_function_privilege('public', oid, 'execute') as "forAll"
      from pg_proc where pronamespace in ('es'::regnamespace, 'read'::regnamespace)`;
    expect(functions.map(({ name }) => name)).toContain('es.append_one');
    expect(functions.filter(({ forAll }) => forAll).map(({ name }) => name)).toEqual([]);
  } finally {
    await Promise.all([pool.close(1000), sql.end({ timeout: 1 })]);
    await drop();
  }
});
