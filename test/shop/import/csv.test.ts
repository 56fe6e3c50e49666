import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { csvCell, csvValue } from '../../../src/shop/import/file/csv.ts';

const VALUES = [
  ...[
    '=1+1',
    '+49 30',
    '-1',
    '-1+1',
    '-A1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    '＝1',
    '=HYPERLINK("http://x.example","a, b")',
  ],
  ...["'=1", "''-1", "'", "'quoted'", "'tis", '', 'TEAPOT', '12.50', ' =1', 'a"b', 'a,b', 'a\nb'],
];

describe('a cell of a CSV file', () => {
  it.each(VALUES)('%j is read back as it was', (value) => {
    const [[cell = ''] = []] = parse(`${csvCell(value)},x\n`) as string[][];
    expect(csvValue(cell)).toBe(value);
  });

  it.each(VALUES)('%j is no formula to a spreadsheet', (value) => {
    const [[cell = ''] = []] = parse(`${csvCell(value)},x\n`) as string[][];
    expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠](?!\d+$)/);
  });
});
