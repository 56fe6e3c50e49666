import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Random } from '../../support/random.ts';
import { Recorder, type SeenRow, type StreamName, type Subscribed } from '../history.ts';
import { orderRow } from './reader.ts';
import type { Place } from './sender.ts';

/** Maximum time between the end of a subscription and its next beginning, in ms. */
const AGAIN_MS = 300;
const PING_MS = 1000;
const PONG_PATIENCE_MS = 2500;

const ORDER_UPDATED = `subscription ($id: ID!, $after: ConsistencyToken) {
  orderUpdated(id: $id, after: $after) { id status itemCount total { amount } version }
}`;
const PROJECTION_UPDATED = `subscription ($projections: [String!], $after: ConsistencyToken) {
  projectionUpdated(projections: $projections, after: $after) { projection keys token }
}`;

interface Message {
  readonly data?: {
    readonly orderUpdated?: NonNullable<Parameters<typeof orderRow>[1]>;
    readonly projectionUpdated?: {
      readonly projection: string;
      readonly keys: readonly string[] | null;
      readonly token: string;
    };
  } | null;
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
  readonly extensions?: { readonly consistency?: { readonly token: string } };
}

/**
 * A persistent client over WebSocket. When its subscriptions end, it subscribes again from its last position, at any
 * server.
 */
export class Watcher {
  readonly recorder: Recorder;
  readonly #client: Client;
  readonly #random: Random;
  readonly #ended = new AbortController();
  readonly #following: Promise<void>[] = [];
  /** The last shown state of each order. */
  readonly #lastRows = new Map<string, Pick<SeenRow, 'stream' | 'version'>>();
  #subscriptions = 0;

  constructor(
    name: string,
    { random, places, clock }: { random: Random; places: readonly Place[]; clock: () => number },
  ) {
    this.recorder = new Recorder(name, clock);
    this.#random = random;
    this.#client = createClient({
      url: () => `${random.pick(places).url.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      // Subscribing again is done here, with the token of the last message.
      retryAttempts: 0,
      onNonLazyError: () => {},
      // A connection on which nobody answers any more is left.
      ...(random.chance(0.5) ? leavesTheSilent(() => this.#client) : {}),
    });
  }

  /** Subscriptions that it has begun. */
  get size(): number {
    return this.#subscriptions;
  }

  /** Follows an order from when it was placed. */
  watchOrder(id: string, after: string): void {
    const stream = { type: 'Order', id };
    this.#lastRows.set(id, { stream, version: 0 });
    this.#begin({ stream }, after, (newest) => this.#showOrder(id, newest));
  }

  /** Follows read models. */
  watchProjections(projections: readonly string[], after: string): void {
    // The newest token of each. A token of all together would not be as fresh as the freshest.
    for (const projection of projections) {
      const to = { projections: [projection] };
      this.#begin(to, after, (newest) => this.#showMoves(to, newest));
    }
  }

  /** Whether each order that it follows was last shown at its last version. */
  hasSeen(versionOf: (stream: StreamName) => number): boolean {
    return [...this.#lastRows.values()].every(({ stream, version }) => version === versionOf(stream));
  }

  /** Ends all of it. */
  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.resolve(this.#client.dispose()).catch(() => undefined);
    await Promise.all(this.#following);
  }

  #begin(to: Subscribed['to'], after: string, follow: (newest: Newest) => Promise<string>): void {
    const subscription = `${this.recorder.client}.${++this.#subscriptions}`;
    this.#following.push(this.#repeat({ subscription, to, token: after }, follow));
  }

  async #repeat(newest: Newest, follow: (newest: Newest) => Promise<string>): Promise<void> {
    const { subscription, to } = newest;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      this.recorder.add({ is: 'subscribed', subscription, to, after: newest.token });
      const code = await follow(newest).catch(reasonOf);
      if (signal.aborted) return;
      this.recorder.add({ is: 'interrupted', subscription, code });
      await delay(this.#random.between(10, AGAIN_MS), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until it ends; answers why. */
  async #showOrder(id: string, newest: Newest): Promise<string> {
    for await (const message of this.#iterate(ORDER_UPDATED, { id, after: newest.token })) {
      if (message.errors) return message.errors[0]?.extensions?.code ?? 'errors';
      const order = message.data?.orderUpdated;
      if (!order) return 'no data';
      const row = orderRow(id, order);
      this.#lastRows.set(id, row);
      this.recorder.add({ is: 'shown', subscription: newest.subscription, row });
      newest.token = message.extensions?.consistency?.token ?? newest.token;
    }
    return 'complete';
  }

  async #showMoves({ projections }: { projections: readonly string[] }, newest: Newest): Promise<string> {
    for await (const message of this.#iterate(PROJECTION_UPDATED, { projections, after: newest.token })) {
      if (message.errors) return message.errors[0]?.extensions?.code ?? 'errors';
      const moved = message.data?.projectionUpdated;
      if (!moved) return 'no data';
      this.recorder.add({ is: 'moved', subscription: newest.subscription, ...moved });
      newest.token = moved.token;
    }
    return 'complete';
  }

  #iterate(query: string, variables: Record<string, unknown>): AsyncIterable<Message> {
    return this.#client.iterate({ query, variables }) as AsyncIterable<Message>;
  }
}

/** The state of a subscription: it continues from the newest token that it received. */
interface Newest {
  readonly subscription: string;
  readonly to: Subscribed['to'];
  token: string;
}

function reasonOf(error: unknown): string {
  if (Array.isArray(error)) return (error[0] as { extensions?: { code?: string } })?.extensions?.code ?? 'errors';
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  return String(code ?? name ?? message ?? error);
}

/** As in the documentation of graphql-ws: pings, and if no pong comes in time, ends the connection itself. */
function leavesTheSilent(client: () => Client) {
  let timer: NodeJS.Timeout | undefined;
  return {
    keepAlive: PING_MS,
    on: {
      ping: (received: boolean) => {
        if (!received) timer = setTimeout(() => client().terminate(), PONG_PATIENCE_MS);
      },
      pong: (received: boolean) => {
        if (received) clearTimeout(timer);
      },
      closed: () => clearTimeout(timer),
    },
  };
}
