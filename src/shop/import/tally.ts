import type { RowRejection } from './file/rows.ts';
import type { PlannedOrder, PlannedSale } from './plan.ts';

/** The contents of an order, as the read model must have them. */
export interface OrderSum {
  /** In pence. */
  total: number;
  itemCount: number;
}

/** Counts what this import has done, and what an earlier one had done. */
export class ImportCounts {
  rows = 0;
  orders = 0;
  /** In pence; the sum of a whole file may exceed a safe number. */
  pence = 0n;
}

/** The outcome of an import. Each row is imported, was imported before, or is refused. */
export class Tally {
  readonly imported = new ImportCounts();
  readonly before = new ImportCounts();
  #customers = 0;
  #products = 0;
  /** By line. */
  readonly refused = new Map<number, RowRejection>();
  /** Orders that were placed now, by id. */
  readonly sums = new Map<string, OrderSum>();

  /** Customers that this import registered. */
  get customers(): number {
    return this.#customers;
  }

  /** Products that were registered now. */
  get products(): number {
    return this.#products;
  }

  registered(what: 'customer' | 'product'): void {
    if (what === 'customer') this.#customers++;
    else this.#products++;
  }

  /** An order is placed. */
  placed({ orderId }: PlannedOrder, isBefore: boolean): void {
    this.#counts(isBefore).orders++;
    if (!isBefore) this.sums.set(orderId, { total: 0, itemCount: 0 });
  }

  /** The sales of its rows are on the order. */
  sold({ orderId }: PlannedOrder, { amount, quantity, lines }: PlannedSale, isBefore: boolean): void {
    const counts = this.#counts(isBefore);
    const value = amount * quantity;
    counts.rows += lines.length;
    counts.pence += BigInt(value);
    const sum = this.sums.get(orderId);
    if (!sum) return;
    sum.total += value;
    sum.itemCount += quantity;
  }

  /** These rows are not imported. */
  refuse(lines: readonly number[], rejection: RowRejection): void {
    for (const line of lines) this.refused.set(line, rejection);
  }

  #counts(isBefore: boolean): ImportCounts {
    return isBefore ? this.before : this.imported;
  }
}
