import { randomUUID } from 'node:crypto';
import { customersDomain, registerCustomer } from '../../../src/domains/customers/index.ts';
import { confirmOrder, ordersDomain, placeOrder, shipOrder } from '../../../src/domains/orders/index.ts';
import { productsDomain, registerProduct } from '../../../src/domains/products/index.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { CommandOutcome } from '../../../src/kernel/define/command-outcome.ts';
import { openEngine } from '../running/engine.ts';

/** The domains of a shop that only takes orders; a server that mounts them projects them. */
export const SHOP = ['customers', 'products', 'orders'] as const;

export interface Shop {
  readonly customerId: string;
  readonly productId: string;
  readonly orderIds: readonly string[];
}

const COMMANDS_AT_ONCE = 500;
const MINUTE_MS = 60_000;

/** Places so many orders by commands, a minute apart, and ships every third unless told. Nothing is projected yet. */
export async function fillShop(url: string, count: number, { shipping = true } = {}): Promise<Shop> {
  const engine = await openEngine(url, [customersDomain, productsDomain, ordersDomain]);
  const system = { actor: SYSTEM };
  const { bus } = engine;
  try {
    const customerId = idOf(await bus.execute(registerCustomer, { name: 'Ada', email: 'ada@example.com' }, system));
    const price = { amount: 1999, currency: 'GBP' };
    const productId = idOf(await bus.execute(registerProduct, { sku: 'LAMP-1', name: 'Desk Lamp', price }, system));
    const shippingAddress = { line1: '12 Market Street', city: 'Bath', postalCode: 'BA1 1AA', country: 'GB' };
    const began = Date.now() - count * MINUTE_MS;
    const place = async (nth: number) => {
      const items = [{ productId, quantity: 1 + (nth % 9) }];
      const occurredAt = new Date(began + nth * MINUTE_MS);
      const input = { id: randomUUID(), customerId, items, shippingAddress };
      const orderId = idOf(await bus.execute(placeOrder, input, { ...system, occurredAt }));
      if (!shipping || nth % 3 > 0) return orderId;
      idOf(await bus.execute(confirmOrder, { orderId }, system));
      idOf(await bus.execute(shipOrder, { orderId, carrier: 'Royal Mail', trackingNumber: `RM-${nth}` }, system));
      return orderId;
    };
    const orderIds: string[] = [];
    for (let first = 0; first < count; first += COMMANDS_AT_ONCE) {
      const length = Math.min(COMMANDS_AT_ONCE, count - first);
      orderIds.push(...(await Promise.all(Array.from({ length }, (_, index) => place(first + index)))));
    }
    return { customerId, productId, orderIds };
  } finally {
    await engine.close();
  }
}

function idOf(outcome: CommandOutcome): string {
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt.aggregateId;
}
