import { bigint, jsonb, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { historyTable } from '../../../../src/kernel/define/read-model/history-table.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { mistakeOf } from './support.ts';

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

it('a history table may not have a column of the engine either', () => {
  const loans = readTable('loans', { ...key, validUntil: timestamp('due') }, undefined, { history: true });
  expect(mistakeOf(() => historyTable(loans)).code).toBe('NAME_RESERVED');
});
