import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { MIGRATION_LOCK } from '../../../src/database/activity/locks.ts';
import { openPool } from '../../../src/database/client.ts';
import { lockMigrations } from '../../../src/database/migrations/migration-lock.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { noticesTo } from '../../support/postgres/notices.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();

it('a migration that waits for its lock says who holds it, again and again, and goes on when it is free', async () => {
  const holder = await holdUp(database, `select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'afterwrite migrate' });
  onTestFinished(() => pool.close(0));
  const lines: string[] = [];
  const locked = lockMigrations(pool.db, {
    ...{ url: database.url, firstReportMs: 10, reportEveryMs: 10 },
    observer: noticesTo(lines),
  });
  await until(async () => lines.length >= 2);
  expect(lines[1]).toMatch(
    new RegExp(
      `^The migration has waited for its lock for \\d+ s: process ${holder.pid} of Postgres holds it ` +
        `\\(application somebody else, user \\S+, from \\S+\\), idle in transaction for \\d+ s, ` +
        `last statement: select pg_advisory_xact_lock\\(${MIGRATION_LOCK}\\)\\. `,
    ),
  );
  await holder.release();
  await locked;
  const said = lines.length;
  const [row] = await pool.db.execute(
    sql`select pid = pg_backend_pid() as ours from pg_locks
        where locktype = 'advisory' and objid = ${MIGRATION_LOCK} and granted
          and database = (select oid from pg_database where datname = current_database())`,
  );
  expect(row).toEqual({ ours: true });
  expect(lines).toHaveLength(said);
});

it('a migration that gets its lock at once says nothing', async () => {
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'afterwrite migrate' });
  onTestFinished(() => pool.close(0));
  const lines: string[] = [];
  await lockMigrations(pool.db, { url: database.url, observer: noticesTo(lines) });
  expect(lines).toEqual([]);
});
