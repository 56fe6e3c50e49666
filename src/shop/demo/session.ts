import { randomUUID } from 'node:crypto';
import { CliError } from '../../cli/index.ts';
import type { FulfilmentStep } from '../../domains/fulfilment/read-models.ts';
import type { Money } from '../../domains/shared/money.ts';
import type { DemoClient, TimedAnswer } from './client.ts';
import {
  formatMoney,
  formatProjections,
  formatStatistics,
  formatSteps,
  type ProjectionPosition,
  type Statistics,
} from './format.ts';
import type { Screen } from './screen.ts';

interface Order {
  readonly status: string;
  readonly total: Money;
  readonly version: number;
  readonly carrier?: string | null;
  readonly trackingNumber?: string | null;
}
interface Fulfilment {
  readonly state: string;
  readonly steps: readonly FulfilmentStep[];
  readonly failure: string | null;
}
interface CommandReceipt {
  readonly aggregateId: string;
  readonly version: number;
  readonly token: string;
  readonly replayed?: boolean;
  readonly query?: { readonly order: Order | null };
}
interface CommandRefusal {
  readonly code: string;
  readonly message: string;
  readonly issues?: readonly { readonly path: readonly string[]; readonly message: string }[];
}
type CommandResponse = CommandReceipt | CommandRefusal;

/** The variables for placing an order, as in its example. */
interface OrderVariables {
  readonly [name: string]: unknown;
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
}

/** A customer orders a teapot: every kind of operation once, in the order in which a shop's frontend would use it. */
export async function playSession(client: DemoClient, screen: Screen): Promise<void> {
  const [customerId, productId, orderId] = [randomUUID(), randomUUID(), randomUUID()];

  /** Issues the command of a document, and shows the answer. */
  async function command(
    name: string,
    variables: Readonly<Record<string, unknown>>,
    show = said,
  ): Promise<CommandReceipt> {
    const answer = await client.run<Record<string, CommandResponse>>(name, variables);
    const receipts = Object.values(answer.data).map((outcome) => accepted(name, outcome));
    const last = receipts.at(-1);
    if (!last) throw new CliError('NO_GRAPHQL', `${name} was answered without an outcome.`);
    screen.line('answer', name, show(last), answer.ms);
    return last;
  }

  /** Issues a command that must be refused. */
  async function refused(name: string, variables: Readonly<Record<string, unknown>>): Promise<void> {
    const { data, ms }: TimedAnswer<Record<string, CommandResponse>> = await client.run(name, variables);
    const [outcome] = Object.values(data);
    if (!outcome || !('code' in outcome))
      throw new CliError('DEMO_FAILED', `${name} was accepted, though it must not be.`);
    screen.line('refusal', name, outcome.code, ms);
    const reasons = outcome.issues?.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [outcome.message];
    for (const reason of reasons) screen.note(reason);
  }

  /** Waits until a fulfilment has reached a state, and shows its steps. */
  async function fulfilled({ aggregateId: orderId, token }: CommandReceipt, state: string): Promise<void> {
    const { data, ms } = await client.runUntil<{ fulfilment: Fulfilment | null }>(
      'Fulfilment',
      { orderId, token },
      ({ fulfilment }) => fulfilment?.state === state,
    );
    screen.line('answer', 'Fulfilment', state, ms);
    if (data.fulfilment) screen.note(formatSteps(data.fulfilment.steps));
    if (data.fulfilment?.failure) screen.note(data.fulfilment.failure);
  }

  screen.step('Where do the read models stand?');
  const answer = await client.run<{ projections: readonly ProjectionPosition[] }>('Projections');
  screen.line('answer', 'Projections', formatProjections(answer.data.projections), answer.ms);

  screen.step('Register a customer');
  const customer = client.example<{ name: string }>('RegisterCustomer');
  await command('RegisterCustomer', { ...customer, customerId }, (receipt) => `${customer.name}, ${said(receipt)}`);

  screen.step('Register a product and receive stock of it: two commands in one request');
  const product = client.example<{ name: string; quantity: number }>('StockProduct');
  const stocked = await command(
    'StockProduct',
    { ...product, productId },
    (receipt) => `${product.quantity} × ${product.name}, ${said(receipt)}`,
  );

  screen.step('Be told when every read model has got there');
  const { token } = stocked;
  const catchingUp = client.watch<{ projection: string }>('CaughtUp', { token, projections: null }, ({ projection }) =>
    screen.line('live', 'CaughtUp', projection, screen.elapsedMs),
  );
  await catchingUp.toItsEnd();

  screen.step('Place an order, and read it back in the same request');
  const commandId = randomUUID();
  const example = client.example<OrderVariables>('PlaceOrder');
  const items = example.items.map((item) => ({ ...item, productId }));
  const placing = { ...example, orderId, customerId, items, commandId };
  const placed = await command('PlaceOrder', placing, ({ query }) =>
    query?.order ? shown(query.order) : 'not there yet',
  );

  screen.step('Watch it live, from what was just written on: nothing is missed in between');
  const live = client.watch<Order>('OrderUpdated', { orderId, after: placed.token }, (order) =>
    screen.line('live', 'OrderUpdated', shown(order), screen.elapsedMs),
  );
  await live.until(({ version }) => version >= placed.version);

  screen.step('Read it elsewhere, with the token of the receipt');
  const read = await client.run<{ order: Order | null }>('ReadMyOrder', { orderId, token: placed.token });
  if (!read.data.order) throw new CliError('DEMO_FAILED', 'A read with the token of the order did not find it.');
  screen.line('answer', 'ReadMyOrder', shown(read.data.order), read.ms);

  screen.step('Send the same command once more, as a client does that has lost the answer');
  const again = await command(
    'PlaceOrder',
    placing,
    ({ version, replayed }) => `version ${version}, replayed: ${replayed}`,
  );
  if (!again.replayed) throw new CliError('DEMO_FAILED', 'The command that was sent twice was taken for another one.');
  screen.note('There is one order: a command id is an idempotency key.');

  screen.step('Nobody confirms it: stock is reserved, the payment authorised, and it is CONFIRMED by itself');
  await live.until(({ status }) => status === 'CONFIRMED');
  await fulfilled(placed, 'CONFIRMED');

  screen.step('Say that it has arrived before it is sent: a business rule says no');
  await refused('DeliverOrder', { orderId });

  screen.step('Order nothing, to nowhere: the input says what is wrong, all of it at once');
  const nowhere = { line1: ' ', city: '', postalCode: 'SW1Y 4JH', country: 'United Kingdom' };
  const nothing = items.map((item) => ({ ...item, quantity: 0 }));
  await refused('PlaceOrder', {
    ...placing,
    orderId: randomUUID(),
    commandId: null,
    items: nothing,
    shippingAddress: nowhere,
  });

  /** A step in the order's life, and its live message. */
  async function advance(title: string, name: string, variables: Readonly<Record<string, unknown>>): Promise<void> {
    screen.step(title);
    const { version } = await command(name, { ...variables, orderId }, ({ query, ...receipt }) =>
      query?.order?.carrier ? `${query.order.carrier} ${query.order.trackingNumber}, ${said(receipt)}` : said(receipt),
    );
    await live.until((order) => order.version >= version);
  }
  await advance('Ship it, and read the parcel back', 'ShipOrder', client.example('ShipOrder'));
  screen.step('What is shipped is paid');
  await fulfilled(placed, 'COMPLETED');
  await advance('Deliver it', 'DeliverOrder', { commandId: randomUUID() });

  screen.step('Order once more, with a card that is declined: the order is cancelled, and says why');
  const declinedId = randomUUID();
  const other = { ...placing, orderId: declinedId, commandId: null, paymentMethod: 'tok_declined' };
  const declined = await command('PlaceOrder', other, ({ query }) =>
    query?.order ? shown(query.order) : 'not there yet',
  );
  await fulfilled(declined, 'FAILED');

  screen.step('What has the shop sold?');
  const sold = await client.run<{ orderStatistics: readonly Statistics[] }>('OrderStatistics', { currency: 'GBP' });
  screen.line('answer', 'OrderStatistics', formatStatistics(sold.data.orderStatistics), sold.ms);
}

function accepted(name: string, outcome: CommandResponse): CommandReceipt {
  if ('token' in outcome) return outcome;
  throw new CliError('DEMO_FAILED', `${name} was not accepted: ${outcome.code}: ${outcome.message}`);
}

function said({ version }: CommandReceipt): string {
  return `version ${version}`;
}

function shown({ status, total, version }: Order): string {
  return `${status}, ${formatMoney(total)}, version ${version}`;
}
