import { describe, expect, it } from 'vitest';
import type { InvoiceLine } from '../../../src/shop/import/file/rows.ts';
import { planOrder } from '../../../src/shop/import/plan.ts';

const names = new Map([['A1', 'APPLE']]);
const aRow = (line: number, change: Partial<InvoiceLine> = {}): InvoiceLine => ({
  line,
  invoice: '1',
  sku: 'A1',
  description: '',
  quantity: 1,
  amount: 100,
  date: new Date(0),
  customer: '7',
  country: 'EIRE',
  ...change,
});

describe('an invoice as an order', () => {
  it('joins rows of the same product at the same price and keeps other prices apart', () => {
    const { order } = planOrder([aRow(2), aRow(3, { amount: 90, quantity: 4 }), aRow(4, { quantity: 2 })], names);
    expect(order?.rows).toBe(3);
    expect(order?.products).toMatchObject([
      {
        sku: 'A1',
        name: 'APPLE',
        sales: [
          { amount: 100, quantity: 3, lines: [2, 4] },
          { amount: 90, quantity: 4, lines: [3] },
        ],
      },
    ]);
  });

  it('calls a product by its stock code if the file never names it', () => {
    expect(planOrder([aRow(2, { sku: 'B2' })], names).order?.products[0]?.name).toBe('B2');
  });

  it('has the customer and the country of its first row, and no room for others', () => {
    const { order, rejected } = planOrder([aRow(2), aRow(3, { customer: '8' }), aRow(4, { country: 'Spain' })], names);
    expect(order?.rows).toBe(1);
    expect([...rejected].map(([line, { code }]) => [line, code])).toEqual([
      [3, 'OTHER_CUSTOMER'],
      [4, 'OTHER_COUNTRY'],
    ]);
  });

  it('is none if no order may be like that', () => {
    const { order, rejected } = planOrder([aRow(2, { quantity: 1_000_000 }), aRow(3)], names);
    expect(order).toBeUndefined();
    expect([...rejected].map(([line, { code }]) => [line, code])).toEqual([
      [2, 'QUANTITY_TOO_LARGE'],
      [3, 'QUANTITY_TOO_LARGE'],
    ]);
  });

  it('has ids that follow from the numbers alone', () => {
    const [first, again] = [planOrder([aRow(2)], names).order, planOrder([aRow(9, { amount: 5 })], new Map()).order];
    expect(first?.orderId).toBe(again?.orderId);
    expect(first?.customerId).toBe(again?.customerId);
    expect(first?.products[0]?.productId).toBe(again?.products[0]?.productId);
  });
});
