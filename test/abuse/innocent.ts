import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpClient } from '../support/client/http-client.ts';
import { ADDRESS, accepted } from '../support/client/shop.ts';
import { customerToken } from '../support/client/tokens.ts';

/** The actions of an innocent client. Each is measured separately. */
export type Deed = 'write' | 'read' | 'page' | 'order';

/** How long something took, in ms from when it was due, and whether it worked. */
export interface Sample {
  readonly deed: Deed;
  readonly ms: number;
}

/** Time between two turns of one client, in ms. Turns begin when they are due, however long the last one takes. */
const TURN_MS = 80;
/** Every so many turns a client orders something. */
const ORDER_EVERY = 12;
/** Time after which a request without an answer counts as failed, in ms. */
const PATIENCE_MS = 30_000;
/** Time between two polls of an order, in ms. */
const POLL_MS = 10;

/** A customer of the shop that does what customers do, at a steady pace, and notes how long it takes. */
export class Innocent {
  readonly #client: HttpClient;
  readonly #productId: string;
  readonly #id = randomUUID();
  #token = '';
  /** The newest write that was acknowledged. */
  #acknowledged = { name: 'Ada', version: 0, token: '' };
  readonly #orders = new Set<string>();
  #samples: Sample[] = [];
  readonly failures: string[] = [];

  constructor(url: string, productId: string) {
    this.#client = new HttpClient(() => url);
    this.#productId = productId;
  }

  async register(): Promise<void> {
    this.#token = await customerToken(this.#id);
    const input = { id: this.#id, name: 'Ada', email: 'ada@example.org' };
    const receipt = await accepted(this.#client, 'registerCustomer', input, { token: this.#token });
    this.#acknowledged = { name: 'Ada', version: receipt.version, token: receipt.token };
  }

  /** Lives until `signal` is aborted, and resolves when everything that was begun has ended. */
  async live(signal: AbortSignal): Promise<readonly Sample[]> {
    this.#samples = [];
    const turns: Promise<void>[] = [];
    const began = performance.now();
    for (let nth = 0; !signal.aborted; nth++) {
      const due = began + nth * TURN_MS;
      await delay(Math.max(0, due - performance.now()));
      const turn =
        nth % ORDER_EVERY === 5 ? this.#order(due) : nth % 3 === 2 ? this.#page(due) : this.#rename(due, nth);
      turns.push(turn.catch((error: Error) => void this.failures.push(error.message)));
    }
    await Promise.all(turns);
    return this.#samples;
  }

  /** Looks whether everything that it was told is there. */
  async verify(): Promise<void> {
    const { name, version, token } = this.#acknowledged;
    const { data, text } = await this.#client.query<{ customer: { name: string; version: number } | null }>(
      'query ($id: ID!) { customer(id: $id) { name version } }',
      { id: this.#id },
      this.#options(token),
    );
    if (data?.customer?.name !== name || data.customer.version !== version) {
      this.failures.push(`An acknowledged write is lost: ${text} instead of version ${version}, ${name}`);
    }
  }

  /** Writes, and reads what it wrote. */
  async #rename(due: number, nth: number): Promise<void> {
    const name = `Ada ${nth}`;
    const { token, version } = await accepted(
      this.#client,
      'renameCustomer',
      { customerId: this.#id, name },
      this.#options(),
    );
    this.#note('write', due);
    if (version > this.#acknowledged.version) this.#acknowledged = { name, version, token };
    const from = performance.now();
    const { data, text } = await this.#client.query<{ customer: { name: string; version: number } | null }>(
      'query ($id: ID!) { customer(id: $id) { name version } }',
      { id: this.#id },
      this.#options(token),
    );
    this.#note('read', from);
    if (!data?.customer || data.customer.version < version) throw new Error(`A read did not see its write: ${text}`);
    if (data.customer.version === version && data.customer.name !== name) throw new Error(`A write was lost: ${text}`);
  }

  async #page(due: number): Promise<void> {
    const { errors, text } = await this.#client.query(
      '{ orders(first: 20) { edges { node { id status total { amount currency } items { quantity } } } } }',
      {},
      this.#options(),
    );
    if (errors) throw new Error(`A page was refused: ${text.slice(0, 300)}`);
    this.#note('page', due);
  }

  /** Orders one thing, and waits until the order is confirmed. */
  async #order(due: number): Promise<void> {
    const items = [{ productId: this.#productId, quantity: 1 }];
    const input = { customerId: this.#id, items, shippingAddress: ADDRESS };
    const { aggregateId: id, token } = await accepted(this.#client, 'placeOrder', input, this.#options());
    this.#orders.add(id);
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await delay(POLL_MS)) {
      const { data } = await this.#client.query<{ order: { status: string } | null }>(
        'query ($id: ID!) { order(id: $id) { status } }',
        { id },
        this.#options(token),
      );
      if (data?.order?.status === 'CONFIRMED') {
        this.#note('order', due);
        this.#orders.delete(id);
        return;
      }
      if (data?.order?.status === 'CANCELLED') throw new Error(`Order ${id} was cancelled.`);
    }
    throw new Error(`Order ${id} was not confirmed within ${PATIENCE_MS} ms.`);
  }

  #note(deed: Deed, since: number): void {
    this.#samples.push({ deed, ms: performance.now() - since });
  }

  #options(after?: string) {
    return {
      token: this.#token,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(after ? { headers: { 'read-after': after } } : {}),
    };
  }
}
