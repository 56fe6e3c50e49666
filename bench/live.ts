import type { Benchmark } from './support/measuring/benchmark.ts';
import { atMost, below, type Measurement } from './support/measuring/result.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchApi, openApi } from './support/running/api.ts';
import { Crowd, cpuOfMessage, now, spentBy } from './support/running/crowd.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { LiveDesk, type LiveList } from './support/workloads/live-desk.ts';
import { SHOP } from './support/workloads/orders.ts';

const SUBSCRIBERS = [1000, 10_000];
const LISTS = [1, 10, 1000];
/** Changes per second. */
const RATE = 500;
const SECONDS = 2;
/** Orders that the lists of one benchmark have together, and most orders of one list. */
const ORDERS = 200;
const MOST_ORDERS = 20;
const ONE = 'Telling all subscribers of one change of their live list';
const LAST = `Telling all subscribers of the last of ${RATE} changes a second, after its receipt`;
const EXECUTIONS = `Executions of live lists at ${RATE} changes a second`;
const CPU = `CPU of the server at ${RATE} changes a second`;
const MESSAGE = 'CPU time of the server a message, after one change';
const MEMORY = 'Memory of the server a subscriber of a live list';

const PER_SOCKET = 100;
const SELECTION =
  'orders(first: $first, filter: { customerId: $id }) { nodes { id status itemCount updatedAt version } totalCount }';

interface Watchers {
  readonly subscribers: number;
  readonly lists: readonly LiveList[];
  readonly polls: boolean;
}

/** Live lists: how soon all subscribers have the last change, and what that costs the server. */
export const benchmark: Benchmark = {
  name: 'live',
  run: async ({ postgres, rounds, quick, say }) => {
    const url = await prepareDatabase(postgres, 'live');
    const api = await openApi(url, { domains: SHOP });
    const measurements: Measurement[] = [];
    try {
      const desk = await LiveDesk.open(api);
      for (const count of quick ? [10] : LISTS) {
        const lists = await desk.lists(count, Math.max(2, Math.min(MOST_ORDERS, ORDERS / count)));
        for (const subscribers of quick ? [100] : SUBSCRIBERS) {
          // More than a thousand clients that poll are more than the server can answer.
          for (const polls of subscribers > 1000 ? [false] : [false, true]) {
            measurements.push(...(await measure(api, desk, { subscribers, lists, polls }, { rounds, quick, say })));
          }
        }
      }
      const own = await executionsOfOthers(api, desk, quick ? 10 : 1000, quick ? 1 : SECONDS);
      const other = await openApi(url, { domains: SHOP, settings: { PROJECTOR: 'off' } });
      const others = await executionsOfOthers(other, desk, quick ? 10 : 1000, quick ? 1 : SECONDS).finally(() =>
        other.close(),
      );
      say(
        `  changes that concern none of the lists: ${own} executions, ${others} on an instance that runs no read model`,
      );
      const most = (quick ? 100 : SUBSCRIBERS.at(-1))?.toLocaleString('en');
      const one = measurements.find(({ chart, at }) => chart === ONE && at.startsWith(`${most} subscribers`));
      return {
        benchmark: 'live',
        setting:
          'Live lists of orders over WebSockets (100 subscriptions each) to a server in a process of its own, the subscribers in another, ' +
          `${rounds} rounds. A list has the orders of one customer, with five fields each, and their number. One change: from the receipt of the ` +
          'command until the last subscriber of that list has its message; CPU time a message is that of the server, the command included. Then ' +
          `${RATE} changes a second for ${SECONDS} s, over all lists: from the last receipt until everybody has the last message; meanwhile the ` +
          "executions of live queries, and the CPU time of the server's process, of which the commands themselves are a part. Memory: heap and " +
          'buffers after a garbage collection, less those before, divided, once. Beside it, once, as many clients that ask every second over HTTP, ' +
          'if the server can answer so many. Changes that concern none of 1,000 lists are made once for lists that are watched on the instance ' +
          'that runs the read model, and once for lists that are watched on another one. Lists are told apart by an equality; other conditions ' +
          'do not tell them apart.',
        measurements,
        ratios: [],
        goals: [
          below(1000, `ms until ${most} subscribers of one list know of one change`, median(one?.rounds ?? [])),
          atMost(0, 'executions for changes that concern none of 1,000 lists', own),
          atMost(0, 'of the same on an instance that runs no read model', others),
        ],
      };
    } finally {
      await api.close();
    }
  },
};

interface Meanwhile {
  readonly rounds: number;
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

async function measure(api: BenchApi, desk: LiveDesk, watchers: Watchers, { rounds, quick, say }: Meanwhile) {
  const { subscribers, lists, polls } = watchers;
  const crowd = await Crowd.start(api);
  try {
    const kBEach = await crowd.open(opened(watchers));
    const found = {
      ...{ one: [] as number[], message: [] as number[], last: [] as number[] },
      ...{ executions: [] as number[], cpu: [] as number[] },
    };
    // The first round warms up. Clients that poll are there for comparison, after others have warmed the server up.
    const last = polls ? 0 : rounds;
    for (let round = 0; round <= last; round++) {
      const { ms: one, cpu: message } = polls ? { ms: 0, cpu: 0 } : await oneChange(api, crowd, desk, lists);
      const began = await spentBy(api);
      const rate = await desk.changeAll(lists, RATE, quick || (round === 0 && !polls) ? 1 : SECONDS);
      const received = now();
      const { at, messages } = await crowd.settled(desk.sums(lists));
      const ended = await spentBy(api);
      const seconds = (ended.at - began.at) / 1000;
      const executions = (ended.executions - began.executions) / seconds;
      const cpu = (100 * (ended.cpu - began.cpu)) / seconds;
      say(
        `  ${subscribers} subscribers of ${lists.length}${polls ? ', polling' : ''}: one ${one.toFixed(0)} ms, ${message.toFixed(1)} µs CPU a message; ` +
          `last ${(at - received).toFixed(0)} ms, ${executions.toFixed(0)} executions/s, ${(messages / seconds).toFixed(0)} messages/s, ` +
          `CPU ${cpu.toFixed(0)} %, ${rate.toFixed(0)} changes/s`,
      );
      if (round === 0 && !quick && !polls) continue;
      found.one.push(one);
      found.message.push(message);
      found.last.push(Math.max(0, at - received));
      found.executions.push(executions);
      found.cpu.push(cpu);
    }
    const at = `${subscribers.toLocaleString('en')} subscribers, ${lists.length.toLocaleString('en')} ${lists.length === 1 ? 'list' : 'lists'}`;
    const who = polls ? 'asking every second' : 'live';
    const all: Measurement[] = [
      { chart: LAST, at, who, unit: 'ms', rounds: found.last },
      { chart: CPU, at, who, unit: 'CPU %', rounds: found.cpu },
    ];
    if (polls) return all;
    // Few subscribers of each list make of one change few messages, and the command would be most of the time.
    if (subscribers / lists.length >= 100) all.push({ chart: MESSAGE, at, who, unit: 'µs', rounds: found.message });
    return [
      ...all,
      { chart: ONE, at, who, unit: 'ms', rounds: found.one } as const,
      { chart: EXECUTIONS, at, who, unit: 'executions/s', rounds: found.executions } as const,
      { chart: MEMORY, at, who, unit: 'kB', rounds: [kBEach] } as const,
    ];
  } finally {
    await crowd.end();
  }
}

/** Changes one order. @returns ms from the receipt until all subscribers of its list know of it, and CPU a message. */
async function oneChange(api: BenchApi, crowd: Crowd, desk: LiveDesk, lists: readonly LiveList[]) {
  const began = await spentBy(api);
  await desk.change(lists[0]?.orderIds[0] as string);
  const received = now();
  const { at, messages } = await crowd.settled(desk.sums(lists));
  return { ms: Math.max(0, at - received), cpu: cpuOfMessage(began, await spentBy(api), messages) };
}

/**
 * Executions of live lists, with their numbers of orders, while only orders of another customer change.
 * @param asked the instance that has the subscribers.
 */
async function executionsOfOthers(asked: BenchApi, desk: LiveDesk, count: number, seconds: number): Promise<number> {
  const lists = await desk.lists(count, 1);
  const others = await desk.lists(1, MOST_ORDERS);
  const crowd = await Crowd.start(asked);
  try {
    await crowd.open(opened({ subscribers: count, lists, polls: false }));
    const before = await spentBy(asked);
    await desk.changeAll(others, RATE, seconds);
    // A change of each list comes after all that could have been executed for the others.
    await desk.changeAll(lists, RATE, lists.length / RATE);
    await crowd.settled(desk.sums(lists));
    return (await spentBy(asked)).executions - before.executions - lists.length;
  } finally {
    await crowd.end();
  }
}

function opened({ subscribers, lists, polls }: Watchers) {
  const document = polls
    ? `query Desk($id: ID!, $first: Int!) { ${SELECTION} }`
    : `subscription Desk($id: ID!, $first: Int!) { live { ${SELECTION} } }`;
  const variables = lists.map(({ customerId: id }) => ({ id, first: MOST_ORDERS }));
  return { subscribers, perSocket: PER_SOCKET, document, variables, polls };
}
