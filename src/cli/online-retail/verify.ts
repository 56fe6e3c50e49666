import { inArray } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { ordersTable } from '../../domains/orders/read-models.ts';
import type { OrderSum } from './tally.ts';

const PAGE = 1000;

/**
 * Compares orders in the read model with what they should be.
 * @returns the ids of those that are missing or have another total or number of items.
 */
export async function findDifferences(reader: Database, sums: ReadonlyMap<string, OrderSum>): Promise<string[]> {
  const { id, total, itemCount } = ordersTable;
  const ids = [...sums.keys()];
  const different = new Set(ids);
  for (let from = 0; from < ids.length; from += PAGE) {
    const page = ids.slice(from, from + PAGE);
    const rows = await reader.select({ id, total, itemCount }).from(ordersTable).where(inArray(id, page));
    for (const row of rows) {
      const sum = sums.get(row.id);
      if (sum?.total === row.total && sum.itemCount === row.itemCount) different.delete(row.id);
    }
  }
  return [...different];
}
