import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgEnum,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { readSchema } from '../../../../src/database/schema/schemas.ts';
import { ddlOf } from '../../../../src/kernel/read/tables/table-ddl.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'file' });

const columnsOf = (table: string) => database.sql`
  select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required, attidentity as identity,
         attgenerated as generated, pg_get_expr(adbin, adrelid) as value
  from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where attrelid = ${`read.${table}`}::regclass and attnum > 0 order by attnum`;
const constraintsOf = (table: string) => database.sql`
  select conname as name, pg_get_constraintdef(oid) as is from pg_constraint
  where conrelid = ${`read.${table}`}::regclass and contype <> 'n' order by conname`;
const indexesOf = async (table: string) => {
  const rows = await database.sql<{ d: string }[]>`
    select indexdef as d from pg_indexes where schemaname = 'read' and tablename = ${table} order by indexname`;
  return rows.map(({ d }) => d.replace(/_[0-9a-f]{8}(?= ON )/, '_HASH'));
};

const things = readSchema.table(
  'things',
  {
    id: text('id').primaryKey(),
    title: text('title').notNull().default("it's \\ new"),
    tags: jsonb('tags')
      .notNull()
      .default({ a: ["b'c"] }),
    list: text('list').array().notNull().default(['x']),
    count: integer('count').default(3),
    code: integer('code').unique('things_code', { nulls: 'not distinct' }),
    open: boolean('open').notNull().default(true),
    at: timestamp('at', { precision: 3, withTimezone: true }).default(sql`now()`),
    serial: integer('serial').generatedAlwaysAsIdentity({ startWith: 7 }),
    folded: text('folded').generatedAlwaysAs(sql`lower(title)`),
    "odd'name": text('odd "name"'),
  },
  (table) => [
    index('things_at').on(table.at.desc().nullsLast(), table.id),
    index('things_tags').using('gin', table.tags.op('jsonb_path_ops')).with({ fastupdate: false }),
    index('things_lower')
      .on(sql`lower(${table.title}) text_pattern_ops`)
      .where(sql`${table.open} and ${table.count} > ${1}`),
    uniqueIndex('things_title').on(table.title),
    index().on(table.count),
    unique('things_title_count').on(table.title, table.count),
    check('things_count', sql`${table.count} > ${0}`),
  ],
);

describe('the statements that make a read table', () => {
  it('make what was declared', async () => {
    const { create, indexes } = ddlOf(things);
    await database.sql.unsafe(create);
    for (const { create } of indexes) await database.sql.unsafe(create);

    expect(await columnsOf('things')).toMatchObject([
      { name: 'id', type: 'text', required: true },
      { name: 'title', type: 'text', required: true, value: String.raw`'it''s \ new'::text` },
      { name: 'tags', type: 'jsonb', value: `'{"a": ["b''c"]}'::jsonb` },
      { name: 'list', type: 'text[]', value: `'{x}'::text[]` },
      { name: 'count', type: 'integer', required: false, value: '3' },
      { name: 'code', type: 'integer' },
      { name: 'open', type: 'boolean', required: true, value: 'true' },
      { name: 'at', type: 'timestamp(3) with time zone', value: 'now()' },
      { name: 'serial', identity: 'a' },
      { name: 'folded', generated: 's', value: 'lower(title)' },
      { name: 'odd "name"', type: 'text' },
    ]);
    expect([...(await constraintsOf('things'))]).toEqual([
      { name: 'things_code', is: 'UNIQUE NULLS NOT DISTINCT (code)' },
      { name: 'things_count', is: 'CHECK ((count > 0))' },
      { name: 'things_pkey', is: 'PRIMARY KEY (id)' },
      { name: 'things_title_count', is: 'UNIQUE (title, count)' },
    ]);
    const on = 'ON read.things USING';
    expect(await indexesOf('things')).toEqual([
      `CREATE INDEX things_at_HASH ${on} btree (at DESC NULLS LAST, id)`,
      `CREATE UNIQUE INDEX things_code ${on} btree (code) NULLS NOT DISTINCT`,
      `CREATE INDEX things_count_index_HASH ${on} btree (count)`,
      `CREATE INDEX things_lower_HASH ${on} btree (lower(title) text_pattern_ops) WHERE (open AND (count > 1))`,
      `CREATE UNIQUE INDEX things_pkey ${on} btree (id)`,
      `CREATE INDEX things_tags_HASH ${on} gin (tags jsonb_path_ops) WITH (fastupdate='false')`,
      `CREATE UNIQUE INDEX things_title_HASH ${on} btree (title)`,
      `CREATE UNIQUE INDEX things_title_count ${on} btree (title, count)`,
    ]);
  });

  it('can create an index without blocking writers', async () => {
    const table = readSchema.table('beside', { id: text('id').primaryKey() }, (t) => [index('beside_id').on(t.id)]);
    const { create, indexes } = ddlOf(table);
    await database.sql.unsafe(create);
    for (const each of indexes) await database.sql.unsafe(each.createConcurrently);
    expect(await indexesOf('beside')).toEqual([
      'CREATE INDEX beside_id_HASH ON read.beside USING btree (id)',
      'CREATE UNIQUE INDEX beside_pkey ON read.beside USING btree (id)',
    ]);
  });

  it.each([
    [
      'a foreign key',
      () =>
        readSchema.table('a', {
          id: text('id')
            .primaryKey()
            .references(() => things.id),
        }),
      'The read table a refers to another table. Read models are filled independently of each other: keep the id and leave references() out.',
    ],
    [
      'an enum',
      () => readSchema.table('b', { id: text('id').primaryKey(), mood: pgEnum('mood', ['good'])('mood') }),
      "The read table b has the column mood of an enum type of Postgres. Write text('mood').$type<'A' | 'B'>() instead.",
    ],
    [
      'row level security',
      () => readSchema.table('c', { id: text('id').primaryKey() }).enableRLS(),
      'The read table c has row level security. Say who may see which rows with visibleTo.',
    ],
  ])('refuse %s and say what to write instead', (_, table, message) => {
    expect(() => ddlOf(table() as never)).toThrow(message);
  });
});
