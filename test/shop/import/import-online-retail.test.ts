import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type postgres from 'postgres';
import { describe, expect, it } from 'vitest';
import { orderId, productId } from '../../../src/shop/import/ids.ts';
import { csvRows, runCli, startCli, useFolder } from '../../cli/support.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until } from '../../support/until.ts';

const data = fileURLToPath(new URL('fixtures/online-retail-sample.csv', import.meta.url));
/** A process that starts takes a second of CPU, on a machine that others may use too. */
const STARTED = { deadline: 40_000 };
const notGoods = ['POST', 'DOT', 'D', 'M', 'C2', 'BANK CHARGES'];

/** The expected content, computed from the file without the importer's code. */
function expectation(text: string) {
  const rows = csvRows(text);
  const good = rows.filter(
    (row) =>
      !row.InvoiceNo?.startsWith('C') &&
      row.CustomerID !== '' &&
      !notGoods.includes(row.StockCode ?? '') &&
      Number(row.Quantity) > 0 &&
      Number(row.UnitPrice) > 0,
  );
  const lines = good.map((row) => ({
    invoice: row.InvoiceNo ?? '',
    sku: row.StockCode ?? '',
    customer: `Customer ${row.CustomerID}`,
    count: Number(row.Quantity),
    pence: Math.round(Number(row.UnitPrice) * 100) * Number(row.Quantity),
    price: Math.round(Number(row.UnitPrice) * 100),
    // It is winter: London's time is UTC.
    date: new Date(`${row.InvoiceDate} UTC`),
  }));
  return {
    rows: rows.length,
    lines,
    by: (key: 'invoice' | 'customer' | 'sku') => Map.groupBy(lines, (line) => line[key]),
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** All that the read models say, without the places in the log, which depend on how an import was interleaved. */
async function readModels(sql: postgres.Sql) {
  const [customers, products, orders] = await Promise.all(
    ['customers_v2', 'products_v2', 'orders_v3'].map(
      (table) =>
        sql`select to_jsonb(r) - 'last_position' - 'kept_in' as row from read.${sql.unsafe(table)} r order by id`,
    ),
  );
  return { customers, products, orders };
}

describe('real invoices of three days', () => {
  const whole = useDatabase({ per: 'file' });
  const killed = useDatabase({ per: 'emptied' });
  const aProxy = useProxy(killed);
  const folder = useFolder();
  const aFile = async () => {
    const path = join(await folder(), 'sales.csv');
    await copyFile(data, path);
    return path;
  };
  const args = (path: string) => ['import', 'online-retail', path];

  it('are all accounted for, and their sums are those of the file', async () => {
    const path = await aFile();
    const expected = expectation(await readFile(path, 'utf8'));
    const { code, stdout } = await runCli(whole.url, args(path));
    expect(code).toBe(0);
    const rejected = csvRows(await readFile(join(path, '../sales.rejected.csv'), 'utf8'));
    expect(expected.rows).toBe(1375);
    expect(rejected).toHaveLength(expected.rows - expected.lines.length);
    expect(stdout).toContain(`  ${expected.lines.length.toLocaleString('en')} imported\n`);

    const orders = await whole.sql`select * from read.orders_v3`;
    const invoices = expected.by('invoice');
    expect(orders).toHaveLength(invoices.size);
    const found = new Map(orders.map((order) => [order.id, order]));
    for (const [invoice, lines] of invoices) {
      expect(found.get(orderId(invoice))).toMatchObject({
        status: 'CONFIRMED',
        total: sum(lines.map(({ pence }) => pence)),
        item_count: sum(lines.map(({ count }) => count)),
        placed_at: lines[0]?.date,
      });
    }
    const customers = await whole.sql`
      select c.name, sum(o.total)::int as total from read.orders_v3 o join read.customers_v2 c on c.id = o.customer_id group by 1`;
    const totals = [...expected.by('customer')].map(([name, lines]) => [name, sum(lines.map(({ pence }) => pence))]);
    expect(new Map(customers.map(({ name, total }) => [name, total]))).toEqual(new Map(totals as [string, number][]));
    const [revenue] = await whole.sql`select sum(total)::int as total from read.orders_v3 where currency = 'GBP'`;
    expect(revenue?.total).toBe(sum(expected.lines.map(({ pence }) => pence)));

    const products = await whole.sql`select id, stock, price::int from read.products_v2`;
    const wares = [...expected.by('sku')].map(([sku, lines]) => ({
      id: productId(sku),
      stock: sum(lines.map(({ count }) => count)),
      price: lines.at(-1)?.price,
    }));
    expect(new Set(products)).toEqual(new Set(wares));
  });

  it('are the same after an import that was killed in the middle and run again, and again', async () => {
    const path = await aFile();
    const expected = await readModels(whole.sql);
    // Once while products are registered, once among the orders.
    const { sql } = killed;
    for (const happened of [
      () => sql`select from es.events where position > 150 limit 1`,
      () => sql`select from es.events where type = 'OrderConfirmed' offset 20 limit 1`,
    ]) {
      const { child, done } = startCli(killed.url, args(path));
      await until(async () => (await happened()).length > 0, STARTED);
      child.kill('SIGKILL');
      expect((await done).code).toBeNull();
    }
    const { code, stdout } = await runCli(killed.url, args(path));
    expect(code).toBe(0);
    const [, imported = '', before = ''] =
      /^1,375 rows\n {2}(\S+) imported\n {2}(\S+) imported before\n/.exec(stdout) ?? [];
    const [now, then] = [imported, before].map((text) => Number(text.replace(',', '')));
    expect(then).toBeGreaterThan(0);
    expect(now).toBeGreaterThan(0);
    expect((now ?? 0) + (then ?? 0)).toBe(1292);
    expect(await readModels(killed.sql)).toEqual(expected);
    const count = (sql: postgres.Sql) => sql`select count(*)::int as events from es.events`;
    expect(await count(killed.sql)).toEqual(await count(whole.sql));
  });

  it('are the same if the database went away for a while', async () => {
    const path = await aFile();
    const proxy = await aProxy();
    const { done } = startCli(proxy.url, args(path));
    await until(async () => (await killed.sql`select from es.events where position > 150 limit 1`).length > 0, STARTED);
    proxy.refuse(true);
    proxy.cut();
    await delay(1000);
    proxy.refuse(false);
    const { code, stdout } = await done;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^1,375 rows\n/);
    expect(await readModels(killed.sql)).toEqual(await readModels(whole.sql));
  });

  it('stop at Ctrl-C with whole orders, and the next import goes on', async () => {
    const path = await aFile();
    const { child, done } = startCli(killed.url, args(path));
    await until(async () => (await killed.sql`select from es.events limit 1`).length > 0, STARTED);
    child.kill('SIGINT');
    const { code, stderr } = await done;
    expect(stderr).toMatch(
      /\nStopped; the same command continues from here\.\nError INTERRUPTED: Stopped by SIGINT\.\n$/,
    );
    expect(code).toBe(130);
    const [unconfirmed] = await killed.sql`
      select count(*) filter (where type = 'OrderPlaced')::int as placed,
             count(*) filter (where type = 'OrderConfirmed')::int as confirmed from es.events`;
    expect(unconfirmed?.placed).toBe(unconfirmed?.confirmed);
    expect((await runCli(killed.url, args(path))).stdout).toContain('imported before');
    expect(await readModels(killed.sql)).toEqual(await readModels(whole.sql));
  });
});
