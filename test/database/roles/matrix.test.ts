import { getTableName } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { tablesOf } from '../../../src/kernel/read/tables/tables.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { roleOf } from '../../support/postgres/roles.ts';
import { PARTS, type Part, usePartSessions } from './part-sessions.ts';

/** The rights of each part on an object. Everything that is not listed is forbidden. */
type May = Readonly<Partial<Record<Part, string>>>;

const ROWS = 'select insert update delete';
const READ_MODEL: May = { projector: ROWS, reader: 'select' };

/** Every table of the engine. One that is missing here fails the test with its name: decide who may do what. */
const TABLES: Readonly<Record<string, May>> = {
  'es.events': { writer: 'select', projector: 'select' },
  'es.receipts': { writer: 'select' },
  'es.reads': { writer: 'insert' },
  'es.snapshots': { writer: 'select' },
  'es.store': { writer: 'select', projector: 'select' },
  'es.acceptances': { writer: 'select', projector: 'select' },
  'es.chain': { projector: 'select' },
  'es.former_hashes': { projector: 'select' },
  'es.rewrites': { projector: 'select' },
  'es.heads': { projector: 'select insert' },
  'es.signer': { projector: 'select insert update' },
  'es.tenants': {},
  'es.keyring': { writer: 'select' },
  'es.subject_keys': { writer: 'select' },
  'es.streams': { writer: 'select' },
  'es.batches': {},
  'read.checkpoints': READ_MODEL,
  'read.dead_letters': READ_MODEL,
  'read.deadlines_v1': READ_MODEL,
  'read.instances': READ_MODEL,
  'read.parked_items': READ_MODEL,
  'read.read_models': READ_MODEL,
  'drizzle.__drizzle_migrations': {},
  'drizzle.app_migrations': {},
};

const SEQUENCES: Readonly<Record<string, May>> = {
  'es.reads_id_seq': {},
  'drizzle.__drizzle_migrations_id_seq': {},
  'drizzle.app_migrations_id_seq': {},
};

const FUNCTIONS: Readonly<Record<string, May>> = {
  'es.append': { writer: 'execute' },
  'es.append_all': { writer: 'execute' },
  'es.append_batch': { writer: 'execute' },
  'es.append_one': { writer: 'execute' },
  'es.chain_event': {},
  'es.chain_former': { projector: 'execute' },
  'es.chain_hash': {},
  'es.chained': { projector: 'execute' },
  'es.claim_keyring': { writer: 'execute' },
  'es.event_content': { projector: 'execute' },
  'es.event_leaf': { projector: 'execute' },
  'es.hash_at': { projector: 'execute' },
  'es.insert_batch': {},
  'es.keep_subject_keys': {},
  'es.keep_wrapped_keys': { writer: 'execute' },
  'es.load': { writer: 'execute' },
  'es.load_at': { writer: 'execute' },
  'es.next_hash': {},
  'es.note_generation': { writer: 'execute' },
  'es.now': { projector: 'execute' },
  'es.record_rewrite': {},
  'es.recording_time': {},
  'es.refuse_change': {},
  'es.refuse_rewrite': {},
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

const database = useDatabase({ per: 'file' });
const sessions = usePartSessions(database);
let owner: string;
beforeAll(async () => {
  owner = await roleOf(database.sql, 'owner');
});

async function allowedTo(part: Part, statements: Readonly<Record<string, string>>): Promise<string> {
  const allowed: string[] = [];
  for (const [name, statement] of Object.entries(statements)) {
    if (!(await sessions.isRefused(part, statement))) allowed.push(name);
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
      where nspname in ('es', 'read', 'drizzle') and relowner <> ${owner}::regrole
      union all select proname from pg_proc join pg_namespace n on n.oid = pronamespace
      where nspname in ('es', 'read', 'drizzle') and (proowner <> ${owner}::regrole
        or prosecdef and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, pg_temp'])
      union all select rolname from pg_roles where rolname = ${owner}
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
          const [row] = await sessions.of(part)<{ has: boolean }[]>`
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
    for (const table of Object.keys(TABLES)) await sessions.isRefusedAlone(part, `grant all on ${table} to public`);
  }
  expect(await rights()).toEqual(before);
});
