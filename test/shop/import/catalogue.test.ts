import { describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { Catalogue } from '../../../src/shop/import/catalogue.ts';
import type { InvoiceLine } from '../../../src/shop/import/file/rows.ts';
import { RetryingIssuer } from '../../../src/shop/import/issuer.ts';
import { planOrder } from '../../../src/shop/import/plan.ts';
import { Tally } from '../../../src/shop/import/tally.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const engine = useEngine(useDatabase({ per: 'emptied' }), domains);

/** An order of product A1, sold at these prices one after the other. */
function anOrder(invoice: string, ...amounts: readonly [number, ...number[]]) {
  const row = (amount: number, index: number): InvoiceLine => ({
    line: index + 2,
    invoice,
    sku: 'A1',
    description: 'APPLE',
    quantity: 1,
    amount,
    date: new Date(0),
    customer: '7',
    country: 'EIRE',
  });
  const [first, ...others] = amounts;
  const rows = [row(first, 0), ...others.map((amount, index) => row(amount, index + 1))] as const;
  const { order } = planOrder(rows, new Map());
  const product = order?.products[0];
  if (!order || !product) throw new Error('The order could not be planned.');
  return { order, product };
}

const isNew = Promise.resolve(true);

describe('the price of a product', () => {
  it.each<[string, [number, ...number[]]]>([
    ['is another', [90]],
    ['is the same and changes further down the invoice', [100, 90]],
  ])('stays until the orders before are placed, where that of the next order %s', async (_, amounts) => {
    const { bus, log } = await engine();
    const catalogue = new Catalogue(
      new RetryingIssuer({ bus, log }, crypto.randomUUID(), new AbortController().signal),
      new Tally(),
      { customersSince: new Map() },
    );
    const first = anOrder('1', 100);
    const next = anOrder('2', ...amounts);
    const { promise: firstPlaced, resolve: placeFirst } = Promise.withResolvers<void>();
    expect(await catalogue.product(first.order, first.product, isNew, firstPlaced)).toBeUndefined();

    let isReady = false;
    const ready = catalogue.product(next.order, next.product, isNew, Promise.resolve()).then(() => (isReady = true));
    // Long enough for whatever does not wait: another product is made ready from the beginning.
    const other = anOrder('3', 100);
    const sku = { ...other.product, sku: 'B1', productId: crypto.randomUUID() };
    for (let round = 0; round < 3; round++) await catalogue.product(other.order, sku, isNew, Promise.resolve());
    expect(isReady).toBe(false);

    placeFirst();
    await ready;
  });
});
