import { expect, it } from 'vitest';
import type { Feed } from '../../../../src/testing/clients/feed.ts';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { ADDRESS } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { type Random, testRandom } from '../../../support/random.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

// Nobody carries orders on, so that only the test changes them.
const database = useDatabase({ per: 'file' });
const app = useApp({ database, fulfils: false });
// One of them runs the read models, the other one is told what changes.
const other = useApp({ database, fulfils: false });
const openers = [useTransports(app), useTransports(other)];

const CUSTOMERS = 4;
const COMMANDS = 120;
const QUERIES = 30;

/** A shop that does what chance wants. */
class Trade {
  readonly customerIds: string[] = [];
  readonly orderIds: string[] = [];
  readonly #random: Random;
  productId = '';
  token = '';

  constructor(random: Random) {
    this.#random = random;
  }

  async open(): Promise<void> {
    const price = { amount: 100, currency: 'GBP' };
    this.productId = await this.#issue('registerProduct', { sku: 'CUP', name: 'Cup', price });
    await this.#issue('receiveStock', { productId: this.productId, quantity: 1_000_000 });
    for (let number = 0; number < CUSTOMERS; number++) {
      this.customerIds.push(
        await this.#issue('registerCustomer', { name: `Customer ${number}`, email: 'a@example.org' }),
      );
    }
    for (let number = 0; number < 2 * CUSTOMERS; number++) await this.#place();
  }

  /** Performs a step. A step that the rules refuse changes nothing. */
  async step(): Promise<void> {
    const random = this.#random;
    const orderId = random.pick(this.orderIds);
    const chances = { place: 3, add: 3, confirm: 2, cancel: 2, rename: 2, price: 1 };
    switch (random.weighted(chances)) {
      case 'place':
        await this.#place();
        break;
      case 'add':
        await this.#issue('addOrderItem', { orderId, productId: this.productId, quantity: random.between(1, 5) });
        break;
      case 'confirm':
        await this.#issue('confirmOrder', { orderId });
        break;
      case 'cancel':
        await this.#issue('cancelOrder', { orderId, reason: 'Changed their mind' });
        break;
      case 'rename':
        await this.#issue('renameCustomer', {
          customerId: random.pick(this.customerIds),
          name: `Name ${random.between(1, 9)}`,
        });
        break;
      case 'price': {
        const price = { amount: random.between(1, 500), currency: 'GBP' };
        await this.#issue('changeProductPrice', { productId: this.productId, price });
      }
    }
  }

  async #place(): Promise<void> {
    const customerId = this.#random.pick(this.customerIds);
    const items = [{ productId: this.productId, quantity: this.#random.between(1, 9) }];
    this.orderIds.push(await this.#issue('placeOrder', { customerId, items, shippingAddress: ADDRESS }));
  }

  async #issue(name: string, input: Readonly<Record<string, unknown>>): Promise<string> {
    const outcome = await app.command(name, input);
    if (outcome.__typename === 'CommandReceipt') this.token = outcome.token;
    return outcome.aggregateId;
  }
}

/** A selection that shows one thing or another of a trade. */
function selectionOf(random: Random, { customerIds, orderIds, productId }: Trade): string {
  const customer = `customerId: "${random.pick(customerIds)}"`;
  const status = `status: [${random.shuffled(['PLACED', 'CONFIRMED', 'CANCELLED']).slice(0, random.between(1, 2))}]`;
  const filter = random.pick(['', customer, status, `${customer} ${status}`, 'search: "name"', 'search: "cup"']);
  const page = `${random.pick(['first', 'last'])}: ${random.between(0, 5)}`;
  const sort = random.pick(['PLACED_AT_DESC', 'PLACED_AT_ASC', 'TOTAL_DESC']);
  const count = random.chance(0.4) ? 'totalCount' : '';
  const line = random.chance(0.5) ? 'customer { name }' : 'total { amount }';
  const list = `orders(${page}, sort: ${sort}, filter: { ${filter} }) {
    ${count} pageInfo { hasNextPage hasPreviousPage } nodes { id status version ${line} }
  }`;
  const order = `order(id: "${random.pick(orderIds)}") { status itemCount customer { name } }`;
  const nested = `customer(id: "${random.pick(customerIds)}") { name orders(first: ${random.between(1, 3)}) { nodes { version } } }`;
  const product = `product(id: "${productId}") { price { amount } }`;
  const statistics = 'orderStatistics(currency: "GBP") { status count revenue { amount } }';
  return random.shuffled([list, list, order, nested, product, statistics]).slice(0, random.between(1, 2)).join(' ');
}

interface Watched {
  readonly selection: string;
  readonly feed: Feed<{ live: unknown }>;
}

it('shows in its last message, after any changes, what the query answers, and never goes back', async () => {
  const random = testRandom();
  const trade = new Trade(random);
  await trade.open();
  const watched: Watched[] = [];
  const watch = () => {
    const selection = selectionOf(random, trade);
    const way = random.pick(['WebSocket', 'SSE by POST'] as const);
    const everyMs = random.pick([50, 100, 300]);
    const after = random.chance(0.5) ? `, after: "${trade.token}"` : '';
    const text = `subscription { live(everyMs: ${everyMs}${after}) { ${selection} } }`;
    watched.push({ selection, feed: random.pick(openers)(way).subscribe<{ live: unknown }>(text) });
  };
  for (let step = 0; step < COMMANDS; step++) {
    if (step % Math.floor(COMMANDS / QUERIES) === 0) watch();
    await Promise.all(Array.from({ length: random.between(1, 4) }, () => trade.step()));
  }
  for (const server of [app, other]) await caughtUp(server, trade.token);
  for (const { selection, feed } of watched) {
    const { data } = await app.query(`{ ${selection} }`);
    const hasIt = () => JSON.stringify(feed.messages.at(-1)?.data?.live) === JSON.stringify(data);
    await until(hasIt).catch(() => expect(feed.messages.at(-1)?.data?.live, selection).toEqual(data));
    const positions = feed.messages.map(({ extensions }) =>
      app.engine.tokens.decode(extensions?.consistency?.token ?? ''),
    );
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const answers = feed.messages.map((message) => JSON.stringify(message.data));
    expect(answers.filter((answer, index) => answer === answers[index - 1])).toEqual([]);
  }
});
