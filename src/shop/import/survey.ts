import { CliError } from '../../cli/index.ts';
import type { InvoiceFile } from './file/file.ts';
import type { InvoiceLine } from './file/rows.ts';
import { RowRejection } from './file/rows.ts';

/** Facts about the whole file that are needed before its first invoice is imported. */
export interface Survey {
  readonly rows: number;
  /** Number of readable rows. */
  readonly importable: number;
  /** The line of each invoice's last row: the invoice is complete there, even if rows of others stand in between. */
  readonly lastLines: ReadonlyMap<string, number>;
  /** The first description of each stock code that is not empty. */
  readonly names: ReadonlyMap<string, string>;
  /** When each customer first bought something. Their invoices are imported side by side, so that any may come first. */
  readonly customersSince: ReadonlyMap<string, Date>;
}

/** Reads the file once. @throws {CliError} BAD_FILE if it is not such a file, or has no rows. */
export async function surveyFile(file: InvoiceFile, signal: AbortSignal): Promise<Survey> {
  const lastLines = new Map<string, number>();
  const names = new Map<string, string>();
  const customersSince = new Map<string, Date>();
  let rows = 0;
  let importable = 0;
  for await (const { read } of file.rows()) {
    signal.throwIfAborted();
    rows++;
    if (read instanceof RowRejection) continue;
    importable++;
    lastLines.set(read.invoice, read.line);
    const since = customersSince.get(read.customer);
    if (!since || read.date < since) customersSince.set(read.customer, read.date);
    if (read.description !== '' && !names.has(read.sku)) names.set(read.sku, read.description);
  }
  if (rows === 0) throw new CliError('BAD_FILE', `${file.path} has a header and no rows.`);
  return { rows, importable, lastLines, names, customersSince };
}

/** The file's invoices, each with its rows, in the order in which they are complete. */
export async function* readInvoices(
  file: InvoiceFile,
  { lastLines }: Survey,
): AsyncGenerator<readonly [InvoiceLine, ...InvoiceLine[]]> {
  const open = new Map<string, [InvoiceLine, ...InvoiceLine[]]>();
  for await (const { read } of file.rows()) {
    if (read instanceof RowRejection) continue;
    const { invoice, line } = read;
    const lines = open.get(invoice);
    if (lines) lines.push(read);
    else open.set(invoice, [read]);
    if (line !== lastLines.get(invoice)) continue;
    yield open.get(invoice) ?? [read];
    open.delete(invoice);
  }
}
