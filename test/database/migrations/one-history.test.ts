import { readFileSync } from 'node:fs';
import { getTableName } from 'drizzle-orm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { LAST_OF_ONE_HISTORY } from '../../../src/database/migrations/migration-history.ts';
import { domains } from '../../../src/domains/index.ts';
import { registerDomains } from '../../../src/kernel/define/domain.ts';
import { ensureTables } from '../../../src/kernel/read/tables/ensure-tables.ts';
import { tablesOf } from '../../../src/kernel/read/tables/tables.ts';
import { connect, createDatabase } from '../../support/postgres/database.ts';

/** Those that the shop had before the engine made the tables of read models. */
const appMigrations = new URL('./former/shop/', import.meta.url);
const engineMigrations = new URL('../../../drizzle/', import.meta.url);

interface Migration {
  readonly tag: string;
  readonly when: number;
  readonly statements: readonly string[];
}

function migrationsIn(folder: URL): Migration[] {
  const journal = JSON.parse(readFileSync(new URL('meta/_journal.json', folder), 'utf8'));
  return journal.entries.map(({ when, tag }: { when: number; tag: string }) => ({
    tag,
    when,
    statements: readFileSync(new URL(`${tag}.sql`, folder), 'utf8').split('--> statement-breakpoint'),
  }));
}

/** Engine and application in the order in which they were applied while they had one history. */
const oneHistory = [...migrationsIn(engineMigrations), ...migrationsIn(appMigrations)]
  .filter(({ when }) => when <= LAST_OF_ONE_HISTORY)
  .toSorted((a, b) => a.when - b.when);
const times = [...new Set(oneHistory.map(({ when }) => when))];

const databases: Awaited<ReturnType<typeof createDatabase>>[] = [];
const openDatabases: Awaited<ReturnType<typeof connect>>[] = [];
afterEach(async () => {
  await Promise.all(openDatabases.splice(0).map((sql) => sql.end({ timeout: 1 })));
  await Promise.all(databases.splice(0).map(({ drop }) => drop()));
});

async function emptyDatabase() {
  const database = await createDatabase();
  const sql = connect(database.url);
  databases.push(database);
  openDatabases.push(sql);
  return { url: database.url, sql };
}

/** A database as a version from the time of one history left it. */
async function oldDatabase(until: number) {
  const { url, sql } = await emptyDatabase();
  await sql.unsafe(`create schema drizzle;
    create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`);
  for (const { when, statements } of oneHistory.filter((migration) => migration.when <= until)) {
    for (const statement of statements) await sql.unsafe(statement);
    const [known] = await sql`select 1 from drizzle.__drizzle_migrations where created_at = ${when}`;
    if (!known) await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of then', ${when})`;
  }
  return { url, sql };
}

/** Every column, index and function. */
async function shapeOf(sql: ReturnType<typeof connect>) {
  const columns = await sql`
    select table_schema, table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema in ('es', 'read') order by 1, 2, 3`;
  const indexes = await sql`select indexdef from pg_indexes where schemaname in ('es', 'read') order by 1`;
  const functions = await sql`
    select p.oid::regprocedure::text as name, md5(prosrc) as source from pg_proc p
    where pronamespace in ('es'::regnamespace, 'read'::regnamespace) order by 1`;
  return { columns: [...columns], indexes: [...indexes], functions: [...functions] };
}

const migrate = (url: string) => migrateDatabase(url, { appMigrations });

describe('a database that engine and application migrated together', () => {
  let fresh: Awaited<ReturnType<typeof shapeOf>>;
  beforeAll(async () => {
    const { url, sql } = await emptyDatabase();
    await migrate(url);
    fresh = await shapeOf(sql);
  });

  it('has had all of it: only what is newer than that time is applied', async () => {
    const { url, sql } = await oldDatabase(LAST_OF_ONE_HISTORY);
    const newer = [...migrationsIn(engineMigrations), ...migrationsIn(appMigrations)].filter(
      ({ when }) => when > LAST_OF_ONE_HISTORY,
    );
    expect((await migrate(url)).migrations.applied).toBe(newer.length);
    expect(await shapeOf(sql)).toEqual(fresh);
    expect((await migrate(url)).migrations.applied).toBe(0);
  });

  it.each(times.slice(0, -1).map((when, index) => [index + 1, when]))(
    'comes from its first %i migrations to the shape of a new one',
    async (_, when) => {
      const { url, sql } = await oldDatabase(when);
      await migrate(url);
      expect(await shapeOf(sql)).toEqual(fresh);
    },
  );

  it('keeps the rows of its read models', async () => {
    const { url, sql } = await oldDatabase(LAST_OF_ONE_HISTORY);
    await sql`insert into read.customers (id, name, email, version, last_position)
              values ('00000000-0000-7000-8000-000000000001', 'Ada', 'ada@example.com', 1, 1)`;
    await migrate(url);
    expect([...(await sql`select name from read.customers`)]).toEqual([{ name: 'Ada' }]);
  });
});

describe('an application whose migrations come later than the engine’s', () => {
  it('has them applied, though the engine was there before', async () => {
    const { url, sql } = await emptyDatabase();
    await migrateDatabase(url);
    const [orders] = await sql`select to_regclass('read.orders') as there`;
    expect(orders).toEqual({ there: null });
    expect((await migrate(url)).migrations.applied).toBe(migrationsIn(appMigrations).length);
  });
});

describe('the tables that migrations of the shop have made', () => {
  /** From then on each version has a table of its own. */
  const versionsFrom = migrationsIn(engineMigrations).find(({ tag }) => tag === '0028_read_model_versions')?.when ?? 0;
  const { projections } = registerDomains(domains);
  /** The read models of then, in their versions. */
  const former: Readonly<Record<string, number>> = {
    ...{ accountEntries: 1, accounts: 1, articleCards: 1, auditTrail: 1, customers: 1, fulfilments: 1, notes: 1 },
    ...{ orders: 3, products: 1, transfers: 1 },
  };
  const isFormer = ({ name, version }: { readonly name: string; readonly version: number }) => former[name] === version;

  it('become those of the versions of its read models, as they are declared, once the servers of that time have stopped, and are not filled again if the version is the same', async () => {
    const { url, sql } = await emptyDatabase();
    await sql.unsafe(`create schema drizzle;
      create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`);
    const all = [...migrationsIn(engineMigrations), ...migrationsIn(appMigrations)];
    for (const { when, statements } of all.toSorted((a, b) => a.when - b.when)) {
      if (when >= versionsFrom) continue;
      for (const statement of statements) await sql.unsafe(statement);
      await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of then', ${when})`;
    }
    for (const [name, version] of Object.entries(former)) {
      await sql`insert into read.checkpoints (projection, version) values (${name}, ${version})`;
    }
    await sql`insert into read.instances (id, process, moves, alive_until)
      values (gen_random_uuid(), 'former:1', '{}', now() + interval '1 minute')`;
    const before = await shapeOf(sql);
    await expect(migrateDatabase(url)).rejects.toMatchObject({
      code: 'READ_TABLES_IN_USE',
      message: expect.stringContaining('Processes of an older release of Afterwrite are running: former:1.'),
    });
    expect(await shapeOf(sql)).toEqual(before);
    await sql`delete from read.instances`;
    await migrateDatabase(url);
    const pool = openPool({ url, connections: 1, applicationName: 'test' });
    const present = [...projections.values()];
    const made = await ensureTables({ db: pool.db, projections: present, grant: async () => {} }).finally(() =>
      pool.close(),
    );
    const since = present.filter((projection) => !isFormer(projection));
    expect(made.created.toSorted()).toEqual(since.flatMap(tablesOf).map(getTableName).sort());
    // Read models of which only the indexes have changed since.
    expect(made.missing.map(({ name }) => name.replace(/_.*/, ''))).toEqual(['accounts', 'accounts', 'accounts']);
    const keys = (await sql`select projection as key from read.checkpoints`).map(({ key }) => key);
    expect(keys).toEqual(expect.arrayContaining(Object.entries(former).map(([name, version]) => `${name}@${version}`)));
  });
});
