import { expect, it } from 'vitest';
import {
  addOrderItem,
  cancelOrder,
  confirmOrder,
  removeOrderItem,
  shipOrder,
  totalOf,
} from '../../../src/domains/orders/index.ts';
import { receiveStock } from '../../../src/domains/products/index.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { fc } from '../../support/properties.ts';
import { type TestGateway, useGateway } from '../../support/server/gateway.ts';
import { EngineShop, shopDomains } from './shop.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, shopDomains);
const openGateway = useGateway(database);

const product = fc.nat({ max: 2 });
const quantity = fc.integer({ min: 1, max: 4 });
const card = fc.constantFrom('tok_ok', 'tok_ok', 'tok_declined', 'tok_lost', 'tok_uncertain', 'tok_capture_declined');
const GOOD_CARDS = ['tok_ok', 'tok_lost', 'tok_uncertain'];
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: fc.constant('add' as const), product, quantity }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('remove' as const), product }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('confirm' as const, 'ship' as const, 'cancel' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('receive' as const), product, quantity }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('replace' as const) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
);
const customer = fc.record({ product, quantity, card, acts: fc.array(act, { maxLength: 8 }) });

/** Ships before anybody can know whether it is there. */
const HASTY = {
  ...{ product: 0, quantity: 1, card: 'tok_ok' as const },
  acts: [{ act: 'confirm' as const }, { act: 'ship' as const }],
};

/** Whoever has the order now: the engine may be replaced in the midst of it. */
async function live(
  world: World,
  shop: EngineShop,
  products: readonly string[],
  { product, quantity, card, acts }: typeof customer extends fc.Arbitrary<infer T> ? T : never,
): Promise<string> {
  const id = (nth: number) => products[nth] as string;
  const orderId = await shop.place(world.engine, { [id(product)]: quantity }, card);
  for (const next of acts) {
    const issue = (...args: [Parameters<EngineShop['issue']>[1], object]) =>
      // One that is shutting down takes nothing more: it is as if nobody had asked.
      shop.issue(world.engine, ...args).catch(() => undefined);
    if (next.act === 'add')
      await issue(addOrderItem, { orderId, productId: id(next.product), quantity: next.quantity });
    if (next.act === 'remove') await issue(removeOrderItem, { orderId, productId: id(next.product) });
    if (next.act === 'confirm') await issue(confirmOrder, { orderId });
    if (next.act === 'ship') await issue(shipOrder, { orderId, carrier: 'Royal Mail', trackingNumber: 'RM1' });
    if (next.act === 'cancel') await issue(cancelOrder, { orderId, reason: 'Changed my mind.' });
    if (next.act === 'receive') await issue(receiveStock, { productId: id(next.product), quantity: next.quantity });
    if (next.act === 'replace') await world.replace();
    if (next.act === 'wait') await new Promise((resolve) => setTimeout(resolve, next.ms));
  }
  return orderId;
}

interface World {
  engine: TestEngine;
  replace(): Promise<void>;
}
async function startWorld({ adapters }: TestGateway): Promise<World> {
  let replacing: Promise<void> = Promise.resolve();
  const world: World = {
    engine: await openEngine({ start: true, adapters }),
    replace: () => {
      replacing = replacing.then(async () => {
        const before = world.engine;
        world.engine = await openEngine({ start: true, adapters });
        await before.close();
      });
      return replacing;
    },
  };
  return world;
}

it('whatever happens in whatever order, stock is never below zero, and in the end exactly what open orders hold and pay', async () => {
  const gateway = await openGateway();
  await fc.assert(
    fc.asyncProperty(
      fc.array(customer, { minLength: 2, maxLength: 8 }),
      fc.array(fc.nat({ max: 8 }), { minLength: 3, maxLength: 3 }),
      async (customers, stocks) => {
        const world = await startWorld(gateway);
        const shop = new EngineShop(database);
        await shop.open(world.engine);
        const products = await Promise.all(stocks.map((count) => shop.product(world.engine, count)));
        const placed = await Promise.all(customers.map((one) => live(world, shop, products, one)));
        await shop.settled();
        const orders = await shop.orders(world.engine);
        const held = new Map(products.map((productId) => [productId, new Map<string, number>()]));
        for (const id of placed) {
          const { status, items } = orders.get(id) as NonNullable<ReturnType<typeof orders.get>>;
          const { card } = customers[placed.indexOf(id)] as (typeof customers)[number];
          const steps = await shop.typesOf('Fulfilment', id);
          if (status === 'CONFIRMED') {
            for (const { productId, quantity } of items) {
              const ofProduct = held.get(productId);
              ofProduct?.set(id, (ofProduct.get(id) ?? 0) + quantity);
            }
          }
          expect(status).not.toBe('PLACED');
          const money = await shop.moneyOf(id);
          const amount = totalOf(items);
          if (status === 'CANCELLED') expect(money).toEqual([]);
          if (status === 'CONFIRMED') expect(money).toEqual([{ status: 'authorized', amount }]);
          if (status === 'SHIPPED' && steps.includes('FulfilmentCompleted'))
            expect(money).toEqual([{ status: 'captured', amount }]);
          // An order can be shipped before its fulfilment knows that stock or money is missing. Then everything that
          // can be paid is paid.
          if (status === 'SHIPPED' && !steps.includes('FulfilmentCompleted')) {
            expect(steps.at(-1)).toBe('FulfilmentFailed');
            const isCharged = money.length > 0 && money.every((one) => one.status === 'captured');
            expect({ card, isCharged }).toEqual({ card, isCharged: GOOD_CARDS.includes(card) });
            if (isCharged) expect(money).toEqual([{ status: 'captured', amount }]);
          }
        }
        for (const productId of products) {
          const { lowest, reserved, reservations } = await shop.stockOf(productId);
          expect(lowest).toEqual({ stock: 0, reserved: 0, available: 0, reservation: 0 });
          expect(reservations).toEqual(held.get(productId));
          expect(reserved).toBe([...reservations.values()].reduce((sum, count) => sum + count, 0));
        }
        const unexpected = world.engine.faults.filter(({ error }) => !isCalledAgain(error));
        expect(unexpected).toEqual([]);
        await world.engine.close();
      },
    ),
    {
      numRuns: 12,
      examples: [
        [
          [HASTY, HASTY, HASTY],
          [1, 0, 0],
        ],
      ],
      interruptAfterTimeLimit: 25_000,
      markInterruptAsFailure: false,
    },
  );
});

const isCalledAgain = (error: unknown) => (error as { readonly code?: string }).code === 'CALL_UNANSWERED';
