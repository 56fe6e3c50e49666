import { randomUUID } from 'node:crypto';
import { auditDomain } from '../../../src/domains/audit/index.ts';
import { customersDomain, registerCustomer } from '../../../src/domains/customers/index.ts';
import {
  confirmDelivery,
  confirmOrder,
  ordersDomain,
  placeOrder,
  shipOrder,
} from '../../../src/domains/orders/index.ts';
import { productsDomain, registerProduct } from '../../../src/domains/products/index.ts';
import type { Actor } from '../../../src/kernel/define/access/actor.ts';
import type { Command, InputOf } from '../../../src/kernel/define/command.ts';
import { type BenchEngine, openEngine } from '../running/engine.ts';

/** Events of an order's life: it is placed, confirmed, shipped and delivered. */
export const EVENTS_PER_ORDER = 4;
export const ITEMS_PER_ORDER = 3;
/** Orders whose lives are under way at a time. */
const AT_ONCE = 100;
const CUSTOMERS = 200;
const PRODUCTS = 100;

const staff: Actor = { id: randomUUID(), roles: ['staff'], claims: {} };

/** A shop that takes orders through its commands and keeps its read models. */
export interface OrderLives {
  /** Takes so many orders from placing to delivery, and waits for the read models. */
  live(orders: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a shop with customers and products, but without fulfilment: a shop of plain tables has none either. */
export async function openOrderLives(url: string): Promise<OrderLives> {
  const engine = await openEngine(url, [customersDomain, productsDomain, ordersDomain, auditDomain]);
  await engine.start();
  const customers = await inParallel(CUSTOMERS, (nth) =>
    accepted(engine, staff, registerCustomer, {
      name: `Elizabeth Bennet ${nth}`,
      email: `elizabeth${nth}@example.org`,
    }),
  );
  const products = await inParallel(PRODUCTS, (nth) =>
    accepted(engine, staff, registerProduct, {
      sku: `KTL-${10_000 + nth}`,
      name: `Enamel kettle, ${nth} litres, red`,
      price: { amount: 1999 + nth, currency: 'GBP' },
    }),
  );
  let placed = 0;
  const liveOnce = async () => {
    const n = placed++;
    const customerId = customers[n % CUSTOMERS]?.id ?? '';
    const items = Array.from({ length: ITEMS_PER_ORDER }, (_, nth) => ({
      productId: products[(n + nth) % PRODUCTS]?.id ?? '',
      quantity: nth + 1,
    }));
    const line1 = `${n % 300} High Street`;
    const shippingAddress = { line1, city: 'London', postalCode: 'N1 1AA', country: 'United Kingdom' };
    const customer: Actor = { id: customerId, roles: ['customer'], claims: {} };
    const { id: orderId } = await accepted(engine, customer, placeOrder, { customerId, items, shippingAddress });
    await accepted(engine, staff, confirmOrder, { orderId });
    await accepted(engine, staff, shipOrder, {
      orderId,
      carrier: 'Royal Mail',
      trackingNumber: `AB${10_000_000 + n}GB`,
    });
    return accepted(engine, staff, confirmDelivery, { orderId });
  };
  return {
    live: async (orders) => {
      const last = await inParallel(orders, liveOnce);
      const position = Math.max(...last.map((receipt) => receipt.position));
      const { positions } = engine.projector;
      await Promise.all(positions.names.map((name) => positions.reached(name, position)));
    },
    close: () => engine.close(),
  };
}

async function accepted<C extends Command>(engine: BenchEngine, actor: Actor, command: C, input: InputOf<C>) {
  // As a request over the API has one.
  const outcome = await engine.bus.execute(command, input, { actor, correlationId: randomUUID() });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return { id: outcome.receipt.aggregateId, position: outcome.receipt.position };
}

/** Does something so many times, some of them at a time. */
async function inParallel<T>(count: number, work: (nth: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const nth = next++;
      done[nth] = await work(nth);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_ONCE) }, worker));
  return done;
}
