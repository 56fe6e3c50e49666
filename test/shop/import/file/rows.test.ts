import { describe, expect, it } from 'vitest';
import { COLUMNS, RowReader, RowRejection } from '../../../../src/shop/import/file/rows.ts';

const good = {
  InvoiceNo: '536365',
  StockCode: '85123A',
  Description: ' WHITE  HANGING HEART ',
  Quantity: '6',
  InvoiceDate: '12/1/10 8:26',
  UnitPrice: '2.55',
  CustomerID: '17850',
  Country: 'United Kingdom',
};

function read(change: Partial<typeof good> = {}) {
  const row = { ...good, ...change };
  const fields = COLUMNS.map((name) => row[name]);
  return RowReader.of(COLUMNS)!.read({ line: 7, text: fields.join(','), fields });
}

const codeOf = (change: Partial<typeof good>) => {
  const answer = read(change);
  return answer instanceof RowRejection ? answer.code : undefined;
};
const amountOf = (UnitPrice: string) => {
  const answer = read({ UnitPrice });
  return answer instanceof RowRejection ? answer.code : answer.amount;
};

describe('a row', () => {
  it('is read as it is meant', () => {
    expect(read()).toEqual({
      line: 7,
      invoice: '536365',
      sku: '85123A',
      description: 'WHITE HANGING HEART',
      quantity: 6,
      amount: 255,
      date: new Date('2010-12-01T08:26:00Z'),
      customer: '17850',
      country: 'United Kingdom',
    });
  });

  it('may name its columns in any order, with others beside them', () => {
    const reader = RowReader.of([...COLUMNS.toReversed(), 'Reason'])!;
    const fields = [...COLUMNS.toReversed().map((name) => good[name]), 'whatever'];
    expect(reader.read({ line: 1, text: fields.join(','), fields })).toMatchObject({ invoice: '536365', amount: 255 });
  });

  it('cannot be read if a column is missing', () => {
    expect(RowReader.of(COLUMNS.slice(1))).toBeUndefined();
  });

  it('means the same stock code and customer however they are written', () => {
    expect(read({ StockCode: ' 85123a ', CustomerID: '17850.0' })).toMatchObject({ sku: '85123A', customer: '17850' });
  });

  it.each([
    ['2.55', 255],
    ['2.5', 250],
    ['2', 200],
    ['2.', 200],
    ['2.5500', 255],
    ['0.01', 1],
    // 1.15 * 100 is 114.99999999999999.
    ['1.15', 115],
    ['90071992547409.91', Number.MAX_SAFE_INTEGER],
    ['90071992547409.92', 'PRICE_TOO_LARGE'],
    ['2.555', 'PRICE_NOT_IN_PENCE'],
    ['0', 'PRICE_NOT_POSITIVE'],
    ['0.00', 'PRICE_NOT_POSITIVE'],
    ['-1.00', 'PRICE_NOT_POSITIVE'],
    ['', 'BAD_PRICE'],
    ['1e2', 'BAD_PRICE'],
    ['1,000.00', 'BAD_PRICE'],
  ])('with the price %j is %j in pence', (price, expected) => {
    expect(amountOf(price)).toBe(expected);
  });

  it.each<[string, Partial<typeof good>]>([
    ['CREDIT_NOTE', { InvoiceNo: 'C536379' }],
    ['BAD_INVOICE_NUMBER', { InvoiceNo: 'A563185' }],
    ['BAD_INVOICE_NUMBER', { InvoiceNo: '' }],
    ['NO_CUSTOMER', { CustomerID: ' ' }],
    ['BAD_CUSTOMER', { CustomerID: 'Anna' }],
    ['NOT_GOODS', { StockCode: 'POST' }],
    ['NOT_GOODS', { StockCode: 'DOT' }],
    ['NOT_GOODS', { StockCode: 'm' }],
    ['NOT_GOODS', { StockCode: 'C2' }],
    ['NOT_GOODS', { StockCode: 'BANK CHARGES' }],
    ['NOT_GOODS', { StockCode: 'gift_0001_20' }],
    ['NOT_GOODS', { StockCode: 'TEST001' }],
    ['NOT_GOODS', { StockCode: '' }],
    ['BAD_STOCK_CODE', { StockCode: '8'.repeat(65) }],
    ['BAD_QUANTITY', { Quantity: '1.5' }],
    ['BAD_QUANTITY', { Quantity: '' }],
    ['QUANTITY_NOT_POSITIVE', { Quantity: '-1' }],
    ['QUANTITY_NOT_POSITIVE', { Quantity: '0' }],
    ['QUANTITY_TOO_LARGE', { Quantity: '1000001' }],
    ['BAD_DATE', { InvoiceDate: '12/32/10 8:26' }],
    ['DATE_IN_FUTURE', { InvoiceDate: '12/1/99 8:26' }],
    ['BAD_COUNTRY', { Country: '' }],
    ['BAD_DESCRIPTION', { Description: 'x'.repeat(201) }],
    ['UNREADABLE_TEXT', { Description: 'CAF\uFFFD' }],
    ['UNREADABLE_TEXT', { Country: 'EI\0RE' }],
  ])('is rejected as %s with %j', (code, change) => {
    expect(codeOf(change)).toBe(code);
  });

  it('is rejected with the number of its columns where that is wrong', () => {
    const answer = RowReader.of(COLUMNS)!.read({ line: 1, text: 'a,b', fields: ['a', 'b'] });
    expect(String(answer)).toBe('MALFORMED_ROW: The row has 2 columns instead of 8.');
  });
});
