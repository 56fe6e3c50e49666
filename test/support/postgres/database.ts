import { randomUUID } from 'node:crypto';
import type { PgTable } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';
import { TENANT_SETTING } from '../../../src/database/tenancy/tenant-setting.ts';
import { copyDatabase, dropDatabase, urlOfDatabase } from '../../../src/testing/postgres/databases.ts';
import { testTenant } from '../kernel/as-tenant.ts';
import { createTable } from './ddl.ts';
import { emptyingOf } from './emptied.ts';

/** A database of a test's own: migrated, empty, with an epoch that no other store has. */
export interface TestDatabase {
  readonly url: string;
  /** A connection of the owner and superuser, for checks of the stored data. */
  readonly sql: postgres.Sql;
}

/** A database that {@link useDatabase} has made. */
export interface UsedDatabase extends TestDatabase {
  /** True if engines may leave their connections to those of the next test. */
  readonly isShared: boolean;
}

export interface TestDatabaseOptions {
  /** Read tables of domains that no migration knows; the roles get their rights when an engine is opened on it. */
  readonly tables?: readonly PgTable[];
  /**
   * - `test`: each test has one of its own, which nobody has opened before. The default.
   * - `emptied`: a test gets that of the test before without its rows, which takes a tenth of the CPU. Roles, their
   *   rights and tables that engines have made stay, and connections may. For tests that change nothing but rows: after
   *   others the next test gets a new one.
   * - `file`: all tests share one and what is in it.
   */
  readonly per?: 'test' | 'emptied' | 'file';
}

interface Clone extends Awaited<ReturnType<typeof cloneDatabase>> {
  /** Makes it as it was when it was new, see {@link emptyingOf}. */
  empty?(): Promise<boolean>;
}

/** Gives each test of the file (or all of them together) a database, dropped afterwards. */
export function useDatabase({ tables = [], per = 'test' }: TestDatabaseOptions = {}): UsedDatabase {
  // Engines of a tenant change the tables.
  const isEmptied = per === 'emptied' && testTenant === undefined;
  let current: Clone | undefined;
  /** One that was emptied for the next test. */
  let emptied: Promise<Clone | undefined> = Promise.resolve(undefined);
  const drops: Promise<void>[] = [];
  const open = async () => {
    current = (await emptied) ?? (await clone());
    emptied = Promise.resolve(undefined);
  };
  const clone = async (): Promise<Clone> => {
    const database = await cloneDatabase(tables);
    return isEmptied ? { ...database, empty: await emptyingOf(database.sql) } : database;
  };
  const drop = (database: Clone | undefined) => {
    // The next test need not wait for Postgres to see the last of this one's connections off.
    if (database) drops.push(database.drop());
  };
  const close = () => {
    const last = current;
    current = undefined;
    if (!last?.empty) return drop(last);
    emptied = last.empty().then((isEmpty) => {
      if (isEmpty) return last;
      drop(last);
      return undefined;
    });
  };
  if (per === 'file') {
    beforeAll(open);
    afterAll(close);
  } else {
    beforeEach(open);
    afterEach(close);
  }
  afterAll(async () => {
    drop(await emptied);
    await Promise.all(drops);
  });
  const present = () => {
    if (!current) throw new Error('There is a database only while a test runs.');
    return current;
  };
  return {
    isShared: per === 'file' || isEmptied,
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
  const sql = connect(url, 3, testTenant);
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

/**
 * A plain connection, silent; numbers for int8, as in the application.
 * @param tenant whose rows it writes, in a database that tenants share.
 */
export function connect(url: string, max = 1, tenant?: string): postgres.Sql<{ int8: number }> {
  const int8 = { to: 20, from: [20], serialize: String, parse: Number };
  const connection = tenant ? { [TENANT_SETTING]: tenant } : {};
  return postgres(url, { max, types: { int8 }, connection, onnotice: () => {} });
}
