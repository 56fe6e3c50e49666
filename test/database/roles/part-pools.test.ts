import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/database/database.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const openProxy = useProxy(database);
const connections = { writer: 1, projector: 1, reader: 1 };

it('the connections on which logins were tried are the first ones of the parts', async () => {
  const proxy = await openProxy();
  const opened = await openDatabase({ url: proxy.url, connections });
  onTestFinished(() => opened.close(1000));
  // One migrates.
  expect(proxy.connections).toBe(5);
  const users = await Promise.all(
    [opened.writer, opened.projector, opened.reader, opened.owner].map(async ({ db }) => {
      const ask = sql`select current_user as user`;
      // The owner works in transactions.
      const [row] = await (db === opened.owner.db ? db.transaction((tx) => tx.execute(ask)) : db.execute(ask));
      return String(row?.user).replace(/_\d+$/, '');
    }),
  );
  expect(users).toEqual(['writer', 'projector', 'reader', 'owner'].map((part) => `afterwrite_${part}`));
  expect(proxy.connections).toBe(5);
});

it('the connections on which logins were tried are closed if the database cannot be opened', async () => {
  const readUrl = 'postgres://nobody@127.0.0.1:1/nowhere';
  await expect(openDatabase({ url: database.url, readUrl, connections })).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
  });
  await until(async () => {
    const others = await database.sql`select from pg_stat_activity
      where datname = current_database() and application_name like 'afterwrite%'`;
    return others.length === 0;
  });
});
