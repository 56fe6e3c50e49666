import { type Child, startChild } from '../measuring/child.ts';
import type { BenchApi } from './api.ts';
import type { Open, Opened, Settle, Settled } from './subscribers.ts';

/** What a server has spent since it was started. */
export interface Spent {
  /** When this was said, in ms, comparable between processes. */
  readonly at: number;
  /** Executions of live queries. */
  readonly executions: number;
  /** CPU time of its process, in seconds. */
  readonly cpu: number;
}

/** Many subscribers of one server, in a process of their own. */
export class Crowd {
  readonly #api: BenchApi;
  readonly #child: Child<'ready'>;

  private constructor(api: BenchApi, child: Child<'ready'>) {
    this.#api = api;
    this.#child = child;
  }

  static async start(api: BenchApi): Promise<Crowd> {
    return new Crowd(api, await startChild<'ready'>(new URL('./subscribers.ts', import.meta.url)));
  }

  /**
   * Opens more subscribers; resolves when each has had its first message.
   * @returns what the server holds for each of them, in kB: heap and buffers after a garbage collection.
   */
  async open(more: Omit<Open, 'url'>): Promise<number> {
    const before = held(await this.#api.memory());
    await this.#child.ask<Opened>({ ...more, url: this.#api.url } satisfies Open);
    return (held(await this.#api.memory()) - before) / Math.max(1, more.subscribers) / 1000;
  }

  /** Resolves when every subscriber has seen these sums of versions, one for each group, or later ones. */
  settled(sums: readonly number[]): Promise<Settled> {
    return this.#child.ask<Settled>({ sums } satisfies Settle);
  }

  end(): Promise<void> {
    return this.#child.end();
  }
}

/** What the server has spent so far. */
export async function spentBy({ url }: Pick<BenchApi, 'url'>): Promise<Spent> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  return {
    at: now(),
    executions: sum(/^afterwrite_live_query_duration_seconds_count\S* (\S+)$/gm),
    cpu: sum(/^process_cpu_seconds_total (\S+)$/gm),
  };
}

/** CPU time of the server for each message, in µs. */
export function cpuOfMessage(began: Spent, ended: Spent, messages: number): number {
  return (1e6 * (ended.cpu - began.cpu)) / messages;
}

/** The time now, in ms, comparable between processes. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

function held({ heapUsed, external }: NodeJS.MemoryUsage): number {
  return heapUsed + external;
}
