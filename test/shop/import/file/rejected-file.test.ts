import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvoiceFile } from '../../../../src/shop/import/file/file.ts';
import { writeRejected } from '../../../../src/shop/import/file/rejected-file.ts';
import { COLUMNS } from '../../../../src/shop/import/file/rows.ts';
import { csvRows, useFolder } from '../../../cli/support.ts';

const folder = useFolder();

/** The values of the rows of a file, as its reader has them. */
async function valuesOf(path: string): Promise<string[][]> {
  const values: string[][] = [];
  for await (const row of (await InvoiceFile.open(path)).rows()) values.push(row.values());
  return values;
}

describe('the file of rejected rows', () => {
  it('has no cell that a spreadsheet takes for a formula, and reads as the rows did', async () => {
    const inside = await folder();
    const [path, rejected, again] = ['sheet', 'first', 'second'].map((name) => join(inside, `${name}.csv`)) as [
      string,
      string,
      string,
    ];
    const rows = [
      '800001,22423,"=HYPERLINK(""http://x.example"")",-1,12/1/10 8:26,2.55,17850,@SUM(A1)',
      "800002,22423,'=1,-1,12/1/10 8:26,2.55,17850,''quoted",
      '=800003,+1',
    ];
    await writeFile(path, `${[COLUMNS.join(','), ...rows].join('\n')}\n`);
    await writeRejected(await InvoiceFile.open(path), new Map(), rejected);
    const written = csvRows(await readFile(rejected, 'utf8'));
    expect(written.map((row) => row.Reason?.split(':')[0])).toEqual([
      'QUANTITY_NOT_POSITIVE',
      'QUANTITY_NOT_POSITIVE',
      'MALFORMED_ROW',
    ]);
    for (const cell of written.flatMap((row) => Object.values(row))) expect(cell).not.toMatch(/^[=+\-@\t\r](?!\d+$)/);
    expect(await valuesOf(rejected)).toEqual(await valuesOf(path));
    await writeRejected(await InvoiceFile.open(rejected), new Map(), again);
    const reasonless = (text: string) => csvRows(text).map(({ Reason: _, ...row }) => row);
    expect(reasonless(await readFile(again, 'utf8'))).toEqual(reasonless(await readFile(rejected, 'utf8')));
  });
});
