import { until } from './until.ts';

/** A message of a subscription. */
export interface Message<Data = Record<string, unknown>> {
  readonly data?: Data | null;
  readonly errors?: readonly MessageError[];
  readonly extensions?: { readonly consistency?: { readonly token: string; readonly stale: boolean } };
}

export interface MessageError {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly [fact: string]: unknown };
}

/** How a subscription ended: the server said that it is complete, or the connection was closed. */
export interface Ending {
  readonly how: 'complete' | 'closed';
  /** Of a WebSocket. */
  readonly code?: number;
  readonly reason?: string;
}

/** A subscription as its client sees it: the messages in the order in which they came, read one after the other. */
export class Feed<Data = Record<string, unknown>> {
  /** All that came, read or not. */
  readonly messages: Message<Data>[] = [];
  ending: Ending | undefined;
  /** Ends it, as a client does that wants no more. */
  readonly stop: () => void;
  #read = 0;

  constructor(stop: () => void) {
    this.stop = stop;
  }

  push(message: Message<Data>): void {
    this.messages.push(message);
  }

  finish(ending: Ending): void {
    this.ending ??= ending;
  }

  /** The next unread message. @throws if there is none before the deadline, or none will come. */
  async next(): Promise<Message<Data>> {
    await until(() => this.#read < this.messages.length || this.ending);
    const message = this.messages[this.#read];
    if (!message) throw new Error(`The subscription ended without another message: ${JSON.stringify(this.ending)}`);
    this.#read++;
    return message;
  }

  /** Data of the next message. @throws if it has errors. */
  async data(): Promise<Data> {
    const { data, errors } = await this.next();
    if (errors || !data) throw new Error(`The message has errors: ${JSON.stringify(errors)}`);
    return data;
  }

  /** Reads on until the data are as they should be. */
  async dataWhere(condition: (data: Data) => boolean): Promise<Data> {
    for (;;) {
      const data = await this.data();
      if (condition(data)) return data;
    }
  }

  /** Waits for the end; messages that were not read stay in `messages`. */
  async end(): Promise<Ending> {
    return (await until(() => this.ending)) as Ending;
  }
}

/** A way to subscribe. */
export interface Transport {
  subscribe<Data = Record<string, unknown>>(query: string, variables?: Readonly<Record<string, unknown>>): Feed<Data>;
  /** Ends all that was subscribed. */
  close(): void;
}
