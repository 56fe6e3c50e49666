import { beforeAll, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { registerCustomer } from '../../support/client/shop.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

const NAME = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { name } }`;

describe.skipIf(lacks('pg_basebackup'))('a server whose replica lacks the tables of its read models', () => {
  const database = useReplicatedDatabase();
  const { replica } = database;
  beforeAll(async () => {
    await migrateDatabase(database.url);
    const [{ lsn } = { lsn: '' }] = await database.sql`select pg_current_wal_lsn()::text as lsn`;
    await until(async () => {
      const [row] = await replica.ask<{ there: boolean }>(`select pg_last_wal_replay_lsn() >= '${lsn}' as there`);
      return row?.there === true;
    });
    await replica.pause();
  });
  const app = useApp({ database, env: () => ({ READ_DATABASE_URL: database.readUrl }) });
  const readiness = async () => {
    const answer = await fetch(`${app.url}/readyz`);
    const { reasons } = (await answer.json()) as { reasons: string[] };
    return { status: answer.status, reasons };
  };

  it('is not ready until the replica has them, with the rows that they have on the primary', async () => {
    const { status, reasons } = await readiness();
    expect(status).toBe(503);
    expect(reasons).toEqual([
      expect.stringMatching(
        /^The replica that queries read from does not have all of these read models yet: .*customers/,
      ),
    ]);
    const { aggregateId: id, token } = await registerCustomer(app);
    await replica.resume();
    await until(async () => (await readiness()).status === 200);
    expect(await app.query(NAME, { id, token })).toMatchObject({ data: { customer: { name: 'Ada' } } });
  });
});
