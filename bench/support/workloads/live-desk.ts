import type { BenchApi } from '../running/api.ts';
import { commandDocument } from '../running/api.ts';

/** A customer whose orders are shown as one live list. */
export interface LiveList {
  readonly customerId: string;
  readonly orderIds: readonly string[];
}

const REGISTER_CUSTOMER = commandDocument('registerCustomer', 'RegisterCustomerInput');
const REGISTER_PRODUCT = commandDocument('registerProduct', 'RegisterProductInput');
const PLACE_ORDER = commandDocument('placeOrder', 'PlaceOrderInput');
const ADD_ITEM = commandDocument('addOrderItem', 'AddOrderItemInput');
const ADDRESS = { line1: '12 Market Street', city: 'Bath', postalCode: 'BA1 1AA', country: 'GB' };
/** Time between two volleys of commands, in ms. */
const VOLLEY_MS = 20;
const COMMANDS_AT_ONCE = 64;

/** Customers with orders, over the API, and changes of these at a rate. */
export class LiveDesk {
  readonly #api: BenchApi;
  readonly #productId: string;
  /** The version of each order, as the receipts say. */
  readonly #versions = new Map<string, number>();

  private constructor(api: BenchApi, productId: string) {
    this.#api = api;
    this.#productId = productId;
  }

  static async open(api: BenchApi): Promise<LiveDesk> {
    const price = { amount: 1999, currency: 'GBP' };
    const { aggregateId } = await api.command(REGISTER_PRODUCT, { sku: 'LAMP-1', name: 'Desk Lamp', price });
    return new LiveDesk(api, aggregateId);
  }

  /** Registers customers, and places so many orders for each. */
  async lists(count: number, orders: number): Promise<LiveList[]> {
    return inTurn(Array.from({ length: count }), async () => {
      const customer = { name: 'Ada', email: 'ada@example.com' };
      const { aggregateId: customerId } = await this.#api.command(REGISTER_CUSTOMER, customer);
      const orderIds: string[] = [];
      for (let nth = 0; nth < orders; nth++) {
        const items = [{ productId: this.#productId, quantity: 1 }];
        const input = { customerId, items, shippingAddress: ADDRESS };
        const { aggregateId, version } = await this.#api.command(PLACE_ORDER, input);
        this.#versions.set(aggregateId, version);
        orderIds.push(aggregateId);
      }
      return { customerId, orderIds };
    });
  }

  /** Changes one order. */
  async change(orderId: string): Promise<void> {
    const { version } = await this.#api.command(ADD_ITEM, { orderId, productId: this.#productId, quantity: 1 });
    this.#versions.set(orderId, Math.max(version, this.#versions.get(orderId) ?? 0));
  }

  /**
   * Changes the orders of these lists in turn, at this rate.
   * @returns the rate that was reached, in changes per second.
   */
  async changeAll(lists: readonly LiveList[], rate: number, seconds: number): Promise<number> {
    const orderIds = lists.flatMap((list) => list.orderIds);
    const began = performance.now();
    const running = new Set<Promise<void>>();
    const total = Math.round(rate * seconds);
    let sent = 0;
    while (sent < total) {
      const due = Math.min(total, ((performance.now() - began) / 1000) * rate);
      while (sent < due && running.size < COMMANDS_AT_ONCE) {
        const change = this.change(orderIds[sent++ % orderIds.length] as string);
        running.add(change);
        void change.finally(() => running.delete(change));
      }
      if (running.size >= COMMANDS_AT_ONCE) await Promise.race(running);
      else await new Promise((resolve) => setTimeout(resolve, VOLLEY_MS));
    }
    await Promise.all(running);
    return total / ((performance.now() - began) / 1000);
  }

  /** The sum of the versions that each list shows once it is up to date. */
  sums(lists: readonly LiveList[]): number[] {
    return lists.map(({ orderIds }) => orderIds.reduce((sum, id) => sum + (this.#versions.get(id) ?? 0), 0));
  }
}

/** Does something with each element, a few at a time. */
async function inTurn<T, R>(elements: readonly T[], work: (element: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < elements.length; first += COMMANDS_AT_ONCE) {
    results.push(...(await Promise.all(elements.slice(first, first + COMMANDS_AT_ONCE).map(work))));
  }
  return results;
}
