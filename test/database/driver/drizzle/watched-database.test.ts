// Upstream: https://github.com/drizzle-team/drizzle-orm/issues/1500
import { eq, sql } from 'drizzle-orm';
import { integer } from 'drizzle-orm/pg-core';
import { expect, it } from 'vitest';
import { openPool } from '../../../../src/database/client.ts';
import { watchedDatabase } from '../../../../src/database/driver/drizzle/watched-database.ts';
import { readSchema } from '../../../../src/database/schema/schemas.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const meters = readSchema.table('meters "new"', { id: integer('id').primaryKey() });
const readings = readSchema.table('readings', { meter: integer('meter') });

it('a watched database tells the tables of every statement before it is sent, and the original tells nothing', async () => {
  await database.sql`create table read."meters ""new""" (id int); create table read.readings (meter int)`.simple();
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'watched database test' });
  const told: string[] = [];
  const db = watchedDatabase(pool.db, (table) => told.push(table));
  const toldBy = async (work: () => PromiseLike<unknown>) => {
    told.length = 0;
    await work();
    return [...new Set(told)];
  };
  try {
    expect(await toldBy(() => db.select().from(meters))).toEqual(['meters "new"']);
    const joined = db.select().from(meters).innerJoin(readings, eq(readings.meter, meters.id));
    expect(await toldBy(() => joined)).toEqual(['meters "new"', 'readings']);
    expect(await toldBy(() => db.select().from(readings).prepare('some').execute())).toEqual(['readings']);
    expect(await toldBy(() => db.execute(sql`select count(*) from ${readings}`))).toEqual(['readings']);
    expect(await toldBy(() => db.$count(readings))).toEqual(['readings']);
    expect(await toldBy(() => pool.db.select().from(readings))).toEqual([]);
    const refusing = watchedDatabase(pool.db, () => {
      throw new Error('not this one');
    });
    await expect((async () => refusing.select().from(readings))()).rejects.toThrow('not this one');
  } finally {
    await pool.close();
  }
});
