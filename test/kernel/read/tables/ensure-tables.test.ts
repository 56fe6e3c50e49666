import { sql } from 'drizzle-orm';
import { check, index, integer, type PgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import app from '../../../../src/app.ts';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import { historyTable } from '../../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { ensureTables } from '../../../../src/kernel/read/tables/ensure-tables.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { Counter, counterDomain, counters, openCounter, system } from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { noteTable } from '../../../support/postgres/ddl.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase();
const openEngine = useEngine(database, [counterDomain]);

/** A domain of counters whose read model has another table. */
const withTable = (table: PgTable) => [
  {
    ...counterDomain,
    projections: [
      defineProjection('counters', {
        table: table as never,
        events: Counter.events,
        visibleTo: 'everyone',
        on: { CounterOpened: ({ streamId }, { upsert }) => upsert(streamId, () => ({ id: streamId }) as never) },
      }),
    ],
  },
];

/** Makes the table of {@link withTable} as an engine with another declaration would have made it. */
const makeGauges = (statements: string) => database.sql.unsafe(`${statements}; ${noteTable('gauges_v1', 'counters')}`);

const indexes = async (table: string) => {
  const rows =
    await database.sql`select indexname as name from pg_indexes where schemaname = 'read' and tablename = ${table}`;
  return rows.map(({ name }) => withoutHash(name)).sort();
};
/** The names of indexes end with a hash of the definition. */
const withoutHash = (name: string) => name.replace(/_[0-9a-f]{8}$/, '_HASH');

describe('tables of read models', () => {
  it('are made by the first server that starts, with their rights, and filled', async () => {
    const engines = await Promise.all([openEngine({ start: true }), openEngine({ start: true })]);
    for (const { faults } of engines) expect(faults).toEqual([]);
    const [engine] = engines;
    const { position } = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
    expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    // A pool that logs in as the reader sees the row and cannot change it.
    const { reader } = engine.database;
    expect(await reader.db.select().from(counters.table)).toMatchObject([{ label: 'a' }]);
    await expect(reader.db.execute(sql`delete from read.counters_v1`)).rejects.toThrow();
    await expect(engine.database.writer.db.execute(sql`select from read.counters_v1`)).rejects.toThrow();
  });

  it('are found as they were made', async () => {
    const { projections } = registerDomains(app.domains);
    const { owner } = (await openEngine()).database;
    const parts = { db: owner.db, projections: [...projections.values()], grant: async () => {} };
    expect(await ensureTables(parts)).toEqual({ created: [], missing: [] });
  });

  it('have a history table', async () => {
    const table = readTable('things', { id: uuid('id').primaryKey(), name: text('name') }, undefined, {
      history: true,
    });
    const history = historyTable(table);
    const projection = defineProjection('things', {
      ...{ table, history: true, events: Counter.events, visibleTo: 'everyone' as const },
      on: {
        CounterOpened: ({ streamId, data }, { upsert }) => upsert(streamId, () => ({ id: streamId, name: data.label })),
      },
    });
    const engine = await openEngine({ domains: [{ ...counterDomain, projections: [projection] }], start: true });
    const { position } = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
    expect(await engine.projector.positions.reached('things', position, { timeoutMs: 30_000 })).toBe(true);
    expect(await engine.database.reader.db.select().from(history)).toEqual([]);
    expect(engine.faults).toEqual([]);
  });
});

it('a read model that gets a history without a new version stops the start, and keeps its rows', async () => {
  const id = uuid('id').primaryKey();
  const plain = readTable('flags', { id });
  const kept = readTable('flags', { id: uuid('id').primaryKey() }, undefined, { history: true });
  historyTable(kept);
  const domainOf = (table: typeof plain, history: boolean) => ({
    ...counterDomain,
    projections: [
      defineProjection('flags', {
        ...{ table, history, events: Counter.events, visibleTo: 'everyone' as const },
        on: { CounterOpened: ({ streamId }, { upsert }) => upsert(streamId, () => ({ id: streamId })) },
      }),
    ],
  });
  const serving = await openEngine({ domains: [domainOf(plain, false)], start: true });
  const { position } = receiptOf(await serving.bus.execute(openCounter, { label: 'a' }, system));
  await serving.projector.positions.reached('flags', position);
  await expect(openEngine({ domains: [domainOf(kept as never, true)], start: true })).rejects.toMatchObject({
    code: 'READ_TABLE_CHANGED',
  });
  expect(await database.sql`select count(*)::int as rows from read.flags_v1`).toEqual([{ rows: 1 }]);
});

describe('a table that is not as it is declared', () => {
  const declared = () => readTable('gauges', { id: uuid('id').primaryKey(), value: integer('value').notNull() });

  it.each([
    ['it lacks the column value (integer not null)', 'id uuid primary key'],
    ['its column value is text and not integer not null', 'id uuid primary key, value text'],
    ['its column more needs a value and is not declared', 'id uuid primary key, value int not null, more int not null'],
    ['it lacks PRIMARY KEY (id)', 'id uuid not null, value int not null primary key'],
  ])('stops the start and says so: %s', async (phrase, columns) => {
    await makeGauges(`create table read.gauges_v1 (${columns}, last_position bigint not null, stale_since bigint)`);
    const engine = await openEngine({ domains: withTable(declared()) });
    await expect(engine.start()).rejects.toMatchObject({
      code: 'READ_TABLE_CHANGED',
      message:
        `The table read.gauges_v1 of read model counters (version 1) is not as the code declares it: ${phrase}. ` +
        'Raise the version of counters, so that it gets a table of its own, or take the change of the declaration back.',
    });
    const [row] = await database.sql`select to_regclass('read.__declared') as probe`;
    expect(row?.probe).toBeNull();
  });

  it('stops the start if it is not the table of that version, and keeps its rows', async () => {
    await database.sql`create table read.gauges_v1 (id uuid primary key, value int not null, last_position bigint not null, stale_since bigint)`;
    await database.sql`insert into read.gauges_v1 values (gen_random_uuid(), 1, 1, null)`;
    const engine = await openEngine({ domains: withTable(declared()) });
    const message =
      'but read model counters (version 1) needs this name for its own. ' +
      'Rename the table or drop it, or raise the version of counters. Nothing was changed.';
    await expect(engine.start()).rejects.toMatchObject({
      code: 'READ_TABLE_TAKEN',
      message: `The table read.gauges_v1 was not made by the engine, ${message}`,
    });
    await database.sql.unsafe(noteTable('gauges_v1', 'others', 2));
    await expect(engine.start()).rejects.toMatchObject({
      code: 'READ_TABLE_TAKEN',
      message: `The table read.gauges_v1 belongs to others@2, ${message}`,
    });
    expect(await database.sql`select value from read.gauges_v1`).toEqual([{ value: 1 }]);
  });

  it('may have columns that newer code has added, if rows can be written without them', async () => {
    await makeGauges(
      `create table read.gauges_v1 (id uuid primary key, value int not null, more text, other int not null default 1,
         last_position bigint not null, stale_since bigint)`,
    );
    const engine = await openEngine({ domains: withTable(declared()), start: true });
    expect(engine.faults).toEqual([]);
  });
});

describe('indexes that a table with rows lacks', () => {
  const gauges = readTable('gauges', { id: uuid('id').primaryKey(), value: integer('value') }, (table) => [
    index('gauges_value').on(table.value.desc()),
    index('gauges_id_value').on(table.id, table.value),
  ]);
  const columns = 'id uuid primary key, value int, last_position bigint not null, stale_since bigint';

  it('are made while the server is at work, by one of several', async () => {
    await makeGauges(`create table read.gauges_v1 (${columns})`);
    const engines = await Promise.all([1, 2].map(() => openEngine({ domains: withTable(gauges), start: true })));
    await until(async () => (await indexes('gauges_v1')).length === 3);
    expect(await indexes('gauges_v1')).toEqual(['gauges_id_value_v1_HASH', 'gauges_v1_pkey', 'gauges_value_v1_HASH']);
    for (const { faults } of engines) expect(faults).toEqual([]);
  });

  const indexOf = (direction: 'asc' | 'desc') =>
    readTable('gauges', { id: uuid('id').primaryKey(), value: integer('value') }, ({ value }) => [
      index('gauges_value').on(value[direction]()),
    ]);
  const oidOf = async (definition: string) => {
    const [row] = await database.sql`
      select indexrelid::int as oid, relname as name, indisvalid as "isValid" from pg_index join pg_class on oid = indexrelid
      where indrelid = 'read.gauges_v1'::regclass and pg_get_indexdef(indexrelid) like ${`%${definition}`}`;
    return row;
  };

  it('are made beside the former ones if they have become other ones: code that runs still uses those', async () => {
    await openEngine({ domains: withTable(indexOf('asc')), start: true });
    const before = await oidOf('(value)');
    const { faults } = await openEngine({ domains: withTable(indexOf('desc')), start: true });
    await until(async () => (await indexes('gauges_v1')).length === 3);
    expect(await indexes('gauges_v1')).toEqual(['gauges_v1_pkey', 'gauges_value_v1_HASH', 'gauges_value_v1_HASH']);
    expect(await oidOf('(value)')).toEqual(before);
    expect(faults).toEqual([]);
  });

  it('are made again if they were broken off', async () => {
    await (await openEngine({ domains: withTable(indexOf('asc')), start: true })).close();
    const before = await oidOf('(value)');
    await database.sql`update pg_index set indisvalid = false where indexrelid = ${before?.oid}`;
    await database.sql`comment on table read.gauges_v1 is null`;
    const { faults } = await openEngine({ domains: withTable(indexOf('asc')), start: true });
    await until(async () => (await oidOf('(value)'))?.isValid);
    const after = await oidOf('(value)');
    expect(after?.name).toBe(before?.name);
    expect(after?.oid).not.toBe(before?.oid);
    expect(faults).toEqual([]);
  });

  it('are only renamed if a former release has made them under other names', async () => {
    await (await openEngine({ domains: withTable(indexOf('asc')), start: true })).close();
    const before = await oidOf('(value)');
    await database.sql`alter index ${database.sql(`read.${before?.name}`)} rename to gauges_value_v1`;
    await database.sql`comment on table read.gauges_v1 is 'Made by Afterwrite as otherwise.'`;
    const { faults } = await openEngine({ domains: withTable(indexOf('asc')), start: true });
    expect(await oidOf('(value)')).toEqual(before);
    expect(await indexes('gauges_v1')).toEqual(['gauges_v1_pkey', 'gauges_value_v1_HASH']);
    expect(faults).toEqual([]);
  });
});

describe('what is unique in a table with rows', () => {
  const table = (rule: 'none' | 'index' | 'constraint') =>
    readTable('gauges', { id: uuid('id').primaryKey(), label: text('label').notNull() }, ({ label }) => [
      ...(rule === 'index' ? [uniqueIndex('gauges_label').on(label)] : []),
      ...(rule === 'constraint' ? [unique('gauges_label').on(label)] : []),
    ]);
  const gauges = (rule: Parameters<typeof table>[0]) => [
    {
      ...counterDomain,
      projections: [
        defineProjection('gauges', {
          ...{ table: table(rule), events: Counter.events, visibleTo: 'everyone' as const },
          on: {
            CounterOpened: ({ streamId: id, data: { label } }, { upsert }) => upsert(id, () => ({ id, label })),
          },
        }),
      ],
    },
  ];

  it.each([
    ['index', 'unique index USING btree (label)'],
    ['constraint', 'UNIQUE (label)'],
  ] as const)(
    'is not changed under the same version: a new %s stops the start, and the server that runs goes on',
    async (rule, phrase) => {
      const serving = await openEngine({ domains: gauges('none'), start: true });
      const openTwin = () => serving.bus.execute(openCounter, { label: 'twin' }, system);
      await openTwin();
      const message = `The table read.gauges_v1 of read model gauges (version 1) is not as the code declares it: it lacks ${phrase}.`;
      await expect(openEngine({ domains: gauges(rule), start: true })).rejects.toMatchObject({
        code: 'READ_TABLE_CHANGED',
        message: expect.stringContaining(message),
      });
      const { position } = receiptOf(await openTwin());
      expect(await serving.projector.positions.reached('gauges', position, { timeoutMs: 30_000 })).toBe(true);
      expect(await database.sql`select label from read.gauges_v1`).toEqual([{ label: 'twin' }, { label: 'twin' }]);
      expect(serving.faults).toEqual([]);
    },
  );

  it('is not given up under the same version either: code that declares nothing would store rows that are refused', async () => {
    await openEngine({ domains: gauges('index'), start: true });
    await expect(openEngine({ domains: gauges('none'), start: true })).rejects.toMatchObject({
      code: 'READ_TABLE_CHANGED',
      message: expect.stringContaining('its unique index USING btree (label) is not declared'),
    });
  });
});

describe('a check of a table with rows', () => {
  const gauges = (least: number | undefined) =>
    readTable('gauges', { id: uuid('id').primaryKey(), value: integer('value') }, ({ value }) =>
      least === undefined ? [] : [check('gauges_least', sql`${value} >= ${least}`)],
    );

  it.each([
    ['an added one', undefined, 1, 'it lacks CHECK ((value >= 1))'],
    ['a removed one', 1, undefined, 'its CHECK ((value >= 1)) is not declared'],
    ['a loosened one', 1, 0, 'it lacks CHECK ((value >= 0)); its CHECK ((value >= 1)) is not declared'],
  ] as const)('is not changed under the same version: %s stops the start', async (_, before, after, phrase) => {
    await openEngine({ domains: withTable(gauges(before)), start: true });
    await expect(openEngine({ domains: withTable(gauges(after)), start: true })).rejects.toMatchObject({
      code: 'READ_TABLE_CHANGED',
      message: expect.stringContaining(`is not as the code declares it: ${phrase}. Raise the version of counters`),
    });
  });

  it('is found as it was made, although the table is compared again', async () => {
    await (await openEngine({ domains: withTable(gauges(1)), start: true })).close();
    await database.sql`comment on table read.gauges_v1 is null`;
    const { faults } = await openEngine({ domains: withTable(gauges(1)), start: true });
    const [row] = await database.sql`select obj_description('read.gauges_v1'::regclass) as seal`;
    expect(row?.seal).toMatch(/^Made by Afterwrite/);
    expect(faults).toEqual([]);
  });
});
