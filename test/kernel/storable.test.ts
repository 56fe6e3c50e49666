import { index, integer, jsonb, smallint, text, timestamp, unique, uuid, varchar } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate, unchanged } from '../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../src/kernel/define/command.ts';
import { defineDomain } from '../../src/kernel/define/domain.ts';
import { defineEvent } from '../../src/kernel/define/event.ts';
import { defineProjection } from '../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../src/kernel/define/read-model/read-table.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { system } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';

const Filled = defineEvent('Filled', { data: z.record(z.string(), z.json()) });
const Changed = defineEvent('Changed', { data: z.record(z.string(), z.json()) });

const Form = defineAggregate('Form', {
  initialState: () => ({ filled: false }),
  events: { Filled, Changed },
  evolve: { Filled: () => ({ filled: true }), Changed: unchanged },
});

const input = z.object({ id: z.guid().nullish(), json: z.string() });
const fill = defineCommand('fill', {
  aggregate: Form,
  creates: true,
  input,
  id: ({ id }) => id,
  allow: 'everyone',
  decide: ({ filled }, { json }) => (filled ? Changed(JSON.parse(json)) : Filled(JSON.parse(json))),
});

const columns = {
  id: uuid('id').primaryKey(),
  small: smallint('small'),
  whole: integer('whole'),
  total: integer('total'),
  label: text('label'),
  other: text('other'),
  code: varchar('code', { length: 5 }),
  free: text('free'),
  listed: jsonb('listed'),
  at: timestamp('at', { precision: 3, withTimezone: true }),
};
const formsTable = readTable('forms', columns, (table) => [
  index('forms_label').on(table.label, table.other),
  index('forms_listed').using('gin', table.listed),
  unique('forms_code').on(table.code),
]);
type Row = Record<string, unknown>;
const forms = defineProjection('forms', {
  table: formsTable,
  events: Form.events,
  visibleTo: 'everyone',
  on: {
    Filled: ({ streamId, data }, { upsert }) => upsert(streamId, () => rowOf(streamId, data as Row) as never),
    Changed: ({ streamId, data }, { update }) =>
      update(streamId, (row) => ({ ...row, ...(rowOf(streamId, data as Row) as object), total: (row.total ?? 0) + 1 })),
  },
});

function rowOf(id: string, { at, times = 1, ...data }: Row): Row {
  const nothing = Object.fromEntries(Object.keys(columns).map((name) => [name, null]));
  return {
    ...nothing,
    ...data,
    id,
    total: Number(data.whole ?? 0) * Number(times),
    at: at ? new Date(String(at)) : null,
  };
}

const domain = defineDomain({
  name: 'forms',
  aggregates: [Form],
  commands: [fill],
  projections: [forms],
  graphql: undefined,
});
const database = useDatabase({ tables: [formsTable] });
const engine = useEngine(database, [domain]);

/** 2,700 bytes that Postgres cannot compress below what an index row may hold. */
const noise = (length: number) => {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (state % 90));
  }).join('');
};

describe('an event whose result a read model could not store', () => {
  it.each<[string, Row, RegExp]>([
    ['a number that is too large for an integer', { whole: 2 ** 31 }, /2147483648 is no integer for whole/],
    ['a number that is too small for an integer', { whole: -(2 ** 31) - 1 }, /is no integer/],
    ['a number that is too large for a smallint', { small: 40_000, free: 'x'.repeat(900) }, /40000 is no smallint/],
    ['text that is too long for an index', { label: noise(2_700) }, /index on label, other/],
    ['text that only together is too long for an index', { label: noise(1_400), other: noise(1_400) }, /index on/],
    ['text that is too long for a varchar', { code: 'x'.repeat(900) }, /longer than 5 characters/],
    ['a year that Postgres does not read', { at: '+012026-01-01T00:00:00Z', free: 'x'.repeat(900) }, /year 12026/],
  ])('is refused when the command is decided: %s', async (_, data, reason) => {
    const { bus } = await engine();
    const answer = await bus.execute(fill, { json: JSON.stringify(data) }, system);
    expect(answer).toMatchObject({ kind: 'rejected', code: 'NOT_STORABLE', message: expect.stringMatching(reason) });
    expect(await database.sql`select 1 from es.events`).toHaveLength(0);
  });

  it('is refused also if it would change a row that is there', async () => {
    const { bus } = await engine();
    const { aggregateId: id } = receiptOf(await bus.execute(fill, { json: '{}' }, system));
    const json = JSON.stringify({ label: noise(2_700) });
    expect(await bus.execute(fill, { id, json }, system)).toMatchObject({ code: 'NOT_STORABLE' });
  });
});

describe('an event whose result a read model can store', () => {
  it.each<[string, Row]>([
    ['the largest integer', { whole: 2 ** 31 - 1 }],
    ['long text where no index is', { free: noise(20_000) }],
    ['long text in an index that is no tree of rows', { listed: [noise(900), noise(900), noise(900)] }],
    ['text that just fits an index', { label: noise(2_600) }],
    ['a large number where it is text', { free: '9'.repeat(1_000) }],
    ['the last year', { at: '9999-12-31T23:59:59Z', free: 'x'.repeat(900) }],
  ])('is accepted and stored: %s', async (_, data) => {
    await database.sql`create index on read.forms_v1 (label, other)`;
    await database.sql`create index on read.forms_v1 using gin (listed)`;
    const { bus, projector } = await engine({ start: true });
    const { position } = receiptOf(await bus.execute(fill, { json: JSON.stringify(data) }, system));
    await projector.positions.reached('forms', position);
    expect(await database.sql`select 1 from read.forms_v1`).toHaveLength(1);
    expect((await projector.status()).map(({ deadLetters }) => deadLetters)).toEqual([0]);
  });
});
