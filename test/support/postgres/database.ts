import { randomUUID } from 'node:crypto';
import type { PgTable } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';
import { copyDatabase, dropDatabase, urlOfDatabase } from '../../../src/testing/postgres/databases.ts';
import { createTable } from './ddl.ts';

/** A database of a test's own: migrated, empty, with an epoch that no other store has. */
export interface TestDatabase {
  readonly url: string;
  /** A connection of the owner and superuser, for checks of the stored data. */
  readonly sql: postgres.Sql;
}

export interface TestDatabaseOptions {
  /** Read tables of domains that no migration knows; the roles get their rights when an engine is opened on it. */
  readonly tables?: readonly PgTable[];
  /** One database for each test of the file, unless it is 'file'. */
  readonly per?: 'test' | 'file';
}

/** Gives each test of the file (or all of them together) a database, dropped afterwards. */
export function useDatabase({ tables = [], per = 'test' }: TestDatabaseOptions = {}): TestDatabase {
  let current: (TestDatabase & { drop(): Promise<void> }) | undefined;
  const drops: Promise<void>[] = [];
  const open = async () => {
    current = await cloneDatabase(tables);
  };
  const drop = () => {
    // The next test need not wait for Postgres to see the last of this one's connections off.
    if (current) drops.push(current.drop());
    current = undefined;
  };
  if (per === 'test') {
    beforeEach(open);
    afterEach(drop);
  } else {
    beforeAll(open);
    afterAll(drop);
  }
  afterAll(() => Promise.all(drops));
  const present = () => {
    if (!current) throw new Error('There is a database only while a test runs.');
    return current;
  };
  return {
    get url() {
      return present().url;
    },
    get sql() {
      return present().sql;
    },
  };
}

/** Makes a database as a copy of the migrated one; the caller drops it. */
export async function cloneDatabase(
  tables: readonly PgTable[] = [],
): Promise<TestDatabase & { drop(): Promise<void> }> {
  const { url, drop } = await createDatabase(inject('templateDatabase'));
  const sql = connect(url, 3);
  await sql`update es.store set epoch = gen_random_uuid()`;
  for (const table of tables) await sql.unsafe(createTable(table));
  return {
    url,
    sql,
    drop: async () => {
      await sql.end({ timeout: 1 });
      await drop();
    },
  };
}

/** Makes a database without anything in it, or a copy of another one. */
export async function createDatabase(
  template = 'template1',
): Promise<{ url: string; name: string; drop: () => Promise<void> }> {
  const serverUrl = inject('serverUrl');
  const name = `afterwrite_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  await onServer((sql) => copyDatabase(sql, name, template));
  return {
    url: urlOfDatabase(serverUrl, name),
    name,
    drop: () => onServer((sql) => dropDatabase(sql, name)),
  };
}

/** To the server's own database, for all tests of this worker: to connect costs as much as to copy a database. */
let server: postgres.Sql<{ int8: number }> | undefined;

/** Runs one statement on the server's own database. */
export async function onServer(statement: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  server ??= connect(inject('serverUrl'), 2);
  await statement(server);
}

/** A plain connection, silent; numbers for int8, as in the application. */
export function connect(url: string, max = 1): postgres.Sql<{ int8: number }> {
  const int8 = { to: 20, from: [20], serialize: String, parse: Number };
  return postgres(url, { max, types: { int8 }, onnotice: () => {} });
}
