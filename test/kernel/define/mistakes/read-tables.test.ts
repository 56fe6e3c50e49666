import { bigint, index, jsonb, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import { historyTable } from '../../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { Lamp, lampDomain, mistakeOf } from './support.ts';

const key = { id: uuid('id').primaryKey() };

describe('a read table', () => {
  it.each([
    ['lastPosition', { lastPosition: bigint('seat', { mode: 'number' }) }],
    ['since', { since: bigint('stale_since', { mode: 'number' }) }],
    ['stale_since', { stale_since: text() }],
  ])('may not have a column of the engine: %s', (property, columns) => {
    const { code, message } = mistakeOf(() => readTable('loans', { ...key, ...columns }));
    expect(code).toBe('NAME_RESERVED');
    expect(message).toContain(`loans: the column ${property} is the engine's; give yours another name.`);
  });

  it('may have a column with the name of one that only history needs, unless it keeps history', () => {
    const columns = { ...key, validFrom: timestamp('valid_from'), keptIn: jsonb('kept') };
    expect(readTable('loans', columns).validFrom.name).toBe('valid_from');
    expect(mistakeOf(() => readTable('loans', columns, undefined, { history: true })).code).toBe('NAME_RESERVED');
  });
});

describe('the name of a read table', () => {
  it.each(['loans_v3', 'loans_v3_history', 'v1_v12'])('may not be like that of a version: %s', (name) => {
    const { code, facts, message } = mistakeOf(() => readTable(name, key));
    expect({ code, facts }).toEqual({ code: 'NAME_RESERVED', facts: { table: name } });
    expect(message).toContain('raise the version of the projection');
  });

  it.each(['v3', 'loans_version', 'loans_v', 'loans_vip3'])('may look a little like it: %s', (name) => {
    expect(readTable(name, key).id.name).toBe('id');
  });
});

describe('the name of an index', () => {
  const columns = { ...key, room: text('room').notNull() };
  const readModel = (name: string, table: ReturnType<typeof readTable<string, typeof columns>>, version = 1) =>
    defineProjection(name, {
      ...{ table, version, events: Lamp.events, visibleTo: 'everyone' as const },
      on: { LampLit: ({ streamId: id, data: { room } }, { upsert }) => upsert(id, () => ({ id, room })) },
    });
  const mistakeIn = (...projections: ReturnType<typeof readModel>[]) =>
    mistakeOf(() => registerDomains([lampDomain({ projections: projections as never })]));

  it('may not be that of an index of another read model, whatever their versions are', () => {
    const a = readModel(
      'lamps',
      readTable('lamps', columns, ({ room }) => [index('by_room').on(room)]),
      2,
    );
    const b = readModel(
      'oldLamps',
      readTable('old', columns, ({ room }) => [unique('by_room').on(room)]),
    );
    expect(mistakeIn(a, b)).toMatchObject({
      code: 'NAME_TAKEN',
      facts: { kind: 'index', name: 'by_room', projections: ['lamps', 'oldLamps'] },
      message:
        'Projection oldLamps: the name by_room of its index is that of an index of projection lamps. ' +
        'In Postgres, the tables, indexes and unique constraints of all read models share one namespace. ' +
        "Give the index another name: index('old_lamps_by_room').",
    });
  });

  it('may not be that of a table', () => {
    const table = readTable('lamps', columns, ({ room }) => [index('lamps').on(room)]);
    expect(mistakeIn(readModel('lamps', table))).toMatchObject({ code: 'NAME_TAKEN' });
  });

  it('must be given if another index of the table has the same columns', () => {
    const table = readTable('lamps', columns, ({ room }) => [index().on(room), index().on(room.desc())]);
    expect(mistakeIn(readModel('lamps', table))).toMatchObject({
      code: 'NAME_TAKEN',
      facts: { name: 'lamps_room_index' },
      message: expect.stringContaining("index('lamps_room_index_2')"),
    });
  });
});

it('a history table may not have a column of the engine either', () => {
  const loans = readTable('loans', { ...key, validUntil: timestamp('due') }, undefined, { history: true });
  expect(mistakeOf(() => historyTable(loans)).code).toBe('NAME_RESERVED');
});
