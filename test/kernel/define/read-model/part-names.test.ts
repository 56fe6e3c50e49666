import { index, primaryKey, text, unique, uniqueIndex } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { indexNames } from '../../../../src/kernel/define/read-model/part-names.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { assignTable } from '../../../../src/kernel/define/read-model/versioned-table.ts';
import { ddlOf } from '../../../../src/kernel/read/tables/table-ddl.ts';

const long = 'column_'.repeat(8);

const loans = (version: number) => {
  const columns = {
    id: text('id').notNull(),
    isbn: text('isbn').unique(),
    a: text(`${long}a`),
    b: text(`${long}b`),
  };
  const table = readTable('loans', columns, ({ id, isbn, a, b }) => [
    primaryKey({ columns: [id, isbn] }),
    unique().on(isbn, id),
    uniqueIndex('loans_isbn').on(isbn),
    // It begins with the name of a version's table.
    index('loans_v2_isbn').on(isbn),
    index().on(isbn),
    index().on(a),
    index().on(b),
  ]);
  assignTable(table, { name: 'loans', version });
  return table;
};

describe('the names of indexes', () => {
  it('have the version, once', () => {
    const names = indexNames(loans(2)).map(({ stored }) => stored);
    expect(names.slice(0, 6)).toEqual([
      'loans_v2_id_isbn_pk',
      'loans_isbn_unique_v2',
      'loans_v2_isbn_id_unique',
      'loans_isbn_v2',
      'loans_v2_isbn_v2',
      'loans_v2_isbn_index',
    ]);
  });

  it('are as declared for all versions, and differ for two versions', () => {
    const [two, three] = [indexNames(loans(2)), indexNames(loans(3))];
    expect(two.map(({ declared }) => declared)).toEqual(three.map(({ declared }) => declared));
    const stored = [...two, ...three].map((name) => name.stored);
    expect(new Set(stored).size).toBe(stored.length);
    for (const name of stored) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });

  it('are those under which they are created', () => {
    const table = loans(2);
    const { create, indexes } = ddlOf(table);
    const statements = [create, ...indexes.map((each) => each.create)].join('\n');
    const created = statements.match(/(?<=(constraint|index) ")[^"]+/g);
    // The name of an index that is no constraint ends with a hash of its definition.
    const isCreated = (stored: string) => created?.some((name) => name.replace(/_[0-9a-f]{8}$/, '') === stored);
    expect(indexNames(table).filter(({ stored }) => stored.length < 50 && !isCreated(stored))).toEqual([]);
    for (const name of created ?? []) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    expect(new Set(created).size).toBe(indexNames(table).length);
  });
});
