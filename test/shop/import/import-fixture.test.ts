import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { changeProductPrice } from '../../../src/domains/products/product.ts';
import { orderId, productId } from '../../../src/shop/import/ids.ts';
import { type CliResult, csvRows, runCli, useFolder } from '../../cli/support.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { type TestDatabase, useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const engine = useEngine(database, domains);
const folder = useFolder();
const untidy = fileURLToPath(new URL('fixtures/untidy.csv', import.meta.url));

/** A copy of the fixture in a folder of its own. */
async function aFile(): Promise<{ path: string; rejected: string; folder: string }> {
  const inside = await folder();
  const path = join(inside, 'untidy.csv');
  await copyFile(untidy, path);
  return { path, rejected: join(inside, 'untidy.rejected.csv'), folder: inside };
}

const importFile = (path: string, ...more: string[]) =>
  runCli(database.url, ['import', 'online-retail', path, ...more]);

const orderIn = (place: TestDatabase) => async (invoice: string) => {
  const [order] = await place.sql`select * from read.orders_v3 where id = ${orderId(invoice)}`;
  return order;
};
const orderOf = orderIn(database);

describe('importing an untidy file', () => {
  const database = useDatabase({ per: 'file' });
  let rejected: string;
  let result: CliResult;
  beforeAll(async () => {
    const file = await aFile();
    result = await runCli(database.url, ['import', 'online-retail', file.path]);
    rejected = await readFile(file.rejected, 'utf8');
  });
  const orderOf = orderIn(database);

  it('accounts for every row: imported, or rejected with its reason in the order of the file', async () => {
    const { code, stdout, stderr } = result;
    expect(stderr).not.toContain('Error');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^42 rows\n {2}10 imported\n {2}0 imported before\n {2}32 rejected/);
    expect(stdout).toContain('Imported: 6 orders, GBP 113.59');
    expect(stdout).toContain('New: 2 customers, 3 products');
    const rows = csvRows(rejected);
    expect(rows.map((row) => row.Reason?.split(':')[0])).toEqual([
      'CREDIT_NOTE',
      'BAD_INVOICE_NUMBER',
      'NO_CUSTOMER',
      'BAD_CUSTOMER',
      ...Array.from({ length: 6 }, () => 'NOT_GOODS'),
      'BAD_QUANTITY',
      'BAD_QUANTITY',
      'QUANTITY_NOT_POSITIVE',
      'QUANTITY_NOT_POSITIVE',
      'QUANTITY_TOO_LARGE',
      'BAD_PRICE',
      'BAD_PRICE',
      'PRICE_NOT_POSITIVE',
      'PRICE_NOT_POSITIVE',
      'PRICE_NOT_IN_PENCE',
      'PRICE_TOO_LARGE',
      'BAD_DATE',
      'BAD_DATE',
      'DATE_IN_FUTURE',
      'BAD_COUNTRY',
      'MALFORMED_ROW',
      'MALFORMED_ROW',
      'MALFORMED_ROW',
      'OTHER_CUSTOMER',
      'OTHER_COUNTRY',
      'QUANTITY_TOO_LARGE',
      'QUANTITY_TOO_LARGE',
    ]);
    const { Reason, ...first } = rows[0] ?? {};
    expect(first).toEqual({
      InvoiceNo: 'C700006',
      StockCode: '22423',
      Description: 'CAKESTAND',
      Quantity: '-1',
      InvoiceDate: '12/1/10 9:00',
      UnitPrice: '12.75',
      CustomerID: '17850',
      Country: 'United Kingdom',
    });
    expect(Reason).toBe('CREDIT_NOTE: Credit notes are not orders.');
    expect(rows.find((row) => row.Reason?.includes('A quote'))?.InvoiceNo).toBe(
      '700010,22423,"CAKESTAND,1,12/1/10 9:00,12.75,17850,United Kingdom',
    );
  });

  it('makes one confirmed order of an invoice whose rows are apart, dated as the invoice', async () => {
    const order = await orderOf('700001');
    expect(order).toMatchObject({
      status: 'CONFIRMED',
      item_count: 12,
      total: 3564,
      currency: 'GBP',
      placed_at: new Date('2010-12-01T08:26:00Z'),
      updated_at: new Date('2010-12-01T08:26:00Z'),
      shipping_address: { country: 'United Kingdom', city: 'not recorded' },
    });
    expect(order?.items).toMatchObject([
      { sku: '85123A', quantity: 6, unitPrice: { amount: 255, currency: 'GBP' } },
      { sku: '71053', name: 'WHITE METAL LANTERN', quantity: 6, unitPrice: { amount: 339, currency: 'GBP' } },
    ]);
    expect(await orderOf('700004')).toMatchObject({ placed_at: new Date('2011-07-15T13:05:00Z') });
  });

  it('keeps the price of each row, even if an invoice has one product at two', async () => {
    expect((await orderOf('700002'))?.items).toMatchObject([{ quantity: 1, unitPrice: { amount: 295 } }]);
    const order = await orderOf('700003');
    expect(order).toMatchObject({ status: 'CONFIRMED', item_count: 16, total: 3855 });
    expect(order?.items).toMatchObject([
      { quantity: 11, unitPrice: { amount: 255 } },
      { quantity: 5, unitPrice: { amount: 210 } },
    ]);
  });

  it('gives products their first name, their last price, and the stock that is sold', async () => {
    const products = await database.sql`select sku, name, price, stock from read.products_v2 order by sku`;
    expect(products).toEqual([
      { sku: '22423', name: 'REGENCY CAKESTAND', price: 1275, stock: 3 },
      { sku: '71053', name: 'WHITE METAL LANTERN', price: 339, stock: 6 },
      { sku: '85123A', name: 'HEART, "T-LIGHT" HOLDER', price: 210, stock: 23 },
    ]);
    const customers = await database.sql`select name, email from read.customers_v2 order by name`;
    expect(customers).toEqual([
      { name: 'Customer 13047', email: 'customer-13047@online-retail.example' },
      { name: 'Customer 17850', email: 'customer-17850@online-retail.example' },
    ]);
  });

  it('keeps business time in the order of each stream, and the events of one import findable', async () => {
    const [{ backwards } = {}] = await database.sql`
      select count(*)::int as backwards from es.events a join es.events b using (stream_type, stream_id)
      where a.version < b.version and a.occurred_at > b.occurred_at`;
    expect(backwards).toBe(0);
    const metadata = await database.sql`
      select distinct metadata -> 'actor' ->> 'id' as actor, metadata ->> 'correlationId' as correlation from es.events`;
    expect(metadata).toHaveLength(1);
    expect(metadata[0]?.actor).toBe('system');
  });
});

describe('importing again', () => {
  it('imports nothing twice and says so', async () => {
    const { path, rejected } = await aFile();
    await importFile(path);
    const first = await readFile(rejected, 'utf8');
    const before = await database.sql`select count(*)::int as events from es.events`;
    const { code, stdout } = await importFile(path);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^42 rows\n {2}0 imported\n {2}10 imported before\n {2}32 rejected/);
    expect(stdout).toContain('Imported before: 6 orders, GBP 113.59');
    expect(await database.sql`select count(*)::int as events from es.events`).toEqual(before);
    expect(await readFile(rejected, 'utf8')).toBe(first);
  });

  it('imports what a file has more than before, at its own prices', async () => {
    const { path } = await aFile();
    await importFile(path);
    const more =
      '\n700020,85123A,HEART,3,12/3/10 8:26,2.95,17850,EIRE\n700021,85123A,HEART,1,12/3/10 9:00,2.10,17850,EIRE\n';
    await writeFile(path, `${(await readFile(untidy, 'utf8')).trimEnd()}${more}`);
    const { stdout } = await importFile(path);
    expect(stdout).toMatch(/^44 rows\n {2}2 imported\n {2}10 imported before\n {2}32 rejected/);
    expect(await orderOf('700020')).toMatchObject({ total: 885 });
    expect(await orderOf('700021')).toMatchObject({ total: 210 });
  });

  it('brings prices back to those of the file if somebody has changed them in between', async () => {
    const { path, folder: inside } = await aFile();
    await importFile(path);
    const { bus } = await engine({ start: true });
    const input = { productId: productId('85123A'), price: { amount: 1, currency: 'GBP' } };
    await bus.execute(changeProductPrice, input, system);
    const next = join(inside, 'next.csv');
    const header = (await readFile(untidy, 'utf8')).split('\n')[0];
    await writeFile(next, `${header}\n700030,85123A,HEART,2,12/4/10 8:26,2.10,17850,EIRE\n`);
    await importFile(next);
    expect(await orderOf('700030')).toMatchObject({ total: 420 });
  });

  it('rejects the rows of an invoice that was imported with other rows, and leaves its order alone', async () => {
    const { path, rejected } = await aFile();
    await importFile(path);
    await writeFile(path, (await readFile(untidy, 'utf8')).replace('LANTERN,4,', 'LANTERN,5,'));
    const { stdout } = await importFile(path);
    expect(stdout).toMatch(/^42 rows\n {2}0 imported\n {2}7 imported before\n {2}35 rejected/);
    const changed = csvRows(await readFile(rejected, 'utf8')).filter((row) => row.InvoiceNo === '700001');
    expect(changed.map((row) => row.Reason?.split(':')[0])).toEqual(
      Array.from({ length: 3 }, () => 'IMPORTED_OTHERWISE'),
    );
    expect(await orderOf('700001')).toMatchObject({ item_count: 12 });
  });
});

describe('importing beside a running server', () => {
  it("waits until the server's read models have seen everything", async () => {
    const server = await engine({ start: true });
    await until(() => server.projector.status().every(({ state }) => state === 'RUNNING'));
    const { path } = await aFile();
    const { code, stderr } = await importFile(path);
    const [{ head, orders } = {}] = await database.sql`
      select (select max(position)::int from es.events) as head, (select count(*)::int from read.orders_v3) as orders`;
    expect(orders).toBe(6);
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Importing: 14 of 14 rows (100%)'),
    });
    expect(server.projector.status().map(({ position }) => position)).toEqual(
      server.projector.positions.names.map(() => head),
    );
  });
});

describe('what an import leaves behind', () => {
  it('is the rejected rows, replacing those of before, and nothing else', async () => {
    const { path, rejected, folder: inside } = await aFile();
    await writeFile(rejected, 'of before');
    await importFile(path);
    expect(await readFile(rejected, 'utf8')).toMatch(/^InvoiceNo,.*,Reason\n/);
    expect((await readdir(inside)).sort()).toEqual(['untidy.csv', 'untidy.rejected.csv']);
  });

  it('may go elsewhere, but not over the file itself', async () => {
    const { path, folder: inside } = await aFile();
    const elsewhere = join(inside, 'no.csv');
    expect((await importFile(path, '--rejected', elsewhere)).code).toBe(0);
    expect(csvRows(await readFile(elsewhere, 'utf8'))).toHaveLength(32);
    const { code, stderr } = await importFile(path, '--rejected', path);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'Error NOT_WRITABLE: The rejected rows would replace the file itself.\n',
    });
  });

  it('is plain text if nobody sits at a terminal', async () => {
    const { path } = await aFile();
    const { stdout, stderr } = await importFile(path);
    for (const control of ['\u001b', '\r']) expect(`${stdout}${stderr}`).not.toContain(control);
  });
});

describe('a file that cannot be imported', () => {
  it.each([
    ['is empty', '', 'is empty.'],
    [
      'has only a header',
      'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n',
      'no rows.',
    ],
    ['has other columns', 'a,b,c\n1,2,3\n', 'does not begin with the columns InvoiceNo,StockCode,'],
    ['is no text', '\u0000\u0001\u0002'.repeat(1_000_000), 'is not a CSV file: a line has no end.'],
  ])('is refused in one line if it %s', async (_, text, message) => {
    const path = join(await folder(), 'bad.csv');
    await writeFile(path, text);
    const { code, stdout, stderr } = await importFile(path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Error BAD_FILE: [^\n]*\n$/);
    expect(stderr).toContain(message);
  });

  it('is refused in one line if there is none', async () => {
    const inside = await folder();
    const missing = await importFile(join(inside, 'none.csv'));
    expect(missing).toMatchObject({
      code: 1,
      stderr: `Error BAD_FILE: There is no file ${join(inside, 'none.csv')}.\n`,
    });
    expect(await importFile(inside)).toMatchObject({ code: 1, stderr: `Error BAD_FILE: ${inside} is not a file.\n` });
  });
});
