import { describe, expect, it } from 'vitest';
import { countersTable } from '../kernel/counter.ts';
import { useDatabase } from './database.ts';
import { emptyingOf } from './emptied.ts';

const database = useDatabase({ tables: [countersTable] });

describe('a database is emptied for the next test', () => {
  const isEmptiedAfter = async (change: string) => {
    const { sql, url } = database;
    const empty = await emptyingOf(sql);
    await sql.unsafe(change.replaceAll('THIS', new URL(url).pathname.slice(1)));
    return empty();
  };

  it('if only rows have changed, and its log is guarded as before', async () => {
    const { sql } = database;
    const guards = () => sql`select tgname, tgenabled from pg_trigger where not tgisinternal order by 1, 2`;
    const [guarded, store] = [await guards(), await sql`select * from es.store`];
    const counter = `insert into read.counters_v1 (id, label, value, closed, version, last_position)
      values (gen_random_uuid(), 'new', 1, false, 1, 1)`;
    expect(await isEmptiedAfter(counter)).toBe(true);
    expect([...(await sql`select from read.counters_v1`)]).toEqual([]);
    expect([...(await sql`select * from es.store`)]).toEqual([...store]);
    expect([...(await guards())]).toEqual([...guarded]);
    expect(guarded.some(({ tgenabled }) => tgenabled === 'A')).toBe(true);
  });

  it('if an engine has made a table', async () => {
    expect(await isEmptiedAfter('create table read.made_v1 (id uuid primary key)')).toBe(true);
  });

  it.each([
    ['an index', 'create index on read.counters_v1 (value)'],
    ['a column', 'alter table read.counters_v1 add extra int'],
    ['a table of somebody else', 'create table public.kept (id int)'],
    ['a function', 'create function read.one() returns int language sql as $$ select 1 $$'],
    ['another clock', 'create or replace function es.now() returns timestamptz language sql as $$ select now() $$'],
    [
      'a trigger',
      'create trigger slow before update on read.counters_v1 for each row execute function suppress_redundant_updates_trigger()',
    ],
    ['a trigger that is switched off', 'alter table es.events disable trigger events_append_only'],
    ['a trigger that replicas do not obey', 'alter table es.events enable trigger events_append_only'],
    ['a table less', 'drop table read.counters_v1'],
    ['a table by another name', 'alter table read.counters_v1 rename to lost'],
    ['a setting', 'alter database "THIS" set datestyle = "SQL, DMY"'],
    ['a limit to its connections', 'alter database "THIS" connection limit 17'],
  ])('but not if it has %s', async (_what, change) => {
    expect(await isEmptiedAfter(change)).toBe(false);
  });
});
