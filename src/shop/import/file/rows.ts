import { MAX_QUANTITY } from '../../../domains/shared/fields.ts';
import { parseLondonTime } from '../london.ts';
import { csvValue } from './csv.ts';
import type { CsvRecord } from './records.ts';

/** The columns of an *Online Retail* file. */
export const COLUMNS = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const;
type Column = (typeof COLUMNS)[number];

/** The additional column of a file of rejected rows; its cells are written by `csvCell`. */
export const REASON = 'Reason';

/** A row that can be imported. */
export interface InvoiceLine {
  /** Line number in the file. */
  readonly line: number;
  readonly invoice: string;
  readonly sku: string;
  /** Trimmed; empty if the file has none. */
  readonly description: string;
  readonly quantity: number;
  /** The unit price in pence. */
  readonly amount: number;
  readonly date: Date;
  readonly customer: string;
  readonly country: string;
}

/** Why a row is not imported. */
export class RowRejection {
  /** Names the rule, e.g. CREDIT_NOTE. */
  readonly code: string;
  /** A sentence. */
  readonly message: string;

  constructor(code: string, message: string) {
    this.code = code;
    this.message = message;
  }

  toString(): string {
    return `${this.code}: ${this.message}`;
  }
}

/** Reads the rows of a file whose header names the columns, in any order, possibly among others. */
export class RowReader {
  readonly #indexes: Readonly<Record<Column, number>>;
  readonly #width: number;
  /** The file contains rejected rows. */
  readonly #isOurs: boolean;
  // biome-ignore lint/plugin: A file is checked before a database is needed. The log itself lets no event occur after it is recorded.
  readonly #now = Date.now();
  /** The rows of an invoice share their date, and computing one takes longer than everything else. */
  #lastDate: { readonly text: string; readonly date: Date | undefined } = { text: '', date: undefined };

  private constructor(header: readonly string[]) {
    this.#indexes = Object.fromEntries(COLUMNS.map((name) => [name, header.indexOf(name)])) as Record<Column, number>;
    this.#width = header.length;
    this.#isOurs = header.at(-1) === REASON;
  }

  /** Undefined if a column is missing. */
  static of(header: readonly string[]): RowReader | undefined {
    const names = header.map((name) => name.trim());
    return COLUMNS.every((name) => names.includes(name)) ? new RowReader(names) : undefined;
  }

  /** The row's values in the order of {@link COLUMNS}; for a malformed row, its text. */
  values(record: CsvRecord): string[] {
    const { fields, text } = record;
    if (fields?.length !== this.#width) return COLUMNS.map((_, index) => (index === 0 ? text : ''));
    return COLUMNS.map((name) => this.#cell(fields, name));
  }

  /** The row, or the first reason why it cannot be imported. */
  read({ line, fields, text }: CsvRecord): InvoiceLine | RowRejection {
    if (fields === undefined) return new RowRejection('MALFORMED_ROW', 'A quote is opened and not closed.');
    if (fields.length !== this.#width) {
      return new RowRejection('MALFORMED_ROW', `The row has ${fields.length} columns instead of ${this.#width}.`);
    }
    if (/[\0\uFFFD]/.test(text)) return new RowRejection('UNREADABLE_TEXT', 'The row is not text in UTF-8.');
    const value = (name: Column) => this.#cell(fields, name).trim();

    const invoice = value('InvoiceNo');
    if (/^C/i.test(invoice)) return new RowRejection('CREDIT_NOTE', 'Credit notes are not orders.');
    if (!/^\d{1,20}$/.test(invoice)) return new RowRejection('BAD_INVOICE_NUMBER', 'An invoice number is digits.');
    // Spreadsheets that once had an empty cell in the column write 17850 as 17850.0.
    const customer = value('CustomerID').replace(/\.0$/, '');
    if (customer === '') return new RowRejection('NO_CUSTOMER', 'The row names no customer.');
    if (!/^\d{1,20}$/.test(customer)) return new RowRejection('BAD_CUSTOMER', 'A customer number is digits.');
    const sku = value('StockCode').toUpperCase();
    if (!isGoods(sku)) return new RowRejection('NOT_GOODS', 'Postage, fees, vouchers and adjustments are not goods.');
    if (sku.length > 64) return new RowRejection('BAD_STOCK_CODE', 'A stock code has at most 64 characters.');
    const quantity = readQuantity(value('Quantity'));
    if (quantity instanceof RowRejection) return quantity;
    const amount = readPence(value('UnitPrice'));
    if (amount instanceof RowRejection) return amount;
    const date = this.#readDate(value('InvoiceDate'));
    if (date instanceof RowRejection) return date;
    const country = tidied(value('Country'));
    if (country === '' || country.length > 200) {
      return new RowRejection('BAD_COUNTRY', 'A country has 1 to 200 characters.');
    }
    const description = tidied(value('Description'));
    if (description.length > 200) {
      return new RowRejection('BAD_DESCRIPTION', 'A description has at most 200 characters.');
    }
    return { line, invoice, sku, description, quantity, amount, date, customer, country };
  }

  #cell(fields: readonly string[], name: Column): string {
    const cell = fields[this.#indexes[name]] ?? '';
    return this.#isOurs ? csvValue(cell) : cell;
  }

  #readDate(text: string): Date | RowRejection {
    if (text !== this.#lastDate.text) this.#lastDate = { text, date: parseLondonTime(text) };
    const { date } = this.#lastDate;
    if (!date) return new RowRejection('BAD_DATE', 'A date is M/D/YY H:MM, a time that London had.');
    if (date.getTime() > this.#now) return new RowRejection('DATE_IN_FUTURE', 'The invoice is of the future.');
    return date;
  }
}

/** Goods have numbers; POST, DOT, D, M, S, B, PADS, CRUK, BANK CHARGES and AMAZONFEE have none, C2 is carriage. */
function isGoods(sku: string): boolean {
  return /\d/.test(sku) && sku !== 'C2' && !/^(GIFT_|TEST)/.test(sku);
}

function readQuantity(text: string): number | RowRejection {
  if (!/^-?\d+$/.test(text)) return new RowRejection('BAD_QUANTITY', 'A quantity is a whole number.');
  const quantity = Number(text);
  if (quantity <= 0) return new RowRejection('QUANTITY_NOT_POSITIVE', 'Nothing was sold: returned, lost or corrected.');
  if (quantity > MAX_QUANTITY) return new RowRejection('QUANTITY_TOO_LARGE', 'A quantity is at most 1,000,000.');
  return quantity;
}

/** An amount in pounds, converted to pence digit by digit, because 1.15 * 100 is not 115. */
function readPence(text: string): number | RowRejection {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (!match) return new RowRejection('BAD_PRICE', 'A price is a decimal number such as 2.55.');
  const [, sign, pounds = '', decimals = ''] = match;
  const significant = decimals.replace(/0+$/, '');
  if (significant.length > 2) return new RowRejection('PRICE_NOT_IN_PENCE', 'A price has at most two decimals.');
  const pence = BigInt(pounds + significant.padEnd(2, '0'));
  if (sign || pence === 0n)
    return new RowRejection('PRICE_NOT_POSITIVE', 'Nothing was paid: a sample or a correction.');
  if (pence > Number.MAX_SAFE_INTEGER) return new RowRejection('PRICE_TOO_LARGE', 'No price is that large.');
  return Number(pence);
}

function tidied(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
