import { z } from 'zod';
import { type Load, nonPersonal, type Rejection, reject } from '../../index.ts';
import { Product } from '../products/index.ts';
import { Id, MAX_QUANTITY } from '../shared/fields.ts';
import { Money } from '../shared/money.ts';

/** A line: the product as the customer saw it when it was added, and the quantity. */
export const OrderItem = z.object({
  productId: Id,
  sku: nonPersonal(z.string()),
  name: nonPersonal(z.string()),
  quantity: z.int(),
  unitPrice: Money,
});
export type OrderItem = z.output<typeof OrderItem>;

/** Adds a line: merged with the line of the same product at the same price, otherwise as a new line. */
export function withItem(items: readonly OrderItem[], item: OrderItem): OrderItem[] {
  return withItems(items, [item]);
}

/** Adds several lines, each like {@link withItem}. */
export function withItems(items: readonly OrderItem[], more: readonly OrderItem[]): OrderItem[] {
  const joined = new Map<string, OrderItem>();
  for (const item of [...items, ...more]) {
    const { productId, unitPrice, quantity } = item;
    const key = `${productId} ${unitPrice.amount} ${unitPrice.currency}`;
    const line = joined.get(key);
    joined.set(key, line ? { ...line, quantity: line.quantity + quantity } : item);
  }
  return [...joined.values()];
}

/** Removes the lines of a product, whatever their prices. */
export function withoutItem(items: readonly OrderItem[], productId: string): OrderItem[] {
  return items.filter((item) => item.productId !== productId);
}

/** Total of the lines, in minor units; exact up to 2^53 - 1, and never less than that if it is more. */
export function totalOf(items: readonly OrderItem[]): number {
  return items.reduce((total, { quantity, unitPrice }) => total + quantity * unitPrice.amount, 0);
}

/** Most lines of an order. */
export const MAX_LINES = 1_000;

/** Refuses lines that no order may have. */
export function refuseItems(items: readonly OrderItem[]): Rejection | undefined {
  if (items.length > MAX_LINES) {
    return reject('TOO_MANY_ORDER_LINES', 'An order has at most 1,000 lines; place a second order for the rest.');
  }
  const tooMany = items.find((item) => item.quantity > MAX_QUANTITY);
  if (tooMany) {
    return reject('QUANTITY_TOO_LARGE', `${tooMany.quantity} of ${tooMany.sku} is too many; 1,000,000 is the most.`);
  }
  const currencies = new Set(items.map((item) => item.unitPrice.currency));
  if (currencies.size > 1) {
    return reject('MIXED_CURRENCIES', `An order has one currency, not both ${[...currencies].join(' and ')}.`);
  }
  if (totalOf(items) > Number.MAX_SAFE_INTEGER) {
    return reject('ORDER_TOTAL_TOO_LARGE', `The total would be more than ${Number.MAX_SAFE_INTEGER} minor units.`);
  }
  return undefined;
}

/** The lines as they would be added to an order now: with each product's current name and price. */
export async function offer(
  wanted: readonly { readonly productId: string; readonly quantity: number }[],
  load: Load,
): Promise<OrderItem[] | Rejection> {
  // Load each product once: if it were loaded for each of its lines, its price could change in between.
  const ids = [...new Set(wanted.map((item) => item.productId))];
  const products = new Map(await Promise.all(ids.map(async (id) => [id, await load(Product, id)] as const)));
  const items: OrderItem[] = [];
  for (const { productId, quantity } of wanted) {
    const product = products.get(productId);
    if (!product) return reject('PRODUCT_NOT_FOUND', `There is no product ${productId}.`);
    items.push({ productId, sku: product.sku, name: product.name, quantity, unitPrice: product.price });
  }
  return items;
}
