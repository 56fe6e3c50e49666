import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'graphql-ws';
import { type BenchApi, commandDocument, type Receipt } from '../running/api.ts';

const CUSTOMERS = 20;
/** Orders that are watched while they change. */
const WATCHED = 200;
const POLL_MS = 100;

const PLACE_AND_READ = `mutation ($input: PlaceOrderInput!, $id: ID!) {
  placeOrder(input: $input) {
    ... on CommandReceipt { aggregateId version token query { order(id: $id) { id status } } }
    ... on Error { code message }
  }
}`;
const CAUGHT_UP = 'subscription ($token: ConsistencyToken!) { caughtUp(token: $token) { projection } }';
const ORDER_UPDATED =
  'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { id version } }';
const ORDER = 'query ($id: ID!) { order(id: $id) { id status } }';

/** A client that places orders and sees them; every function resolves to how long something took, in ms. */
export interface OrderDesk {
  /** From the receipt of an order to the message that every read model has it. */
  caughtUp(): Promise<number>;
  /** From the receipt of a change to the message with it, of a subscription that was there before. */
  orderUpdated(): Promise<number>;
  /** From sending an order to the answer that holds its receipt and the order as it is read. */
  writeAndRead(): Promise<number>;
  /** From sending an order to its receipt. */
  write(): Promise<number>;
  /** From the receipt of an order to a read that has it, one at once and then one every 100 ms. */
  polled(): Promise<number>;
}

/** Registers what orders need and opens the subscriptions. */
export async function openOrderDesk(api: BenchApi, projections: number): Promise<OrderDesk> {
  const place = commandDocument('placeOrder', 'PlaceOrderInput');
  const [customers, products] = await stock(api);
  const socket = api.socket();
  let next = 0;
  const order = () => {
    const n = next++;
    const items = [0, 1, 2].map((nth) => ({ productId: products[(n + nth) % CUSTOMERS], quantity: nth + 1 }));
    const shippingAddress = { line1: '1 High Street', city: 'London', postalCode: 'N1 1AA', country: 'GB' };
    return { id: randomUUID(), customerId: customers[n % CUSTOMERS], items, shippingAddress };
  };
  const placed = await Promise.all(Array.from({ length: WATCHED }, () => api.command(place, order())));
  const watched = await watchOrders(socket, placed);
  let changes = 0;
  return {
    caughtUp: async () => {
      const { token } = await api.command(place, order());
      return timed(() => reached(socket, token, projections));
    },
    orderUpdated: async () => {
      const nth = changes++;
      const orderId = placed[nth % WATCHED]?.aggregateId ?? '';
      const productId = products[CUSTOMERS - 1];
      // There and back, so that orders stay as long as they are.
      const receipt = await (Math.floor(nth / WATCHED) % 2 === 0
        ? api.command(ADD_ITEM, { orderId, productId, quantity: 1 })
        : api.command(REMOVE_ITEM, { orderId, productId }));
      return timed(() => watched(receipt));
    },
    writeAndRead: () => {
      const input = order();
      return timed(async () => {
        const { placeOrder } = await api.request<{ placeOrder: { query?: { order: { id: string } | null } } }>(
          PLACE_AND_READ,
          { input, id: input.id },
        );
        if (placeOrder.query?.order?.id !== input.id) throw new Error(`Not read: ${JSON.stringify(placeOrder)}`);
      });
    },
    write: () => timed(() => api.command(place, order())),
    polled: async () => {
      const { aggregateId: id } = await api.command(place, order());
      return timed(async () => {
        while (!(await api.request<{ order: unknown }>(ORDER, { id })).order) await delay(POLL_MS);
      });
    },
  };
}

const ADD_ITEM = commandDocument('addOrderItem', 'AddOrderItemInput');
const REMOVE_ITEM = commandDocument('removeOrderItem', 'RemoveOrderItemInput');

/** Watches orders; the function that it returns resolves when a change of one has been seen. */
async function watchOrders(socket: Client, placed: readonly Receipt[]): Promise<(change: Receipt) => Promise<void>> {
  interface Watch {
    seen: number;
    readonly waiting: { readonly version: number; readonly resolve: () => void }[];
  }
  const watches = new Map<string, Watch>();
  await Promise.all(
    placed.map(
      ({ aggregateId: id, token: after }) =>
        new Promise<void>((ready, reject) => {
          const watch: Watch = { seen: 0, waiting: [] };
          watches.set(id, watch);
          socket.subscribe<{ orderUpdated: { version: number } }>(
            { query: ORDER_UPDATED, variables: { id, after } },
            {
              next: ({ data, errors }) => {
                if (!data) return reject(new Error(JSON.stringify(errors)));
                watch.seen = data.orderUpdated.version;
                while (watch.waiting[0] && watch.waiting[0].version <= watch.seen) watch.waiting.shift()?.resolve();
                ready();
              },
              error: reject,
              complete: () => {},
            },
          );
        }),
    ),
  );
  return ({ aggregateId, version }) => {
    const watch = watches.get(aggregateId);
    if (!watch || watch.seen >= version) return Promise.resolve();
    return new Promise((resolve) => {
      watch.waiting.push({ version, resolve });
      watch.waiting.sort((a, b) => a.version - b.version);
    });
  };
}

/** Resolves with the last message, not with the end of the subscription that follows it. */
function reached(socket: Client, token: string, projections: number): Promise<void> {
  let left = projections;
  return new Promise((resolve, reject) => {
    socket.subscribe<{ caughtUp: { projection: string } }>(
      { query: CAUGHT_UP, variables: { token } },
      {
        next: ({ data, errors }) => {
          if (!data) return reject(new Error(JSON.stringify(errors)));
          if (--left === 0) resolve();
        },
        error: reject,
        complete: () => (left > 0 ? reject(new Error(`${left} read models were not reached.`)) : undefined),
      },
    );
  });
}

async function stock(api: BenchApi): Promise<[string[], string[]]> {
  const register = async (document: string, input: (n: number) => Record<string, unknown>) =>
    Promise.all(Array.from({ length: CUSTOMERS }, async (_, n) => (await api.command(document, input(n))).aggregateId));
  const price = { amount: 1999, currency: 'GBP' };
  return [
    await register(commandDocument('registerCustomer', 'RegisterCustomerInput'), (n) => ({
      name: `Customer ${n}`,
      email: `c${n}@example.com`,
    })),
    await register(commandDocument('registerProduct', 'RegisterProductInput'), (n) => ({
      sku: `SKU-${n}`,
      name: `Product ${n}`,
      price,
    })),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
