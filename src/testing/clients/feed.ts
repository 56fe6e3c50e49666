import { later } from '../../scheduling/timers.ts';

/** A message of a subscription. */
export interface FeedMessage<Data = Record<string, unknown>> {
  readonly data?: Data | null;
  readonly errors?: readonly FeedError[];
  readonly extensions?: { readonly consistency?: { readonly token: string; readonly stale: boolean } };
}

export interface FeedError {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly [fact: string]: unknown };
}

/** How a subscription ended: the server said that it is complete, or the connection was closed. */
export interface FeedEnding {
  readonly how: 'complete' | 'closed';
  /** Of a WebSocket. */
  readonly code?: number;
  readonly reason?: string;
}

/** How long a feed waits for a message, or for the end, in ms. */
const PATIENCE_MS = 30_000;

/** A subscription as its client sees it: the messages in the order in which they came, read one after the other. */
export class Feed<Data = Record<string, unknown>> {
  /** All that came, read or not. */
  readonly messages: FeedMessage<Data>[] = [];
  ending: FeedEnding | undefined;
  /** Ends it, as a client does that wants no more. */
  readonly stop: () => void;
  #read = 0;
  #arrived = Promise.withResolvers<void>();

  constructor(stop: () => void) {
    this.stop = stop;
  }

  push(message: FeedMessage<Data>): void {
    this.messages.push(message);
    this.#wake();
  }

  finish(ending: FeedEnding): void {
    this.ending ??= ending;
    this.#wake();
  }

  /**
   * The next unread message; waits for it up to 30 seconds.
   * @throws {Error} if none comes in time, or the subscription has ended.
   */
  async next(): Promise<FeedMessage<Data>> {
    await this.#until(() => this.#read < this.messages.length || this.ending !== undefined, 'another message');
    const message = this.messages[this.#read];
    if (!message) throw new Error(`The subscription ended without another message: ${JSON.stringify(this.ending)}`);
    this.#read++;
    return message;
  }

  /** The data of the next message. @throws {Error} if it has errors. */
  async data(): Promise<Data> {
    const { data, errors } = await this.next();
    if (errors || !data) throw new Error(`The message has errors: ${JSON.stringify(errors)}`);
    return data;
  }

  /** Reads on until the data are as they should be, and returns them. */
  async dataWhere(condition: (data: Data) => boolean): Promise<Data> {
    for (;;) {
      const data = await this.data();
      if (condition(data)) return data;
    }
  }

  /** Waits for the end up to 30 seconds; messages that were not read stay in `messages`. */
  async end(): Promise<FeedEnding> {
    await this.#until(() => this.ending !== undefined, 'its end');
    return this.ending as FeedEnding;
  }

  #wake(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }

  async #until(isReady: () => boolean, what: string): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const error = new Error(`The subscription did not get ${what} within ${PATIENCE_MS} ms.`);
    const timer = later(PATIENCE_MS, () => reject(error));
    try {
      while (!isReady()) await Promise.race([this.#arrived.promise, late]);
    } finally {
      timer.cancel();
      late.catch(() => undefined);
    }
  }
}
