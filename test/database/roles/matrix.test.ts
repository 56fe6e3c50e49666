import { getTableName } from 'drizzle-orm';
import type postgres from 'postgres';
import { beforeAll, describe, expect, it } from 'vitest';
import app from '../../../src/app.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { connect } from '../../../src/database/session.ts';
import { domains } from '../../../src/domains/index.ts';
import { tablesOf } from '../../../src/kernel/read/tables/tables.ts';
import { useDatabase } from '../../support/database.ts';
import { roleOf } from '../../support/roles.ts';

const PARTS = ['writer', 'projector', 'reader'] as const;
type Part = (typeof PARTS)[number];
/** What each part may do with an object; what is not here it may not. */
type May = Readonly<Partial<Record<Part, string>>>;

const ROWS = 'select insert update delete';
const READ_MODEL: May = { projector: ROWS, reader: 'select' };

/** Every table of the engine. One that is missing here fails the test with its name: decide who may do what. */
const TABLES: Readonly<Record<string, May>> = {
  'es.events': { writer: 'select', projector: 'select' },
  'es.receipts': { writer: 'select' },
  'es.snapshots': { writer: 'select' },
  'es.store': { writer: 'select', projector: 'select' },
  'es.acceptances': { writer: 'select', projector: 'select' },
  'es.streams': { writer: 'select' },
  'read.checkpoints': READ_MODEL,
  'read.dead_letters': READ_MODEL,
  'read.deadlines': READ_MODEL,
  'read.instances': READ_MODEL,
  'read.parked_items': READ_MODEL,
  'drizzle.__drizzle_migrations': {},
  'drizzle.app_migrations': {},
};

const SEQUENCES: Readonly<Record<string, May>> = {
  'drizzle.__drizzle_migrations_id_seq': {},
  'drizzle.app_migrations_id_seq': {},
};

const FUNCTIONS: Readonly<Record<string, May>> = {
  'es.append': { writer: 'execute' },
  'es.append_all': { writer: 'execute' },
  'es.load': { writer: 'execute' },
  'es.load_at': { writer: 'execute' },
  'es.now': {},
  'es.recording_time': {},
  'es.refuse_change': {},
  'es.save_snapshots': { writer: 'execute' },
  'read.move_checkpoint': { projector: 'execute' },
  'read.name_checkpoint': {},
  'read.search_text': { projector: 'execute', reader: 'execute' },
};

const SCHEMAS: Readonly<Record<string, May>> = {
  drizzle: {},
  es: { writer: 'usage', projector: 'usage' },
  public: { writer: 'usage', projector: 'usage', reader: 'usage' },
  read: { projector: 'usage', reader: 'usage' },
};

/** Statements on a table, by the right that they need; those of `ddl` only its owner may run. */
const ON_TABLE: Readonly<Record<string, (table: string, column: string) => string>> = {
  select: (table) => `select 1 from ${table} limit 1`,
  insert: (table) => `insert into ${table} default values`,
  update: (table, column) => `update ${table} set ${column} = ${column} where false`,
  delete: (table) => `delete from ${table} where false`,
  truncate: (table) => `truncate ${table}`,
  drop: (table) => `drop table ${table}`,
  'add column': (table) => `alter table ${table} add column hostile int`,
  'disable trigger': (table) => `alter table ${table} disable trigger all`,
  'create index': (table, column) => `create index on ${table} (${column})`,
  'create trigger': (table) =>
    `create trigger hostile before insert on ${table} for each row execute function suppress_redundant_updates_trigger()`,
  'create rule': (table) => `create rule hostile as on insert to ${table} do nothing`,
};

/** Ways out of a role. OWNER and SUPERUSER are the names of those who may do more. */
const REFUSED_TO_ALL = [
  'set role "OWNER"',
  'set role "SUPERUSER"',
  'set session authorization "SUPERUSER"',
  'grant "OWNER" to current_user',
  'alter role "OWNER" password null',
  'alter role current_user superuser',
  'alter role current_user createrole',
  'create role hostile',
  'create database hostile',
  'create schema hostile',
  'create table public.hostile (id int)',
  'create table es.hostile (id int)',
  'create table read.hostile (id int)',
  'create temp table hostile (id int)',
  'create view read.hostile as select 1',
  'create function read.hostile() returns int language sql as $$ select 1 $$',
  'create or replace function es.load(asked jsonb) returns int language sql as $$ select 1 $$',
  'alter function es.append(jsonb, text[]) security invoker',
  'drop function es.append(jsonb, text[])',
  'alter schema es rename to hostile',
  'drop schema read cascade',
  'create extension dblink',
  'create extension plpython3u',
  'create publication hostile for all tables',
  "create subscription hostile connection 'host=127.0.0.1' publication hostile",
  'create foreign data wrapper hostile',
  'create event trigger hostile on ddl_command_start execute function es.refuse_change()',
  "alter system set fsync = 'off'",
  "alter database current_name set datestyle = 'SQL'",
  'set session_replication_role = replica',
  'set log_statement = none',
  "copy es.events to program 'cat'",
  "copy (select 1) to program 'cat > /tmp/hostile'",
  "copy (select 1) to '/tmp/hostile'",
  "select pg_read_file('/etc/passwd')",
  "select pg_read_binary_file('/etc/passwd')",
  "select pg_ls_dir('/')",
  "select lo_import('/etc/passwd')",
  "select lo_export(1, '/tmp/hostile')",
  'select pg_reload_conf()',
  'select * from pg_authid',
  'select rolpassword from pg_authid',
  "select pg_logical_emit_message(true, 'hostile', 'x'), pg_switch_wal()",
  'select pg_terminate_backend(SUPERUSER_PID)',
  'select pg_cancel_backend(SUPERUSER_PID)',
  'checkpoint',
];

/** What Postgres lets every role do, and what does not lead out: docs/operations.md says so. */
const ALLOWED_TO_ALL = [
  'set role none',
  'reset role',
  'reset session authorization',
  'listen hostile',
  "notify hostile, 'x'",
  'select pg_advisory_xact_lock(1)',
  'do $$ begin null; end $$',
];

const database = useDatabase({ per: 'file' });
const sessions = new Map<Part, postgres.Sql>();
let names: { owner: string; superuser: string; superuserPid: number; database: string };

beforeAll(async () => {
  const roles = await migrateDatabase(database.url, () => {}, { appMigrations: app.migrations }).then(
    (migrated) => migrated.roles,
  );
  for (const part of PARTS) {
    const { login } = roles[part];
    if (!login) throw new Error(`The ${part} does not log in.`);
    sessions.set(part, connect({ url: database.url, login, applicationName: 'matrix' }, { max: 1 }));
  }
  const [row] = await database.sql<{ user: string; pid: number; name: string }[]>`
    select current_user as user, pg_backend_pid() as pid, current_database() as name`;
  if (!row) throw new Error('nobody');
  names = {
    owner: await roleOf(database.sql, 'owner'),
    superuser: row.user,
    superuserPid: row.pid,
    database: row.name,
  };
  return async () => void (await Promise.all([...sessions.values()].map((sql) => sql.end({ timeout: 1 }))));
});

const INSUFFICIENT_PRIVILEGE = '42501';

/** Whether Postgres refuses a statement for who asks. What it does is undone; anything else that is wrong with it is no refusal. */
async function isRefused(part: Part, statement: string): Promise<boolean> {
  const undo = new Error('undo');
  try {
    await sessions.get(part)?.begin(async (tx) => {
      // A read-only transaction refuses too, and whoever is in the session can end that.
      await tx.unsafe('set transaction read write');
      await tx.unsafe(statement);
      throw undo;
    });
  } catch (error) {
    const { code } = error as { code?: string };
    // It is refused in a transaction to everybody.
    if (code === '25001') return isRefusedAlone(part, statement);
    return error !== undo && code === INSUFFICIENT_PRIVILEGE;
  }
  return false;
}

async function isRefusedAlone(part: Part, statement: string): Promise<boolean> {
  try {
    await sessions.get(part)?.unsafe(statement);
  } catch (error) {
    return (error as { code?: string }).code === INSUFFICIENT_PRIVILEGE;
  }
  return false;
}

async function allowedTo(part: Part, statements: Readonly<Record<string, string>>): Promise<string> {
  const allowed: string[] = [];
  for (const [name, statement] of Object.entries(statements)) {
    if (!(await isRefused(part, statement))) allowed.push(name);
  }
  return allowed.join(' ');
}

const readModels = (): Readonly<Record<string, May>> =>
  Object.fromEntries(
    domains
      .flatMap((domain) => domain.projections.flatMap(tablesOf))
      .map((table) => [`read.${getTableName(table)}`, READ_MODEL]),
  );

const inventory = async (kinds: string): Promise<string[]> => {
  const rows = await database.sql<{ name: string }[]>`
    select nspname || '.' || relname as name from pg_class join pg_namespace n on n.oid = relnamespace
    where nspname !~ '^pg_' and nspname <> 'information_schema' and relkind::text = any(string_to_array(${kinds}, null))
    order by 1`;
  return rows.map(({ name }) => name);
};

describe('everything in the database', () => {
  it('is named here: tables, views, sequences, functions, schemas', async () => {
    expect(await inventory('rpvmf')).toEqual(Object.keys({ ...TABLES, ...readModels() }).toSorted());
    expect(await inventory('S')).toEqual(Object.keys(SEQUENCES).toSorted());
    const functions = await database.sql<{ name: string }[]>`
      select nspname || '.' || proname as name from pg_proc join pg_namespace n on n.oid = pronamespace
      where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1`;
    expect(functions.map(({ name }) => name)).toEqual(Object.keys(FUNCTIONS));
    const schemas = await database.sql<{ name: string }[]>`
      select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1`;
    expect(schemas.map(({ name }) => name)).toEqual(Object.keys(SCHEMAS));
  });

  it('belongs to a role that is no superuser, and functions with its rights have a fixed search path', async () => {
    const foreign = await database.sql`
      select relname as name from pg_class join pg_namespace n on n.oid = relnamespace
      where nspname in ('es', 'read', 'drizzle') and relowner <> ${names.owner}::regrole
      union all select proname from pg_proc join pg_namespace n on n.oid = pronamespace
      where nspname in ('es', 'read', 'drizzle') and (proowner <> ${names.owner}::regrole
        or prosecdef and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, pg_temp'])
      union all select rolname from pg_roles where rolname = ${names.owner}
        and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`;
    expect([...foreign]).toEqual([]);
  });

  it.each(Object.keys(TABLES))('may be used by each part as it needs it, and no further: %s', async (table) => {
    const [row] = await database.sql<{ column: string }[]>`
      select quote_ident(attname) as column from pg_attribute where attrelid = ${table}::regclass and attnum = 1`;
    const statements = Object.fromEntries(
      Object.entries(ON_TABLE).map(([name, of]) => [name, of(table, row?.column ?? '')]),
    );
    for (const part of PARTS) expect(await allowedTo(part, statements), part).toBe(TABLES[table]?.[part] ?? '');
  });

  it('may be used by each part as it needs it: the read models', async () => {
    for (const table of Object.keys(readModels())) {
      const [row] = await database.sql<{ column: string }[]>`
        select quote_ident(attname) as column from pg_attribute where attrelid = ${table}::regclass and attnum = 1`;
      const statements = Object.fromEntries(
        Object.entries(ON_TABLE).map(([name, of]) => [name, of(table, row?.column ?? '')]),
      );
      for (const part of PARTS)
        expect(await allowedTo(part, statements), `${part} ${table}`).toBe(READ_MODEL[part] ?? '');
    }
  });

  it('may be used by each part as it needs it: sequences, functions and schemas', async () => {
    for (const [name, may] of Object.entries(SEQUENCES)) {
      const statements = {
        nextval: `select nextval('${name}')`,
        setval: `select setval('${name}', 1)`,
        select: `table ${name}`,
      };
      for (const part of PARTS) expect(await allowedTo(part, statements), `${part} ${name}`).toBe(may[part] ?? '');
    }
    for (const [name, may] of Object.entries(FUNCTIONS)) {
      const [row] = await database.sql<{ count: number }[]>`
        select pronargs::int as count from pg_proc where oid = ${name}::regproc`;
      const call = { execute: `select ${name}(${Array(row?.count).fill('null').join(', ')})` };
      for (const part of PARTS) expect(await allowedTo(part, call), `${part} ${name}`).toBe(may[part] ?? '');
    }
    for (const [name, may] of Object.entries(SCHEMAS)) {
      for (const part of PARTS) {
        const rights = ['usage', 'create'];
        const has: string[] = [];
        for (const right of rights) {
          const [row] = await (sessions.get(part) as postgres.Sql)<{ has: boolean }[]>`
            select has_schema_privilege(${name}, ${right}) as has`;
          if (row?.has) has.push(right);
        }
        expect(has.join(' '), `${part} ${name}`).toBe(may[part] ?? '');
      }
    }
  });
});

it('no part can give its rights to others: Postgres grants nothing, and says so', async () => {
  const rights = () => database.sql`
    select relname, array(select x::text from unnest(relacl) x order by 1)::text as acl from pg_class order by relname`;
  const before = await rights();
  for (const part of PARTS) {
    for (const table of Object.keys(TABLES)) await isRefusedAlone(part, `grant all on ${table} to public`);
  }
  expect(await rights()).toEqual(before);
});

describe.each(PARTS)('somebody in a session of the %s', (part) => {
  const inWords = (statement: string) =>
    statement
      .replace('OWNER', names.owner)
      .replaceAll('SUPERUSER_PID', String(names.superuserPid))
      .replace('SUPERUSER', names.superuser)
      .replace('current_name', names.database);

  it.each(REFUSED_TO_ALL)('may not %s', async (statement) => {
    expect(await isRefused(part, inWords(statement))).toBe(true);
  });

  it.each(ALLOWED_TO_ALL)('may %s, and is who they were', async (statement) => {
    expect(await isRefused(part, inWords(statement))).toBe(false);
    const session = sessions.get(part) as postgres.Sql;
    await session.unsafe(statement);
    const [row] = await session`select current_user::text as now, session_user::text as begun,
      (select rolsuper from pg_roles where rolname = current_user) as mighty`;
    const name = await roleOf(database.sql, part);
    expect(row).toEqual({ now: name, begun: name, mighty: false });
  });
});

describe('the functions that append', () => {
  const event = (v: number, n = 1) => ({
    ...{ n, v, c: crypto.randomUUID(), f: crypto.randomUUID(), m: {}, e: crypto.randomUUID() },
    ...{ y: 'CounterIncremented', s: 1, d: {} },
  });
  const entry = (v: number, w?: number, i = '00000000-0000-4000-8000-000000000001') => ({
    ...{ t: 'Counter', i, v, c: crypto.randomUUID() },
    ...(w === undefined ? {} : { w }),
  });
  const append = (appends: unknown[], events: unknown[], known: boolean) => {
    const writer = sessions.get('writer') as postgres.Sql;
    return writer.unsafe('select * from es.append_all($1::jsonb, $2::jsonb, $3)', [appends, events, known] as never);
  };

  it.each<[string, unknown[], unknown[], boolean]>([
    ['an event of a version that does not follow', [entry(0, 1)], [event(2)], false],
    ['versions with a hole', [entry(0, 3)], [event(1), event(3)], false],
    ['fewer events than the stream is said to have', [entry(0, 2)], [event(1)], false],
    ['more events than the stream is said to have', [entry(0, 1)], [event(1), event(2)], false],
    ['events of a stream that nothing is said of', [], [event(1)], false],
    ['an event of a stream beyond those that are said', [entry(0, 1)], [event(1), event(2, 2)], false],
    ['a stream that is said to stay where it is', [entry(0, 1), entry(0, 0)], [event(1)], false],
    ['a negative version', [entry(-1, 0)], [event(0)], false],
  ])('refuse what would leave a hole, whoever calls them: %s', async (_, appends, events, known) => {
    await expect(append(appends, events, known)).rejects.toMatchObject({ code: '22000' });
    expect([...(await database.sql`select count(*) as count from es.events`)]).toEqual([{ count: 0 }]);
  });

  it('refuse to append to a stream that has events and is said to have none', async () => {
    const stream = '00000000-0000-4000-8000-000000000002';
    await append([entry(0, 1, stream)], [event(1)], false);
    await expect(append([entry(1, 2, stream)], [event(2)], false)).rejects.toMatchObject({ code: '22000' });
    await append([entry(1, 2, stream)], [event(2)], true);
    expect([...(await database.sql`select version from es.streams`)]).toEqual([{ version: 2 }]);
  });
});
