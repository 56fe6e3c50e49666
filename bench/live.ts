import type { Benchmark } from './support/measuring/benchmark.ts';
import { type Child, startChild } from './support/measuring/child.ts';
import { atMost, below, type Measurement } from './support/measuring/result.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchApi, openApi } from './support/running/api.ts';
import { prepareDatabase } from './support/running/engine.ts';
import type { Settle, Settled, Watch, Watching } from './support/running/live-subscribers.ts';
import { LiveDesk, type LiveList } from './support/workloads/live-desk.ts';
import { SHOP } from './support/workloads/orders.ts';

const SUBSCRIBERS = [1000, 10_000];
const LISTS = [1, 10, 1000];
/** Changes per second. */
const RATE = 500;
const SECONDS = 5;
/** Orders that the lists of one benchmark have together, and most orders of one list. */
const ORDERS = 200;
const MOST_ORDERS = 20;
const ONE = 'Telling all subscribers of one change of their live list';
const LAST = `Telling all subscribers of the last of ${RATE} changes a second, after its receipt`;
const EXECUTIONS = `Executions of live lists at ${RATE} changes a second`;
const CPU = `CPU of the server at ${RATE} changes a second`;
const MEMORY = 'Memory of the server a subscriber of a live list';

type Subscribers = Child<'ready'>;

interface Crowd {
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
      const idle = await executionsOfOthers(api, desk, quick ? 10 : 1000, quick);
      say(`  changes that concern none of the lists: ${idle} executions`);
      const most = (quick ? 100 : SUBSCRIBERS.at(-1))?.toLocaleString('en');
      const one = measurements.find(({ chart, at }) => chart === ONE && at.startsWith(`${most} subscribers`));
      return {
        benchmark: 'live',
        setting:
          `Live lists of orders over WebSockets (100 subscriptions each) to a server in a process of its own, the subscribers in another, ` +
          `${rounds} rounds. A list has the orders of one customer, with five fields each. One change: from the receipt of the command until the ` +
          `last subscriber of that list has its message. Then ${RATE} changes a second for ${SECONDS} s, over all lists: from the last receipt until ` +
          "everybody has the last message; meanwhile the executions of live queries, and the CPU time of the server's process, of which the commands " +
          'themselves are a part. The executions are those of the instance that runs the read model, for lists that are told apart by an equality; other ' +
          'instances look changed rows up, and other conditions do not tell lists apart. Memory: heap and buffers after a garbage collection, less those before, divided. Beside it as many clients that ask every ' +
          'second over HTTP, where the server can answer so many.',
        measurements,
        ratios: [],
        goals: [
          below(1000, `ms until ${most} subscribers of one list know of one change`, median(one?.rounds ?? [])),
          atMost(0, 'executions for changes that concern none of 1,000 lists', idle),
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

async function measure(api: BenchApi, desk: LiveDesk, crowd: Crowd, { rounds, quick, say }: Meanwhile) {
  const { subscribers, lists, polls } = crowd;
  const child = await startChild<'ready'>('support/live-subscribers.ts', {});
  try {
    const before = held(await api.memory());
    await child.ask<Watching>(watchOf(api, crowd));
    const kBEach = (held(await api.memory()) - before) / subscribers / 1000;
    const found = { one: [] as number[], last: [] as number[], executions: [] as number[], cpu: [] as number[] };
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const one = polls ? 0 : await oneChange(child, desk, lists);
      const began = await spent(api);
      const rate = await desk.changeAll(lists, RATE, quick ? 1 : SECONDS);
      const received = now();
      const { at, messages } = await child.ask<Settled>({ sums: desk.sums(lists) } satisfies Settle);
      const ended = await spent(api);
      const seconds = (ended.at - began.at) / 1000;
      const executions = (ended.executions - began.executions) / seconds;
      const cpu = (100 * (ended.cpu - began.cpu)) / seconds;
      say(
        `  ${subscribers} subscribers of ${lists.length}${polls ? ', polling' : ''}: one ${one.toFixed(0)} ms, last ${(at - received).toFixed(0)} ms, ` +
          `${executions.toFixed(0)} executions/s, ${(messages / seconds).toFixed(0)} messages/s, CPU ${cpu.toFixed(0)} %, ${rate.toFixed(0)} changes/s`,
      );
      if (round === 0 && !quick) continue;
      found.one.push(one);
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
    return [
      ...all,
      { chart: ONE, at, who, unit: 'ms', rounds: found.one } as const,
      { chart: EXECUTIONS, at, who, unit: 'executions/s', rounds: found.executions } as const,
      { chart: MEMORY, at, who, unit: 'kB', rounds: [kBEach] } as const,
    ];
  } finally {
    await child.end();
  }
}

/** @returns ms from the receipt of a change until all subscribers of its list know of it. */
async function oneChange(child: Subscribers, desk: LiveDesk, lists: readonly LiveList[]): Promise<number> {
  await desk.change(lists[0]?.orderIds[0] as string);
  const received = now();
  const { at } = await child.ask<Settled>({ sums: desk.sums(lists) } satisfies Settle);
  return Math.max(0, at - received);
}

/** @returns executions of live lists while only orders of another customer change. */
async function executionsOfOthers(api: BenchApi, desk: LiveDesk, count: number, quick: boolean): Promise<number> {
  const lists = await desk.lists(count, 1);
  const others = await desk.lists(1, MOST_ORDERS);
  const child = await startChild<'ready'>('support/live-subscribers.ts', {});
  try {
    await child.ask<Watching>(watchOf(api, { subscribers: count, lists, polls: false }));
    const before = await spent(api);
    await desk.changeAll(others, RATE, quick ? 1 : SECONDS);
    // A change of each list comes after all that could have been executed for the others.
    await desk.changeAll(lists, RATE, lists.length / RATE);
    await child.ask<Settled>({ sums: desk.sums(lists) } satisfies Settle);
    return (await spent(api)).executions - before.executions - lists.length;
  } finally {
    await child.end();
  }
}

function watchOf({ url }: BenchApi, { subscribers, lists, polls }: Crowd): Watch {
  return { url, subscribers, customerIds: lists.map(({ customerId }) => customerId), first: MOST_ORDERS, polls };
}

/** The server's executions of live queries and its CPU time, in seconds, so far. */
async function spent({ url }: BenchApi) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  return {
    at: now(),
    executions: sum(/^afterwrite_live_query_duration_seconds_count\S* (\S+)$/gm),
    cpu: sum(/^process_cpu_seconds_total (\S+)$/gm),
  };
}

function held({ heapUsed, external }: NodeJS.MemoryUsage): number {
  return heapUsed + external;
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
