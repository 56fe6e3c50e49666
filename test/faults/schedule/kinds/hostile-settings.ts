import type { Sql } from 'postgres';
import type { Random } from '../../../support/random.ts';

/** A setting that administrators may have made for every session of a database or of a role. */
export interface HostileSetting {
  readonly name: string;
  readonly value: string;
  readonly of: Owner;
}

interface Owner {
  /** For people: 'the database', 'the role afterwrite_writer_5 there'. */
  readonly kind: string;
  /** What follows `alter`. */
  readonly sql: string;
}

/** At once. */
const SETTINGS = { least: 2, most: 6 };

/** Each changes what SQL means, how values are written, how long things may take or how they are planned. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  DateStyle: ['SQL, DMY', 'German', 'Postgres, YMD'],
  IntervalStyle: ['iso_8601', 'sql_standard'],
  TimeZone: ['Asia/Kathmandu', 'America/St_Johns'],
  bytea_output: ['escape'],
  extra_float_digits: ['-15'],
  client_encoding: ['LATIN1', 'SQL_ASCII'],
  standard_conforming_strings: ['off'],
  transform_null_equals: ['on'],
  quote_all_identifiers: ['on'],
  search_path: ['nowhere'],
  row_security: ['off'],
  default_transaction_isolation: ['repeatable read', 'serializable'],
  default_transaction_read_only: ['on'],
  default_transaction_deferrable: ['on'],
  synchronous_commit: ['off', 'local'],
  statement_timeout: ['20ms'],
  lock_timeout: ['1ms'],
  idle_in_transaction_session_timeout: ['5ms'],
  idle_session_timeout: ['300ms'],
  transaction_timeout: ['20ms'],
  plan_cache_mode: ['force_generic_plan'],
  enable_indexscan: ['off'],
  enable_hashjoin: ['off'],
  work_mem: ['64kB'],
  jit: ['on'],
  client_min_messages: ['debug5'],
  exit_on_error: ['on'],
};

/** Chooses settings, and for which sessions each of them is. */
export async function drawSettings(sql: Sql, random: Random): Promise<HostileSetting[]> {
  const [here] = await sql<{ database: string; role: string }[]>`
    select quote_ident(current_database()) as database, quote_ident(current_user) as role`;
  const parts = await sql<{ role: string }[]>`
    select quote_ident(rolname) as role from pg_roles where rolname ~ '^afterwrite_.*_[0-9]+$' order by rolname`;
  const database = here?.database ?? '';
  const owners = [here, ...parts].flatMap((found): Owner[] => {
    const role = found?.role ?? '';
    return [
      { kind: `the role ${role}`, sql: `role ${role}` },
      { kind: `the role ${role} in the database`, sql: `role ${role} in database ${database}` },
    ];
  });
  const names = random.shuffled(Object.keys(VALUES)).slice(0, random.between(SETTINGS.least, SETTINGS.most));
  return names.map((name) => ({
    name,
    value: random.pick(VALUES[name] as readonly string[]),
    of: random.chance(0.5) ? { kind: 'the database', sql: `database ${database}` } : random.pick(owners),
  }));
}

/** Makes them; sessions that begin from now on have them. */
export async function take(sql: Sql, settings: readonly HostileSetting[]): Promise<void> {
  for (const { name, value, of } of settings) await sql.unsafe(`alter ${of.sql} set ${name} = '${value}'`);
}

/** Takes them back. Sessions that have begun keep them. */
export async function takeBack(sql: Sql, settings: readonly HostileSetting[]): Promise<void> {
  for (const { name, of } of settings) await sql.unsafe(`alter ${of.sql} reset ${name}`);
}
