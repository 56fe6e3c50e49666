import { randomUUID } from 'node:crypto';
import { customersDomain, registerCustomer } from '../../../src/domains/customers/index.ts';
import { fulfilmentDomain } from '../../../src/domains/fulfilment/index.ts';
import { Order, ordersDomain, placeOrder } from '../../../src/domains/orders/index.ts';
import { productsDomain, receiveStock, registerProduct } from '../../../src/domains/products/index.ts';
import type { Command } from '../../../src/kernel/define/command.ts';
import type { CommandOutcome } from '../../../src/kernel/define/command-outcome.ts';
import { system } from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';
import type { TestDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { HOME } from '../fixtures.ts';

type OrderState = ReturnType<typeof Order.initialState>;

export const shopDomains = [customersDomain, productsDomain, ordersDomain, fulfilmentDomain];

/** A shop on engines: its commands, and what the log says of it. */
export class EngineShop {
  readonly customerId = randomUUID();
  readonly #database: TestDatabase;

  constructor(database: TestDatabase) {
    this.#database = database;
  }

  issue({ bus }: Pick<TestEngine, 'bus'>, command: Command, input: object): Promise<CommandOutcome> {
    return bus.executeUnchecked(command, input, { ...system, commandId: randomUUID() });
  }

  async open(engine: TestEngine): Promise<void> {
    await this.issue(engine, registerCustomer, { id: this.customerId, name: 'Ada', email: 'ada@example.org' });
  }

  /** A product of which there are so many. */
  async product(engine: TestEngine, quantity: number): Promise<string> {
    const id = randomUUID();
    await this.issue(engine, registerProduct, {
      id,
      sku: 'LAMP',
      name: 'Lamp',
      price: { amount: 100, currency: 'GBP' },
    });
    if (quantity > 0) await this.issue(engine, receiveStock, { productId: id, quantity });
    return id;
  }

  async place(engine: TestEngine, items: Readonly<Record<string, number>>, paymentMethod = 'tok_ok'): Promise<string> {
    const id = randomUUID();
    const lines = Object.entries(items).map(([productId, quantity]) => ({ productId, quantity }));
    const input = { id, customerId: this.customerId, items: lines, shippingAddress: HOME, paymentMethod };
    await this.issue(engine, placeOrder, input);
    return id;
  }

  /** The events of a stream, by name. */
  async typesOf(streamType: string, id: string): Promise<string[]> {
    const rows = await this.#database.sql`
      select type from es.events where stream_type = ${streamType} and stream_id = ${id} order by version`;
    return rows.map(({ type }) => type);
  }

  /** Everything that has happened is answered, by the fulfilments and by the gateway. */
  settled(deadline = 20_000): Promise<boolean> {
    return until(
      async () => {
        const [row] = await this.#database.sql<{ settled: boolean }[]>`
          select (select count(*) from read.checkpoints where projection in ('process:Fulfilment', 'effect:PaymentCalls')
                    and position = (select max(position) from es.events)) = 2 as settled`;
        return row?.settled ?? false;
      },
      { deadline },
    );
  }

  /** Everything that has happened is answered by this one, by the name of its checkpoint. */
  answered(name: string): Promise<boolean> {
    return until(async () => {
      const [row] = await this.#database.sql<{ answered: boolean }[]>`
        select position = (select max(position) from es.events) as answered from read.checkpoints where projection = ${name}`;
      return row?.answered ?? false;
    });
  }

  /** The orders, as they are by the log. */
  async orders({ log }: Pick<TestEngine, 'log'>): Promise<ReadonlyMap<string, OrderState>> {
    const orders = new Map<string, OrderState>();
    for (let after = 0; ; ) {
      const events = await log.read(after, 1000);
      for (const event of events) {
        if (event.streamType !== 'Order') continue;
        orders.set(event.streamId, Order.evolve(orders.get(event.streamId) ?? Order.initialState(), event));
      }
      const last = events.at(-1);
      if (!last) return orders;
      after = last.position;
    }
  }

  /** The gateway's changes for an order, without those that had no effect. */
  async moneyOf(orderId: string): Promise<{ status: string; amount: number }[]> {
    const rows = await this.#database.sql<{ status: string; amount: number }[]>`
      select status, amount::int as amount from local_gateway.payments
      where reference like ${`${orderId}-%`} and status in ('authorized', 'captured')`;
    return rows.map(({ status, amount }) => ({ status, amount }));
  }

  /** How many fulfilments rest: confirmed, failed or completed. */
  async resting(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#database.sql<{ state: string; count: number }[]>`
      select state, count(*)::int as count from (
        select case when bool_or(type = 'FulfilmentFailed') then 'FAILED'
                    when bool_or(type = 'FulfilmentCompleted') then 'COMPLETED'
                    when bool_or(type = 'CancellationSeen') or bool_or(type = 'FulfilmentFailing') then 'COMPENSATING'
                    when bool_or(type = 'FulfilmentConfirmed') then 'CONFIRMED' else 'RUNNING' end as state
        from es.events where stream_type = 'Fulfilment' group by stream_id) as fulfilment group by state`;
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  /** The stock of a product after each of its events, and what is set aside for each order in the end: by the log alone. */
  async stockOf(productId: string) {
    const rows = await this.#database.sql<{ type: string; quantity: number | null; order: string | null }[]>`
      select type, (data ->> 'quantity')::int as quantity, data ->> 'orderId' as order
      from es.events where stream_type = 'Product' and stream_id = ${productId} order by version`;
    let [stock, reserved] = [0, 0];
    const reservations = new Map<string, number>();
    const lowest = { stock: 0, reserved: 0, available: 0, reservation: 0 };
    for (const { type, quantity, order } of rows) {
      if (type === 'StockReceived') stock += quantity ?? 0;
      const sign = { StockReserved: 1, StockReleased: -1, StockShipped: -1 }[type];
      if (sign === undefined || quantity === null || order === null) continue;
      if (type === 'StockShipped') stock -= quantity;
      reserved += sign * quantity;
      reservations.set(order, (reservations.get(order) ?? 0) + sign * quantity);
      lowest.stock = Math.min(lowest.stock, stock);
      lowest.reserved = Math.min(lowest.reserved, reserved);
      lowest.available = Math.min(lowest.available, stock - reserved);
      lowest.reservation = Math.min(lowest.reservation, reservations.get(order) ?? 0);
    }
    return { stock, reserved, lowest, reservations: new Map([...reservations].filter(([, held]) => held > 0)) };
  }

  /** The gateway's payments: how many are in which state. */
  async payments(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#database.sql<{ status: string; count: number }[]>`
      select status, count(*)::int as count from local_gateway.payments group by status`;
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }
}
