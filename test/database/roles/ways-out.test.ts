import { beforeAll, describe, expect, it } from 'vitest';
import { useDatabase } from '../../support/postgres/database.ts';
import { roleOf } from '../../support/postgres/roles.ts';
import { PARTS, usePartSessions } from './part-sessions.ts';

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

/** Statements that Postgres allows to every role and that do not lead out of it: see docs/operations.md. */
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
const sessions = usePartSessions(database);
let names: { owner: string; superuser: string; superuserPid: number; database: string };
beforeAll(async () => {
  const [row] = await database.sql<{ user: string; pid: number; name: string }[]>`
    select current_user as user, pg_backend_pid() as pid, current_database() as name`;
  if (!row) throw new Error('nobody');
  names = {
    owner: await roleOf(database.sql, 'owner'),
    superuser: row.user,
    superuserPid: row.pid,
    database: row.name,
  };
});

describe.each(PARTS)('somebody in a session of the %s', (part) => {
  const inWords = (statement: string) =>
    statement
      .replace('OWNER', names.owner)
      .replaceAll('SUPERUSER_PID', String(names.superuserPid))
      .replace('SUPERUSER', names.superuser)
      .replace('current_name', names.database);

  it.each(REFUSED_TO_ALL)('may not %s', async (statement) => {
    expect(await sessions.isRefused(part, inWords(statement))).toBe(true);
  });

  it.each(ALLOWED_TO_ALL)('may %s, and is who they were', async (statement) => {
    expect(await sessions.isRefused(part, inWords(statement))).toBe(false);
    const session = sessions.of(part);
    await session.unsafe(statement);
    const [row] = await session`select current_user::text as now, session_user::text as begun,
      (select rolsuper from pg_roles where rolname = current_user) as mighty`;
    const name = await roleOf(database.sql, part);
    expect(row).toEqual({ now: name, begun: name, mighty: false });
  });
});
