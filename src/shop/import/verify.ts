import { inArray } from 'drizzle-orm';
import { ordersTable } from '../../domains/orders/read-models.ts';
import type { Database } from '../../server/index.ts';
import type { OrderSum } from './tally.ts';

const PAGE = 1000;

/** An order that differs from its invoice. */
export interface OrderDifference {
  readonly orderId: string;
  readonly invoiced: OrderSum;
  /** The order in the read model; undefined if it is missing. */
  readonly stored: OrderSum | undefined;
}

/** Compares orders in the read model with the expected ones. @returns those that are missing or differ. */
export async function findDifferences(
  reader: Database,
  sums: ReadonlyMap<string, OrderSum>,
): Promise<OrderDifference[]> {
  const { id, total, itemCount } = ordersTable;
  const ids = [...sums.keys()];
  const differences: OrderDifference[] = [];
  for (let from = 0; from < ids.length; from += PAGE) {
    const page = ids.slice(from, from + PAGE);
    const rows = await reader.select({ id, total, itemCount }).from(ordersTable).where(inArray(id, page));
    const found = new Map(rows.map((row) => [row.id, { total: row.total, itemCount: row.itemCount }]));
    for (const orderId of page) {
      const invoiced = sums.get(orderId) as OrderSum;
      const stored = found.get(orderId);
      if (stored?.total !== invoiced.total || stored.itemCount !== invoiced.itemCount)
        differences.push({ orderId, invoiced, stored });
    }
  }
  return differences;
}
