import { resolve } from 'node:path';
import { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import {
  type Cli,
  CliError,
  type CommandFactory,
  catchUp,
  type EngineContext,
  formatCount,
  print,
  say,
  startProgress,
  withEngine,
} from '../../cli/index.ts';
import { assertWritable, InvoiceFile } from './file/file.ts';
import { rejectedPathOf, writeRejected } from './file/rejected-file.ts';
import { Importer } from './importer.ts';
import { RetryingIssuer } from './issuer.ts';
import { planOrder } from './plan.ts';
import { readInvoices, type Survey, surveyFile } from './survey.ts';
import type { OrderSum, Tally } from './tally.ts';
import { findDifferences, type OrderDifference } from './verify.ts';

/** `import`: brings data in from files. */
export const importCommand: CommandFactory = (cli) =>
  new Command('import').description('bring data in from files').addCommand(onlineRetailCommand(cli));

/** `import online-retail FILE`: turns invoices into customers, products, stock and orders. */
const onlineRetailCommand: CommandFactory = (cli) =>
  new Command('online-retail')
    .description('import invoice lines in the form of the Online Retail data set (UCI Machine Learning Repository)')
    .argument('<file>', 'CSV: InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country')
    .option(
      '--rejected <file>',
      'file for rejected rows with their reasons (default: FILE.rejected.csv beside the file)',
    )
    .addHelpText(
      'after',
      `
The rows of an invoice become one confirmed order, dated as the invoice is; docs/import.md says how.
Running it again imports nothing twice, also after it was stopped or killed in the middle: it goes on where it was.`,
    )
    .action(async (path: string, options: { rejected?: string }) => {
      const file = await InvoiceFile.open(resolve(path));
      const rejectedPath = resolve(options.rejected ?? rejectedPathOf(file.path));
      if (rejectedPath === file.path)
        throw new CliError('NOT_WRITABLE', 'The rejected rows would replace the file itself.');
      await assertWritable(rejectedPath);
      const survey = await surveyFile(file, cli.signal);
      await withEngine(cli, async (context) => {
        const tally = await importInvoices(cli, context, file, survey);
        await file.assertUnchanged();
        const rejected = await writeRejected(file, tally.refused, rejectedPath);
        await catchUp(cli, context.engine);
        printTally(cli, survey, tally, rejected, rejectedPath);
        const [first, ...others] = await findDifferences(context.database.reader.db, tally.sums);
        if (first) throw notAsInvoiced(first, others.length);
      });
    });

/** @returns when everything that was begun is done, even if the import is stopped. */
async function importInvoices(cli: Cli, { engine }: EngineContext, file: InvoiceFile, survey: Survey): Promise<Tally> {
  const progress = startProgress(cli.err, { title: 'Importing', unit: 'rows', total: survey.importable });
  let done = 0;
  const onRows = (rows: number) => {
    done += rows;
    progress.update(done);
  };
  const importer = new Importer(new RetryingIssuer(engine, uuidv7(), cli.signal), survey, onRows);
  try {
    for await (const rows of readInvoices(file, survey)) {
      cli.signal.throwIfAborted();
      const { order, rejected } = planOrder(rows, survey.names);
      for (const [line, reason] of rejected) importer.tally.refuse([line], reason);
      onRows(rejected.size);
      if (order) await importer.add(order);
    }
  } finally {
    // Finish what has begun, so that the next import finds whole orders; the first error is thrown once.
    await importer.settled().finally(() => progress.stop());
    if (cli.signal.aborted) say(cli, 'Stopped; the same command continues from here.');
  }
  return importer.tally;
}

function printTally(
  cli: Cli,
  { rows }: Survey,
  tally: Tally,
  rejected: ReadonlyMap<string, number>,
  rejectedPath: string,
): void {
  const { imported, before, customers, products } = tally;
  const rejectedRows = [...rejected.values()].reduce((sum, count) => sum + count, 0);
  print(cli, `${formatCount(rows)} rows`);
  print(cli, `  ${formatCount(imported.rows)} imported`);
  print(cli, `  ${formatCount(before.rows)} imported before`);
  print(cli, `  ${formatCount(rejectedRows)} rejected, see ${rejectedPath}`);
  for (const [code, count] of [...rejected].sort((a, b) => b[1] - a[1])) {
    print(cli, `    ${formatCount(count)} ${code}`);
  }
  const orders = (count: number, pence: bigint) => `${formatCount(count)} orders, ${formatPence(pence)}`;
  print(cli, `Imported: ${orders(imported.orders, imported.pence)}`);
  print(cli, `Imported before: ${orders(before.orders, before.pence)}`);
  print(cli, `New: ${formatCount(customers)} customers, ${formatCount(products)} products`);
}

function notAsInvoiced({ orderId, invoiced, stored }: OrderDifference, others: number): CliError {
  const say = ({ total, itemCount }: OrderSum) => `${itemCount} items, ${formatPence(BigInt(total))}`;
  const also = others > 0 ? ` (and ${formatCount(others)} more are not as they should be)` : '';
  return new CliError(
    'NOT_AS_INVOICED',
    `Order ${orderId} was invoiced with ${say(invoiced)} and has ${stored ? say(stored) : 'no row in the read model'}${also}: ` +
      'somebody changed prices or orders during the import.',
  );
}

function formatPence(pence: bigint): string {
  return `GBP ${formatCount(pence / 100n)}.${String(pence % 100n).padStart(2, '0')}`;
}
