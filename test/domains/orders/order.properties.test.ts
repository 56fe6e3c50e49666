import { describe, expect, it } from 'vitest';
import { Customer, CustomerRegistered } from '../../../src/domains/customers/customer.ts';
import * as order from '../../../src/domains/orders/order.ts';
import { totalOf } from '../../../src/domains/orders/order-items.ts';
import { orders } from '../../../src/domains/orders/read-models.ts';
import { Product, ProductPriceChanged, ProductRegistered } from '../../../src/domains/products/product.ts';
import type { Command } from '../../../src/kernel/define/command.ts';
import type { NewEventOf } from '../../../src/kernel/define/event.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { fc } from '../../support/properties.ts';
import { ADA, HOME, ORDER, uuid } from '../fixtures.ts';

const { Order } = order;
type OrderEvent = NewEventOf<typeof Order.events>;

/** Few products, so that the same ones meet; one is sold in another currency, one is unknown, one nearly priceless. */
const PRODUCTS = [
  { id: uuid(31), price: { amount: 0, currency: 'GBP' } },
  { id: uuid(32), price: { amount: 333, currency: 'GBP' } },
  { id: uuid(33), price: { amount: 2 ** 52, currency: 'GBP' } },
  { id: uuid(34), price: { amount: 100, currency: 'EUR' } },
];
const productId = fc.constantFrom(...PRODUCTS.map(({ id }) => id), uuid(35));
const quantity = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }) }, fc.constant(1_000_000));
const item = fc.record({ productId, quantity });

type Step = { readonly command: Command; readonly input: object } | { readonly repriced: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .array(item, { minLength: 1, maxLength: 4 })
    .map((items) => ({ command: order.placeOrder, input: { customerId: ADA, items, shippingAddress: HOME } })),
  { weight: 4, arbitrary: item.map((input) => ({ command: order.addOrderItem, input })) },
  { weight: 3, arbitrary: productId.map((id) => ({ command: order.removeOrderItem, input: { productId: id } })) },
  // Cancelling is rare and shipping frequent, so that many orders come to their good end.
  {
    weight: 4,
    arbitrary: fc.constantFrom<Step>(
      { command: order.confirmOrder, input: {} },
      { command: order.shipOrder, input: { carrier: 'DHL', trackingNumber: 'D-1' } },
      { command: order.confirmDelivery, input: {} },
    ),
  },
  fc.constant<Step>({ command: order.cancelOrder, input: { reason: 'No.' } }),
  fc.integer({ min: 1, max: 500 }).map((repriced) => ({ repriced })),
);

/** Issues the steps one after another to one order, in a shop whose second product is repriced now and then. */
async function live(steps: readonly Step[]): Promise<OrderEvent[]> {
  const first = { customerId: ADA, items: [{ productId: uuid(32), quantity: 1 }], shippingAddress: HOME };
  let repriced: ReturnType<typeof ProductPriceChanged>[] = [];
  const history: OrderEvent[] = [];
  for (const next of [{ command: order.placeOrder, input: first }, ...steps]) {
    if ('repriced' in next) {
      repriced = [ProductPriceChanged({ price: { amount: next.repriced, currency: 'GBP' } })];
      continue;
    }
    let shop = given(Order, history).and(Customer, ADA, [
      CustomerRegistered({ name: 'Ada', email: 'ada@example.com' }),
    ]);
    for (const { id, price } of PRODUCTS) {
      const registered = ProductRegistered({ sku: id.slice(-2), name: `Product ${id.slice(-2)}`, price });
      shop = shop.and(Product, id, id === uuid(32) ? [registered, ...repriced] : [registered]);
    }
    const outcome = await shop.when(next.command, { id: ORDER, orderId: ORDER, ...next.input }).outcome();
    expect(['events', 'rejected']).toContain(outcome.kind);
    if (outcome.kind === 'events') history.push(...(outcome.events as OrderEvent[]));
  }
  return history;
}

const stateAfter = (history: readonly OrderEvent[]) =>
  history.reduce((state, event) => Order.evolve(state, event), Order.initialState());

/** Holds of every prefix of every history that commands can make. */
async function always(holds: (history: readonly OrderEvent[]) => void): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const history = await live(steps);
      for (let length = 1; length <= history.length; length++) holds(history.slice(0, length));
    }),
    { numRuns: 80 },
  );
}

describe('whatever is done to an order', () => {
  it('has lines, each of at least one and at most a million', () =>
    always((history) => {
      const { items } = stateAfter(history);
      expect(items.length).toBeGreaterThan(0);
      for (const line of items) {
        expect(line.quantity).toBeGreaterThanOrEqual(1);
        expect(line.quantity).toBeLessThanOrEqual(1_000_000);
      }
    }));

  it('has one line for each product and price', () =>
    always((history) => {
      const lines = stateAfter(history).items.map((line) => `${line.productId} ${line.unitPrice.amount}`);
      expect(new Set(lines).size).toBe(lines.length);
    }));

  it('has one currency, and an exact total', () =>
    always((history) => {
      const { items } = stateAfter(history);
      expect(new Set(items.map((line) => line.unitPrice.currency)).size).toBe(1);
      const exact = items.reduce((sum, line) => sum + BigInt(line.quantity) * BigInt(line.unitPrice.amount), 0n);
      expect(BigInt(totalOf(items))).toBe(exact);
      expect(Number.isSafeInteger(totalOf(items))).toBe(true);
    }));

  it('is placed once and first, changes only until it is confirmed, and goes one way', () =>
    always((history) => {
      const kinds: Record<string, string> = {
        OrderPlaced: 'p',
        OrderItemAdded: 'i',
        OrderItemRemoved: 'i',
        OrderConfirmed: 'c',
        OrderShipped: 's',
        OrderDelivered: 'd',
        OrderCancelled: 'x',
      };
      expect(history.map(({ type }) => kinds[type]).join('')).toMatch(/^pi*(x|cx|c|cs|csd)?$/);
    }));

  it('is the same in its read model', () =>
    always((history) => {
      const log = recorded(Order, ORDER, history);
      const { status, customerId, items } = stateAfter(history);
      const [row, ...others] = givenEvents(log).project(orders);
      expect(others).toEqual([]);
      expect(row).toMatchObject({ id: ORDER, status, customerId, items, version: history.length });
      expect(row?.total).toBe(totalOf(items));
      expect(row?.currency).toBe(items[0]?.unitPrice.currency);
      expect(row?.itemCount).toBe(items.reduce((count, line) => count + line.quantity, 0));
      expect(row?.updatedAt).toEqual(log.at(-1)?.occurredAt);
      expect(row?.trackingNumber !== null).toBe(status === 'SHIPPED' || status === 'DELIVERED');
      expect(row?.cancellationReason !== null).toBe(status === 'CANCELLED');
      for (const line of items) expect(row?.searchText.split('\n')).toContain(line.sku);
    }));
});
