import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient, type Sink } from 'graphql-ws';
import { CliError } from '../../cli/index.ts';
import { readOperations } from '../../server/index.ts';
import { operations } from '../operations.ts';

/** How long an answer or a live message may take. */
const PATIENCE_MS = 20_000;
/** Time between two reads while waiting for a change. */
const POLL_MS = 20;

/** An answer, and how long it took. */
export interface TimedAnswer<Data> {
  readonly data: Data;
  readonly ms: number;
}

/** A running subscription. */
export interface Live<Message> {
  /** The first message, received or still to come, for which this is true. */
  until(holds: (message: Message) => boolean): Promise<Message>;
  /** Waits until the server has ended it. */
  toItsEnd(): Promise<void>;
}

interface ApiResponse {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** A small frontend: it knows the documents of `schema/operations` by name, and the public API. */
export class DemoClient {
  readonly #endpoint: URL;
  readonly #signal: AbortSignal;
  readonly #headers: Record<string, string>;
  readonly #operations = new Map(readOperations(operations).map((operation) => [operation.name, operation]));
  readonly #socket: Client;

  constructor(endpoint: URL, { signal, token }: { signal: AbortSignal; token?: string }) {
    this.#endpoint = endpoint;
    this.#signal = signal;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const url = new URL(endpoint);
    url.protocol = endpoint.protocol.replace('http', 'ws');
    this.#socket = createClient({ url: url.href, connectionParams: this.#headers, retryAttempts: 0 });
  }

  /** The variables that the document's example has. */
  example<Variables>(name: string): Variables {
    return JSON.parse(this.#operation(name).variables ?? '{}') as Variables;
  }

  /** Runs a query or mutation over HTTP. @throws {CliError} if the answer is an error. */
  async run<Data>(name: string, variables: Readonly<Record<string, unknown>> = {}): Promise<TimedAnswer<Data>> {
    const body = JSON.stringify({ query: this.#operation(name).query, operationName: name, variables });
    const from = performance.now();
    const result = await this.#post(body);
    return { data: dataOf<Data>(name, result), ms: performance.now() - from };
  }

  /**
   * Repeats a query until its answer satisfies a condition; returns how long that took. @throws {CliError} if it does
   * not in time.
   */
  async runUntil<Data>(
    name: string,
    variables: Readonly<Record<string, unknown>>,
    holds: (data: Data) => boolean,
  ): Promise<TimedAnswer<Data>> {
    const from = performance.now();
    for (;;) {
      const { data } = await this.run<Data>(name, variables);
      const ms = performance.now() - from;
      if (holds(data)) return { data, ms };
      if (ms > PATIENCE_MS) throw new CliError('DEMO_FAILED', `${name} did not become what was waited for.`);
      await delay(POLL_MS);
      this.#signal.throwIfAborted();
    }
  }

  /** Subscribes over WebSocket, and passes each message on as it comes. */
  watch<Message>(
    name: string,
    variables: Readonly<Record<string, unknown>>,
    onMessage: (message: Message) => void,
  ): Live<Message> {
    const messages: Message[] = [];
    const waiting = new Set<() => void>();
    const ended = Promise.withResolvers<void>();
    // A failure is reported to those who wait for a message, or for the end.
    ended.promise.catch(() => undefined);
    const sink: Sink<ApiResponse> = {
      next: (result) => {
        try {
          const [message] = Object.values(dataOf<Record<string, Message>>(name, result)) as [Message];
          messages.push(message);
          onMessage(message);
          for (const look of waiting) look();
        } catch (error) {
          ended.reject(error);
        }
      },
      error: (error) => ended.reject(errorOf(name, error)),
      complete: () => ended.resolve(),
    };
    this.#socket.subscribe({ query: this.#operation(name).query, operationName: name, variables }, sink);
    const until = async (holds: (message: Message) => boolean) => {
      const found = Promise.withResolvers<Message>();
      const look = () => {
        const message = messages.find(holds);
        if (message !== undefined) found.resolve(message);
      };
      waiting.add(look);
      look();
      const lost = ended.promise.then((): never => {
        throw new CliError('NO_MESSAGE', `${name} ended before the message that was waited for.`);
      });
      return this.#inTime(name, Promise.race([found.promise, lost])).finally(() => waiting.delete(look));
    };
    return { until, toItsEnd: () => this.#inTime(name, ended.promise) };
  }

  async close(): Promise<void> {
    await this.#socket.dispose();
  }

  #operation(name: string) {
    const operation = this.#operations.get(name);
    if (!operation) throw new CliError('NO_DOCUMENT', `schema/operations has no document ${name}.`);
    return operation;
  }

  async #post(body: string): Promise<ApiResponse> {
    let text: string;
    try {
      const response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#headers },
        body,
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(PATIENCE_MS)]),
      });
      text = await response.text();
    } catch (cause) {
      this.#signal.throwIfAborted();
      throw new CliError('NO_ANSWER', `No server answers at ${this.#endpoint}.`, { cause });
    }
    try {
      return JSON.parse(text) as ApiResponse;
    } catch (cause) {
      throw new CliError('NO_GRAPHQL', `What answers at ${this.#endpoint} is not a GraphQL API.`, { cause });
    }
  }

  /** Gives up if it takes too long, or the demo is stopped. */
  #inTime<T>(name: string, work: Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    const over = Promise.withResolvers<never>();
    const stop = () => over.reject(this.#signal.reason);
    const giveUp = () => over.reject(new CliError('NO_MESSAGE', `${name} said nothing for ${PATIENCE_MS / 1000} s.`));
    this.#signal.addEventListener('abort', stop);
    late.addEventListener('abort', giveUp);
    return Promise.race([work, over.promise]).finally(() => {
      this.#signal.removeEventListener('abort', stop);
      late.removeEventListener('abort', giveUp);
    });
  }
}

function dataOf<Data>(name: string, { data, errors }: ApiResponse): Data {
  const [error] = errors ?? [];
  if (error) throw new CliError(error.extensions?.code ?? 'ERROR', `${name} was answered: ${error.message}`);
  if (!data) throw new CliError('NO_GRAPHQL', `${name} was answered without data.`);
  return data as Data;
}

/** An error from graphql-ws: errors of the server, or how the connection ended. */
function errorOf(name: string, error: unknown): CliError {
  if (Array.isArray(error)) return errorOf(name, error[0]);
  const { reason, message } = error as { readonly reason?: string; readonly message?: string };
  return new CliError('NO_MESSAGE', `${name} failed: ${reason || message || 'the connection was lost'}.`, {
    cause: error,
  });
}
