import { expect, it } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { domains } from '../../../src/domains/index.ts';
import { startApp } from '../../../src/server/app.ts';
import { createLogger } from '../../../src/server/logger.ts';
import { useDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';
import { freePort, statusOf } from './server-process.ts';

const database = useDatabase();

it('a server that fails at the last step of its start gives up what it had taken', async () => {
  const { sql } = database;
  await sql`drop table read.checkpoints`;
  const port = await freePort();
  const config = readConfig({ PORT: String(port), DATABASE_URL: database.url, LOG_LEVEL: 'silent' });
  await expect(startApp(config, domains, createLogger(config))).rejects.toThrow();
  expect(await statusOf(`http://127.0.0.1:${port}/livez`)).toBeUndefined();
  const connections = () => sql`select 1 from pg_stat_activity
                                where datname = current_database() and application_name like 'afterwrite %'`;
  await until(async () => (await connections()).length === 0);
});
