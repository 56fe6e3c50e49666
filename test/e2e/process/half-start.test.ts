import { expect, it } from 'vitest';
import app from '../../../src/app.ts';
import { MIGRATION_LOCK } from '../../../src/database/activity/locks.ts';
import { createLogger } from '../../../src/server/operations/logger.ts';
import { startServer } from '../../../src/server/server.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { freePort, ServerProcess, statusOf } from './server-process.ts';

const database = useDatabase();

it('a server that fails at the last step of its start gives up what it had taken', async () => {
  const { sql } = database;
  await sql`drop table read.checkpoints`;
  const port = await freePort();
  const config = readConfig({ PORT: String(port), DATABASE_URL: database.url, LOG_LEVEL: 'silent' }, app.settings);
  await expect(startServer(app, config, createLogger(config))).rejects.toThrow();
  expect(await statusOf(`http://127.0.0.1:${port}/livez`)).toBeUndefined();
  const connections = () => sql`select 1 from pg_stat_activity
                                where datname = current_database() and application_name like 'afterwrite %'`;
  await until(async () => (await connections()).length === 0);
});

it('a server that is told to stop while it waits for another one’s migration ends when its time to shut down is over', async () => {
  const blocker = await holdUp(database, `select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
  const server = new ServerProcess({ DATABASE_URL: database.url, SHUTDOWN_TIMEOUT_MS: '500' });
  const waiting = () => database.sql`select 1 from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  await until(async () => (await waiting()).length > 0, { deadline: 90_000 });
  server.kill('SIGTERM');
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.messages.at(-1)).toBe('the start did not end in time and is cut off');
  await blocker.release();
});
