import { refuseItems } from '../../domains/orders/order-items.ts';
import { type InvoiceLine, RowRejection } from './file/rows.ts';
import { customerId, orderId, productId } from './ids.ts';

/** How many pieces of a product were sold at one price, and in which rows. */
export interface PlannedSale {
  readonly amount: number;
  quantity: number;
  readonly lines: number[];
}

/** A product on an order. It nearly always has one price; a later row of the invoice may have another. */
export interface PlannedProduct {
  readonly sku: string;
  readonly productId: string;
  readonly name: string;
  readonly sales: [PlannedSale, ...PlannedSale[]];
}

/** An invoice as an order. */
export interface PlannedOrder {
  readonly invoice: string;
  readonly orderId: string;
  readonly customer: string;
  readonly customerId: string;
  readonly country: string;
  readonly placedAt: Date;
  readonly products: readonly PlannedProduct[];
  /** Number of its rows. */
  readonly rows: number;
}

/** The plan for an invoice's rows. */
export interface InvoicePlan {
  readonly order: PlannedOrder | undefined;
  /** Rows that do not fit the others, by line. */
  readonly rejected: ReadonlyMap<number, RowRejection>;
}

/** Combines an invoice's rows into one order. The first row determines customer, date and destination. */
export function planOrder(
  rows: readonly [InvoiceLine, ...InvoiceLine[]],
  names: ReadonlyMap<string, string>,
): InvoicePlan {
  const [first] = rows;
  const rejected = new Map<number, RowRejection>();
  const products = new Map<string, PlannedProduct>();
  for (const row of rows) {
    const misfit = whyMisfit(first, row);
    if (misfit) rejected.set(row.line, misfit);
    else addRow(products, row, names);
  }
  const order = { ...headOf(first), products: [...products.values()], rows: rows.length - rejected.size };
  const items = order.products.flatMap(({ sku, productId, name, sales }) =>
    sales.map(({ amount, quantity }) => ({ productId, sku, name, quantity, unitPrice: { amount, currency: 'GBP' } })),
  );
  const refusal = refuseItems(items);
  if (refusal) {
    const rejection = new RowRejection(refusal.code, refusal.message);
    return {
      order: undefined,
      rejected: new Map([...rows.map(({ line }) => [line, rejection] as const), ...rejected]),
    };
  }
  return { order, rejected };
}

function headOf({ invoice, customer, country, date }: InvoiceLine) {
  const ids = { orderId: orderId(invoice), customerId: customerId(customer) };
  return { invoice, customer, country, placedAt: date, ...ids };
}

function whyMisfit(first: InvoiceLine, { customer, country }: InvoiceLine): RowRejection | undefined {
  if (customer !== first.customer) {
    return new RowRejection('OTHER_CUSTOMER', `The invoice's first row is customer ${first.customer}'s.`);
  }
  if (country !== first.country) {
    return new RowRejection('OTHER_COUNTRY', `The invoice's first row is for ${first.country}.`);
  }
  return undefined;
}

function addRow(products: Map<string, PlannedProduct>, row: InvoiceLine, names: ReadonlyMap<string, string>): void {
  const { sku, amount, quantity, line } = row;
  const product = products.get(sku);
  if (!product) {
    const name = names.get(sku) ?? sku;
    products.set(sku, { sku, productId: productId(sku), name, sales: [{ amount, quantity, lines: [line] }] });
    return;
  }
  const sale = product.sales.find((present) => present.amount === amount);
  if (!sale) {
    product.sales.push({ amount, quantity, lines: [line] });
    return;
  }
  sale.quantity += quantity;
  sale.lines.push(line);
}
