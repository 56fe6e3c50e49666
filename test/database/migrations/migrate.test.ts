import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../../src/database/database.ts';
import { DatabaseError } from '../../../src/database/errors.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { urlOfDatabase } from '../../../src/testing/postgres/databases.ts';
import { connect, createDatabase } from '../../support/postgres/database.ts';
import { noticesTo } from '../../support/postgres/notices.ts';

const databases: Awaited<ReturnType<typeof createDatabase>>[] = [];
afterEach(async () => {
  await Promise.all(databases.splice(0).map(({ drop }) => drop()));
});

/** A database without anything in it. */
async function emptyDatabase(): Promise<string> {
  const database = await createDatabase();
  databases.push(database);
  return database.url;
}

async function query(url: string, statement: string) {
  const sql = connect(url);
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const failureOf = async (url: string, answerWithinMs?: number): Promise<DatabaseError> => {
  const error = await migrateDatabase(url, { answerWithinMs }).catch((failure) => failure);
  expect(error).toBeInstanceOf(DatabaseError);
  return error;
};
const serverWith = (parts: Partial<Pick<URL, 'hostname' | 'port' | 'password'>>) =>
  Object.assign(new URL(inject('serverUrl')), parts).href;

describe('migrating', () => {
  it('makes the log, the read schema and a store with an epoch, and says nothing', async () => {
    const url = await emptyDatabase();
    const notices: string[] = [];
    const { epoch, roles } = await migrateDatabase(url, { observer: noticesTo(notices) });
    expect(epoch).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.values(roles).map(({ login }) => login?.user.replace(/\d+$/, ''))).toEqual([
      'afterwrite_writer_',
      'afterwrite_projector_',
      'afterwrite_reader_',
      'afterwrite_owner_',
    ]);
    expect(notices).toEqual([]);
    expect(await query(url, 'select epoch from es.store')).toEqual([{ epoch }]);
  });

  it('again changes nothing', async () => {
    const url = await emptyDatabase();
    const first = await migrateDatabase(url);
    const again = await migrateDatabase(url);
    expect({ ...again, allowance: undefined, migrations: undefined }).toEqual({
      ...{ ...first, allowance: undefined, migrations: undefined },
    });
    expect(again.migrations).toEqual({ ...first.migrations, applied: 0 });
  });

  it('is done by one of several processes at once', async () => {
    const url = await emptyDatabase();
    const script = `
      import { migrateDatabase } from ${JSON.stringify(fileURLToPath(new URL('../../../src/database/migrations/migrate.ts', import.meta.url)))};
      const observer = { tell: (_, { message }) => console.error(message) };
      const { epoch } = await migrateDatabase(process.argv[1], { observer });
      console.log(epoch);`;
    const runs = await Promise.all(
      [1, 2, 3].map(() => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, url])),
    );
    const epochs = runs.map(({ stdout }) => stdout.trim());
    expect(new Set(epochs)).toEqual(new Set([(await query(url, 'select epoch from es.store'))[0]?.epoch]));
    // On a busy machine one may say that it waits for another.
    const complaints = runs.flatMap(({ stderr }) =>
      stderr.split('\n').filter((line) => !/^$|has waited for its lock/.test(line)),
    );
    expect(complaints).toEqual([]);
  });

  it('is done by one of several in this process at once', async () => {
    const url = await emptyDatabase();
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => migrateDatabase(url)));
    expect(new Set(results.map(({ epoch }) => epoch)).size).toBe(1);
  });

  it('leaves no lock and no connection', async () => {
    const url = await emptyDatabase();
    await migrateDatabase(url);
    const held = await query(
      url,
      `select 1 from pg_locks where locktype = 'advisory' and objid = 4651733 and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(held).toEqual([]);
  });

  describe('a database that newer code has migrated', () => {
    /** A database that a later release has migrated. */
    async function newerDatabase(): Promise<string> {
      const url = await emptyDatabase();
      await migrateDatabase(url);
      await query(url, `insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 99999999999999)`);
      return url;
    }

    it('says so, and leaves the rights that newer code has given', async () => {
      const url = await newerDatabase();
      const [{ projector } = { projector: '' }] = await query(
        url,
        `select rolname as projector from pg_roles where rolname like 'afterwrite_projector\\_%' and has_schema_privilege(oid, 'read', 'usage')`,
      );
      await query(url, `create function es.later() returns int language sql return 1`);
      await query(url, `grant execute on function es.later() to ${projector}`);
      const notices: string[] = [];
      const { migrations, isNewer } = await migrateDatabase(url, { observer: noticesTo(notices) });
      expect([isNewer, migrations.applied]).toEqual([true, 0]);
      expect(notices).toEqual([expect.stringContaining('newer version of Afterwrite')]);
      const right = await query(url, `select has_function_privilege('${projector}', 'es.later()', 'execute') as has`);
      expect(right).toEqual([{ has: true }]);
    });

    it('is refused if this code lacks a migration that it needs', async () => {
      const url = await newerDatabase();
      await query(url, 'update es.store set least_migration = 99999999999999');
      const error = await failureOf(url);
      expect(error.code).toBe('DATABASE_NEWER');
      expect(error.message).toContain('newer version of Afterwrite');
      // And the next one need not wait for a lock that was left.
      expect((await failureOf(url)).code).toBe('DATABASE_NEWER');
    });
  });

  it('that fails says at what, and changes nothing', async () => {
    const url = await emptyDatabase();
    await query(url, 'create schema es');
    const error = await failureOf(url);
    expect(error.code).toBe('MIGRATION_FAILED');
    expect(error.message).toContain('schema "es" already exists');
    expect(await query(url, `select 1 from pg_namespace where nspname = 'read'`)).toEqual([]);
  });

  it('refuses a store that has lost its row', async () => {
    const url = await emptyDatabase();
    await migrateDatabase(url);
    await query(url, 'delete from es.store');
    expect((await failureOf(url)).code).toBe('MIGRATION_FAILED');
  });
});

describe('a database that cannot be used is told in one line', () => {
  const oneLine = (error: DatabaseError) => {
    expect(error.message).not.toContain('\n');
    const { password } = new URL(inject('serverUrl'));
    if (password) expect(inspect(error, { depth: 10 })).not.toContain(password);
  };

  it('where nobody listens', async () => {
    const error = await failureOf(serverWith({ port: '1' }));
    expect(error.code).toBe('DATABASE_UNREACHABLE');
    expect(error.message).toMatch(/^Postgres at .*:1\/.* cannot be used: connect ECONNREFUSED/);
    oneLine(error);
  });

  it('where the host is unknown', async () => {
    const error = await failureOf(serverWith({ hostname: 'no-such-host.invalid' }));
    expect(error.code).toBe('DATABASE_UNREACHABLE');
    oneLine(error);
  });

  it('where something else listens', async () => {
    // It takes the connection and closes it, which the driver answers by connecting again, for ever.
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? `${address?.port}` : '';
    const error = await failureOf(serverWith({ port }), 300);
    other.close();
    expect(error.code).toBe('DATABASE_UNREACHABLE');
    expect(error.message).toContain('is not Postgres');
    oneLine(error);
  });

  it('where the password is wrong', async () => {
    const error = await failureOf(serverWith({ password: 'wrong' }));
    expect(error.code).toBe('DATABASE_REFUSED');
    expect(error.message).toContain('refuses this user or password');
    expect(error.message).not.toContain('wrong@');
    oneLine(error);
  });

  it('where there is no such database', async () => {
    const error = await failureOf(urlOfDatabase(inject('serverUrl'), 'no_such_database'));
    expect(error.code).toBe('DATABASE_MISSING');
    expect(error.message).toContain('no_such_database');
    oneLine(error);
  });

  it.each(['not a url', 'postgres://user:secret@host:port/database', 'postgres://user:secret@/x y?%', ''])(
    'where the URL is none: %j',
    async (url) => {
      const error = await failureOf(url);
      expect(error.code).toBe('DATABASE_UNREACHABLE');
      expect(inspect(error, { depth: 10 })).not.toContain('secret');
      oneLine(error);
    },
  );

  it('also by who opens it', async () => {
    const open = openDatabase({
      url: serverWith({ port: '1' }),
      connections: { writer: 1, projector: 1, reader: 1 },
    });
    await expect(open).rejects.toThrow(DatabaseError);
  });
});
