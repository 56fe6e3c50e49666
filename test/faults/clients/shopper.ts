import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from '../../support/client/http-client.ts';
import type { Random } from '../../support/random.ts';
import { Recorder } from '../history.ts';
import { type Command, Commands, type Market } from './commands.ts';
import { orderRow, Reader, receiptQuery, type Wish } from './reader.ts';
import { type Outcome, type Place, Sender } from './sender.ts';

/** Maximum time between two of its actions, in ms. */
const THINK_MS = 100;
/** It reads before it has written more than this: a client that sends the tokens of its writes keeps only a few. */
const MOST_UNREAD = 12;
/** Attempts of a read that is not answered. */
const INSISTS = 5;
/** If a customer has more than a page of orders, the client could not tell whether all were shown. */
const MOST_ORDERS = 60;

export interface ShopperOptions {
  readonly name: string;
  readonly random: Random;
  readonly market: Market;
  readonly places: readonly Place[];
  readonly clock: () => number;
  /** Told of each order that it has placed, with the token of its receipt. */
  readonly onOrder: (orderId: string, token: string) => void;
}

/** A client over HTTP: buys, changes its mind, sends things twice, and looks at what it has done. */
export class Shopper {
  readonly recorder: Recorder;
  readonly sender: Sender;
  readonly commands: Commands;
  readonly #reader: Reader;
  readonly #options: ShopperOptions;
  readonly #orders: string[] = [];
  #customerId = '';

  constructor(options: ShopperOptions) {
    this.#options = options;
    const { name, random, places, market, clock } = options;
    this.recorder = new Recorder(name, clock);
    this.sender = new Sender(this.recorder, random, places);
    this.commands = new Commands(random, market);
    this.#reader = new Reader(this.recorder, random, this.sender);
  }

  /** Lives until `stop`. It then has until `giveUp` to complete what is open. */
  async live(stop: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const { random, market } = this.#options;
    const registered = await this.issue(this.commands.registerCustomer(), giveUp);
    if (registered?.is !== 'acknowledged') return;
    this.#customerId = registered.receipt.aggregateId;
    market.customers.push(this.#customerId);
    while (!stop.aborted) {
      if (this.#reader.freshness.tokens.length > MOST_UNREAD || random.chance(0.4)) await this.#look();
      else await this.#act(giveUp);
      await delay(random.between(0, THINK_MS), undefined, { signal: stop }).catch(() => undefined);
    }
  }

  /** Reads all that is its own on each server; for when no more faults come. */
  async lookAtAll(): Promise<void> {
    const { places } = this.#options;
    for (const place of places) {
      await this.#reader.read({ kind: 'customer', id: this.#customerId }, place);
      await this.#reader.read({ kind: 'ordersOf', id: this.#customerId }, place);
    }
  }

  /** Sends a command until it is settled, now and then to two servers at once, or once more when it has been. */
  async issue(command: Command, giveUp: AbortSignal): Promise<Outcome | undefined> {
    const { random, places } = this.#options;
    const query = command.stream.type === 'Order' && random.chance(0.2) ? receiptQuery(command.stream.id) : undefined;
    const settling = { signal: giveUp, ...(query === undefined ? {} : { query }) };
    const askedAt = this.recorder.now;
    const [outcome] = await Promise.all([
      this.sender.settle(command, settling),
      ...(random.chance(0.15) ? [this.sender.settle(command, settling)] : []),
    ]);
    if (outcome) this.#learn(command, outcome, askedAt, query !== undefined);
    if (outcome?.is === 'acknowledged' && random.chance(0.1)) {
      const again = await this.sender.attempt(command, random.pick(places));
      if (again.is !== 'later') this.#wrote(again.answer);
    }
    return outcome;
  }

  async #act(giveUp: AbortSignal): Promise<void> {
    const { random, market, onOrder } = this.#options;
    const command = this.#decide();
    const outcome = await this.issue(command, giveUp);
    if (outcome?.is === 'acknowledged' && command.name === 'placeOrder') {
      this.#orders.push(command.stream.id);
      market.orders.push(command.stream.id);
      onOrder(command.stream.id, outcome.receipt.token);
    }
    // Everything that one server has accepted, every other must show.
    if (outcome?.is === 'acknowledged' && random.chance(0.5)) {
      await this.#insist(wishFor(command));
    }
  }

  /** Reads again and again, here and there, until there is an answer or it does not want to know any more. */
  async #insist(wish: Wish): Promise<void> {
    const { random, places } = this.#options;
    for (let tries = 0; tries < INSISTS; tries++) {
      if (await this.#reader.read(wish, random.pick(places))) return;
      await delay(random.between(5, 50));
    }
  }

  #decide(): Command {
    const { random, market } = this.#options;
    const orders = random.chance(0.8) ? this.#orders : market.orders;
    const weights = { change: 8, place: 3, rename: 3, price: 1, stock: 1, register: 1 };
    switch (random.weighted(weights)) {
      case 'place':
        if (this.#orders.length < MOST_ORDERS) return this.commands.placeOrder(this.#customerId);
        break;
      case 'rename':
        return this.commands.renameCustomer(this.#customerId);
      case 'price':
        return this.commands.changeProductPrice();
      case 'stock':
        return this.commands.receiveStock();
      case 'register':
        return this.commands.registerCustomer();
      case 'change':
        break;
    }
    // One of the newest: older ones are sold.
    const order = random.pick(orders.slice(-6));
    return order === undefined ? this.commands.placeOrder(this.#customerId) : this.commands.changeOrder(order);
  }

  async #look(): Promise<void> {
    const { random, market } = this.#options;
    const kinds = { order: 4, customer: 2, product: 2, ordersOf: 2 };
    const wish = (): Wish => {
      const kind = random.weighted(kinds);
      if (kind === 'product') return { kind, id: random.pick(market.products) };
      if (kind === 'order' && market.orders.length > 0) {
        return {
          kind,
          id: random.pick(random.chance(0.7) ? [...this.#orders, ...market.orders].slice(0, 40) : market.orders),
        };
      }
      return { kind: kind === 'order' ? 'customer' : kind, id: this.#customerId };
    };
    await this.#insist(wish());
  }

  #wrote({ consistency }: Answer<unknown>): void {
    if (consistency.token) this.#reader.freshness.wrote(consistency);
  }

  /** The observations in an answer to a command: a token and, if it was asked for, the order after the command. */
  #learn(command: Command, outcome: Outcome, askedAt: number, asked: boolean): void {
    if (outcome.is === 'later') return;
    const { answer } = outcome;
    this.#wrote(answer);
    if (outcome.is !== 'acknowledged' || !asked || answer.errors) return;
    const { token, query } = outcome.receipt;
    const { order } = query as { order: Parameters<typeof orderRow>[1] };
    const { stale = false } = answer.consistency;
    this.recorder.add({
      is: 'read',
      by: 'receipt',
      askedAt,
      instance: '',
      after: [token],
      token,
      stale,
      rows: [orderRow(command.stream.id, order)],
    });
  }
}

function wishFor({ stream: { type, id } }: Command): Wish {
  if (type === 'Order') return { kind: 'order', id };
  return { kind: type === 'Customer' ? 'customer' : 'product', id };
}
