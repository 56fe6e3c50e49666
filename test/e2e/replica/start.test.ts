import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type DatabaseOptions, openDatabase } from '../../../src/database/database.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { unobservedDatabase } from '../../../src/database/occurrences.ts';
import { openReplica } from '../../../src/database/replica.ts';
import { noticesTo } from '../../support/postgres/notices.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { roleOf as roleNamed } from '../../support/postgres/roles.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

describe.skipIf(lacks('pg_basebackup'))('a database that is opened with a server to read from', () => {
  const database = useReplicatedDatabase();
  const { replica } = database;
  const notices: string[] = [];
  const open = async (readUrl: string, options: Partial<DatabaseOptions> = {}) => {
    const connections = { writer: 1, projector: 1, reader: 1 };
    const observer = noticesTo(notices);
    const opened = await openDatabase({ url: database.url, readUrl, connections, observer, ...options });
    onTestFinished(() => opened.close(1000));
    return opened;
  };
  /** Another database on the primary, or on the replica. */
  const named = (url: string, name: string, user = 'afterwrite') => {
    const other = new URL(url);
    other.pathname = `/${name}`;
    other.username = user;
    return other.href;
  };
  const nameOf = () => roleNamed(database.sql, 'reader');
  const roleOf = async ({ reader }: Awaited<ReturnType<typeof open>>) => {
    const [row] = await reader.db.execute('select current_user as role, pg_is_in_recovery() as replaying');
    return row;
  };

  it('waits for what the migration has made on the primary', async () => {
    await replica.pause();
    onTestFinished(() => replica.resume());
    const opening = open(database.readUrl);
    await until(async () => {
      const grants =
        await database.sql`select 1 from information_schema.table_privileges where grantee = ${await nameOf()}`;
      return grants.length > 0;
    });
    await replica.resume();
    expect(await roleOf(await opening)).toEqual({ role: await nameOf(), replaying: true });
  });

  it('refuses a replica that does not get there in time', async () => {
    await replica.pause();
    onTestFinished(() => replica.resume());
    await database.primary.ask('create database newer');
    const migrated = await migrateDatabase(named(database.url, 'newer'));
    await expect(
      openReplica(named(database.readUrl, 'newer'), migrated, unobservedDatabase, 200),
    ).rejects.toMatchObject({
      code: 'DATABASE_MISSING',
    });
    await replica.resume();
    const checked = await openReplica(named(database.readUrl, 'newer'), migrated, unobservedDatabase);
    await checked.pool.close();
  });

  it('refuses the history of another store, and a database that holds none', async () => {
    await database.primary.ask('create database other');
    await database.primary.ask('create database empty');
    await migrateDatabase(named(database.url, 'other'));
    await expect(open(named(database.url, 'other'))).rejects.toMatchObject({
      code: 'REPLICA_FOREIGN',
      message: expect.stringMatching(/^Postgres at 127\.0\.0\.1:\d+\/other holds another history than DATABASE_URL/),
    });
    await expect(open(named(database.url, 'empty'))).rejects.toMatchObject({ code: 'REPLICA_BEHIND' });
  });

  it('says what is wrong with a server that cannot be reached', async () => {
    await expect(open('postgres://afterwrite:secret@127.0.0.1:1/shop')).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.not.stringContaining('secret'),
    });
  });

  it('has what is projected written for the replica at once, and compiles no statement for it', async () => {
    const { projector } = await open(database.readUrl);
    const settings = sql`select current_setting('synchronous_commit') as commit, current_setting('jit') as jit`;
    expect([...(await projector.db.execute(settings))]).toEqual([{ commit: 'local', jit: 'off' }]);
  });

  it('takes the primary itself', async () => {
    expect(await roleOf(await open(database.url))).toEqual({ role: await nameOf(), replaying: false });
  });

  describe('as another user', () => {
    beforeAll(async () => {
      await database.primary.ask(
        'create role looker login; grant pg_read_all_data to looker; create role nobody login',
      );
      await until(async () => (await replica.ask(`select 1 from pg_roles where rolname = 'nobody'`)).length > 0);
    });

    it('reads as the reader role, whatever user the URL names', async () => {
      const opened = await open(named(database.readUrl, 'shop', 'looker'));
      expect(await roleOf(opened)).toEqual({ role: await nameOf(), replaying: true });
    });

    it('is refused if that user may not know which history it is', async () => {
      await expect(open(named(database.readUrl, 'shop', 'nobody'))).rejects.toMatchObject({
        code: 'DATABASE_FORBIDDEN',
      });
    });
  });
});
