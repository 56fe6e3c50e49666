import type { Benchmark } from './support/measuring/benchmark.ts';
import { below, type Measurement } from './support/measuring/result.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchApi, commandDocument, openApi } from './support/running/api.ts';
import { Crowd, cpuOfMessage, now, spentBy } from './support/running/crowd.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { fillShop, SHOP } from './support/workloads/orders.ts';

const SUBSCRIBERS = [1, 1000, 10_000];
const ORDERS = 1000;
const CONNECTIONS = 32;
const ONE = 'Telling all subscribers of a change of their one order';
const MANY = 'Telling all subscribers of a change of each of 1,000 orders';
const RECEIPT = 'The same, from the receipt of the command';
const MEMORY = 'Memory of the server a subscriber';
const CPU = 'CPU time of the server a message';
const FORMS = [
  { who: 'a socket each', perSocket: 1 },
  { who: '100 a socket', perSocket: 100 },
] as const;

const SUBSCRIPTION = `subscription OrderUpdated($id: ID!) {
  orderUpdated(id: $id) { id status itemCount updatedAt version }
}`;

interface Fans {
  readonly subscribers: number;
  readonly perSocket: number;
  readonly orderIds: readonly string[];
}

/** Live orders: how soon the last of many subscribers has been told of a change, and what the server holds for each. */
export const benchmark: Benchmark = {
  name: 'fan-out',
  run: async ({ postgres, rounds, quick, say }) => {
    const url = await prepareDatabase(postgres, 'fan_out');
    const { productId, orderIds } = await fillShop(url, (quick ? 20 : ORDERS) + 1, { shipping: false });
    const measurements: Measurement[] = [];
    for (const subscribers of quick ? [100] : SUBSCRIBERS) {
      const at = `${subscribers.toLocaleString('en')} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`;
      for (const { who, perSocket } of FORMS.slice(0, subscribers === 1 ? 1 : FORMS.length)) {
        const name = { at, who };
        // One is changed alone, and so is ahead of the others when they are changed together.
        const [first, ...others] = orderIds as [string, ...string[]];
        const one = await measure(url, productId, { subscribers, perSocket, orderIds: [first] }, rounds, say);
        measurements.push(
          { ...name, chart: ONE, unit: 'ms', rounds: one.fromSending },
          { ...name, chart: RECEIPT, unit: 'ms', rounds: one.fromReceipt },
        );
        if (subscribers === 1) continue;
        measurements.push({ ...name, chart: CPU, unit: 'µs', rounds: one.cpu });
        const many = await measure(url, productId, { subscribers, perSocket, orderIds: others }, rounds, say);
        measurements.push(
          { ...name, chart: MANY, unit: 'ms', rounds: many.fromSending },
          { chart: MEMORY, at: `${at} of one order`, who, unit: 'kB', rounds: [one.kBEach] },
          { chart: MEMORY, at: `${at} of 1,000 orders`, who, unit: 'kB', rounds: [many.kBEach] },
        );
      }
    }
    const order = [ONE, RECEIPT, MANY, CPU, MEMORY];
    const most = `${(SUBSCRIBERS.at(-1) ?? 0).toLocaleString('en')} subscribers`;
    const found = (chart: string) =>
      measurements
        .filter((each) => each.chart === chart && each.who === FORMS[0].who && (quick || each.at.startsWith(most)))
        .map(({ rounds: values }) => median(values));
    return {
      benchmark: 'fan-out',
      setting:
        `Subscriptions to orderUpdated over WebSockets to a server in a process of its own, the subscribers in another; ` +
        `${rounds} changes. Of one order: from sending the command until the last subscriber has its message. Of ` +
        `1,000 orders, among which the subscribers are divided: from sending the first of as many commands, ` +
        `${CONNECTIONS} at a time, until the last subscriber has the last message. CPU time: of the server's process, from the command to the last message of one order, divided. Memory: heap and buffers of the ` +
        "server's process (heapUsed and external) after a garbage collection with all subscribers, less those with a tenth of them, " +
        'divided, once each; what the kernel holds for a socket is not in it.',
      measurements: measurements.sort((a, b) => order.indexOf(a.chart) - order.indexOf(b.chart)),
      ratios: [],
      goals: [
        below(1000, `ms until ${most} know of one change, ${FORMS[0].who}`, Math.max(...found(ONE))),
        below(20, `kB a subscriber with ${most}, ${FORMS[0].who}`, Math.max(...found(MEMORY))),
      ],
    };
  },
};

/** Lets a new server tell a crowd of changes of their orders. */
async function measure(url: string, productId: string, fans: Fans, rounds: number, say: (line: string) => void) {
  const api = await openApi(url, { domains: SHOP, connections: CONNECTIONS });
  const crowd = await Crowd.start(api);
  try {
    await caughtUp(api);
    const { subscribers, perSocket, orderIds } = fans;
    const variables = orderIds.map((id) => ({ id }));
    const open = (more: number) =>
      crowd.open({ subscribers: more, perSocket, document: SUBSCRIPTION, variables, polls: false });
    // Warms up: the first operations pay for parsing documents and compiling code.
    const first = Math.ceil(subscribers / 10);
    await open(first);
    const kBEach = subscribers > first ? await open(subscribers - first) : 0;
    say(`  ${subscribers} subscribers, ${perSocket} a socket: ${kBEach.toFixed(1)} kB each`);
    const fromSending: number[] = [];
    const fromReceipt: number[] = [];
    const cpu: number[] = [];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const version = (await versionOf(api, orderIds)) + 1;
      const began = await spentBy(api);
      const sent = now();
      await Promise.all(orderIds.map((orderId) => addItem(api, orderId, productId)));
      const received = now();
      const { at, messages } = await crowd.settled(orderIds.map(() => version));
      const each = cpuOfMessage(began, await spentBy(api), messages);
      say(
        `  ${subscribers} subscribers of ${orderIds.length}: told after ${(at - sent).toFixed(0)} ms, CPU ${each.toFixed(1)} µs a message`,
      );
      if (round === 0) continue;
      fromSending.push(at - sent);
      fromReceipt.push(at - received);
      cpu.push(each);
    }
    return { fromSending, fromReceipt, kBEach, cpu };
  } finally {
    await crowd.end();
    await api.close();
  }
}

function addItem(api: BenchApi, orderId: string, productId: string): Promise<unknown> {
  return api.command(commandDocument('addOrderItem', 'AddOrderItemInput'), { orderId, productId, quantity: 1 });
}

/** The version of all of these orders. @throws if they differ. */
async function versionOf(api: BenchApi, orderIds: readonly string[]): Promise<number> {
  const query = 'query ($id: ID!) { order(id: $id) { version } }';
  const answers = await Promise.all(
    orderIds.map((id) => api.request<{ order: { version: number } | null }>(query, { id })),
  );
  const versions = new Set(answers.map(({ order }) => order?.version));
  const [version] = versions;
  if (versions.size !== 1 || version === undefined) throw new Error(`The orders have versions ${[...versions]}.`);
  return version;
}

/** Waits until all that was placed can be read. */
async function caughtUp(api: BenchApi): Promise<void> {
  for (;;) {
    const { projections } = await api.request<{ projections: { lag: number }[] }>('{ projections { lag } }');
    if (projections.every(({ lag }) => lag === 0)) return;
  }
}
