import { and, eq, exists, gte, inArray, like, ne, sql } from 'drizzle-orm';
import { QueryBuilder } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { customers } from '../../../src/domains/customers/index.ts';
import { orders, ordersTable } from '../../../src/domains/orders/read-models.ts';
import { valuesOfList } from '../../../src/graphql/read/equalities.ts';
import { readModelsIn } from '../../../src/graphql/read/read-models-in.ts';

const { customerId, status, placedAt, searchText } = ordersTable;
const ADA = '0190a1b2-0000-7000-8000-00000000000a';
const valuesOf = valuesOfList.bind(undefined, orders as never);

describe('the values that the rows of a list have', () => {
  it('are those of eq and inArray', () => {
    expect(valuesOf('all', [eq(customerId, ADA)])).toEqual([{ customerId: ADA }]);
    expect(valuesOf('all', [inArray(status, ['PLACED', 'CONFIRMED']), undefined, eq(customerId, ADA)])).toEqual([
      { status: 'PLACED', customerId: ADA },
      { status: 'CONFIRMED', customerId: ADA },
    ]);
  });

  it('are those that the rights require, together with the conditions', () => {
    expect(valuesOf([{ customerId: ADA }], [eq(status, 'PLACED')])).toEqual([{ customerId: ADA, status: 'PLACED' }]);
    expect(valuesOf([{ customerId: ADA }], [eq(customerId, ADA)])).toEqual([{ customerId: ADA }]);
    expect(valuesOf([], [])).toEqual([]);
  });

  it('are ids in lower case, as Postgres compares them', () => {
    expect(valuesOf('all', [eq(customerId, ADA.toUpperCase())])).toEqual([{ customerId: ADA }]);
  });

  it('are unknown for every other condition, and for values whose text depends on their type', () => {
    const others = [
      ne(customerId, ADA),
      gte(placedAt, new Date()),
      eq(placedAt, new Date()),
      like(searchText, '%a%'),
      sql`${customerId} = ${ADA} or true`,
      sql`not ${eq(customerId, ADA)}`,
      eq(customers.table.name, 'Ada'),
      inArray(customerId, []),
    ];
    for (const other of others) expect(valuesOf('all', [other])).toBeUndefined();
    expect(valuesOf('all', others)).toBeUndefined();
  });

  it('are bounded in number: beyond that, a condition is ignored', () => {
    const many = Array.from({ length: 65 }, (_, index) => ADA.replace(/..$/, String(index).padStart(2, '0')));
    expect(valuesOf('all', [inArray(customerId, many)])).toBeUndefined();
    expect(valuesOf([{ status: 'PLACED' }], [inArray(customerId, many)])).toEqual([{ status: 'PLACED' }]);
  });
});

describe('the read models in conditions', () => {
  it('are those whose tables or columns occur, at any depth', () => {
    const subquery = sql`exists (select from ${customers.table} where ${customers.table.id} = ${customerId})`;
    expect(readModelsIn([undefined, eq(status, 'PLACED')])).toEqual(new Set(['orders']));
    expect(readModelsIn([and(eq(status, 'PLACED'), subquery)])).toEqual(new Set(['orders', 'customers']));
    expect(readModelsIn([])).toEqual(new Set());
  });

  it('are unknown if a query of its own or a name occurs', () => {
    const query = new QueryBuilder().select().from(customers.table);
    expect(readModelsIn([exists(query)])).toBeUndefined();
    expect(readModelsIn([sql`exists (select from ${sql.identifier('customers_v1')})`])).toBeUndefined();
  });
});
