import { drizzle } from 'drizzle-orm/postgres-js';
import { expect, it } from 'vitest';
import type { Database } from '../../../src/database/client.ts';
import { handOver } from '../../../src/database/migrations/hand-over.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase();

it('what a migration makes belongs to the owner of the log when the migration ends', async () => {
  const { sql } = database;
  await sql`create table es.news (id int generated always as identity, text text)`;
  await sql`create sequence read.numbers`;
  await sql`create function es.news(text) returns text language sql as $$ select $1 $$`;
  await handOver(drizzle(sql) as unknown as Database);
  const owners = await sql`
    select distinct relowner::regrole::text as owner from pg_class
    where relnamespace in ('es'::regnamespace, 'read'::regnamespace) and relkind in ('r', 'S')
    union select distinct proowner::regrole::text from pg_proc where pronamespace = 'es'::regnamespace`;
  const [log] =
    await sql`select relowner::regrole::text as owner, current_user as "user" from pg_class where oid = 'es.events'::regclass`;
  expect(log?.owner).not.toBe(log?.user);
  expect(owners).toEqual([{ owner: log?.owner }]);
});
