import type { Columns, Evidence } from './evidence.ts';
import type { Violation } from './violation.ts';

/**
 * When all is quiet no order waits: it is confirmed (or further) or cancelled, and of each product exactly what confirmed
 * orders hold is set aside, never more than is there.
 */
export function* checkStock({ tables }: Evidence): Generator<Violation> {
  const rowsOf = (projection: string) => tables.find((table) => table.projection === projection)?.live;
  const products = rowsOf('products');
  if (!products) return;
  const held = new Map<string, number>();
  for (const [orderId, { status, items }] of rowsOf('orders') ?? new Map<string, Columns>()) {
    if (status === 'PLACED') yield { kind: 'order left alone', facts: { orderId } };
    if (status !== 'CONFIRMED') continue;
    for (const { productId, quantity } of items as readonly { productId: string; quantity: number }[])
      held.set(productId, (held.get(productId) ?? 0) + quantity);
  }
  for (const [productId, { stock, reserved }] of products) {
    const shouldBe = held.get(productId) ?? 0;
    if (reserved !== shouldBe || Number(stock) < shouldBe)
      yield { kind: 'stock is not held', facts: { productId, stock, reserved, shouldBe } };
  }
}
