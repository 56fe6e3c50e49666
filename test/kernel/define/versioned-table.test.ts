import { getTableName } from 'drizzle-orm';
import { uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { assignTable, partName, versionedName } from '../../../src/kernel/define/read-model/versioned-table.ts';

describe('the name of a table of a version', () => {
  it('is the declared one with the version', () => {
    expect(versionedName('orders', 3)).toBe('orders_v3');
  });

  it.each(['a', 'é', '𝄞'])('is as short as Postgres demands, and another for each long name of %s', (letter) => {
    const names = [60, 80].map((length) => letter.repeat(length));
    const stored = names.flatMap((name) => [1, 12].map((version) => versionedName(name, version)));
    for (const name of stored) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    expect(new Set(stored).size).toBe(4);
    expect(stored.every((name) => name.isWellFormed())).toBe(true);
  });
});

describe('the name of an index that Drizzle derives from columns', () => {
  it('is as short as Postgres demands, and another for each list of columns', () => {
    const table = readTable('loans', { id: uuid('id').primaryKey() });
    assignTable(table, { name: 'loans', version: 2 });
    const of = (columns: string) => partName(table, `${getTableName(table)}_${columns}_index`);
    expect(of('due_at')).toBe('loans_v2_due_at_index');
    const long = ['a', 'b'].map((end) => of(`${'column_'.repeat(10)}${end}`));
    for (const name of long) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    expect(new Set(long).size).toBe(2);
  });
});
