import type { Answer, AnswerError, Operation } from '../core/answer.ts';
import type { Credentials } from '../core/credentials.ts';
import { UnreachableError } from '../core/errors.ts';
import type { Opening, Transport } from './stream.ts';
import { type Watchdog, watchdog } from './watchdog.ts';

/** What is used of `createClient` of the package `graphql-ws`. */
export type CreateSockets = (options: {
  url: string;
  connectionParams: () => Promise<Record<string, unknown>>;
  retryAttempts: number;
  lazyCloseTimeout: number;
  keepAlive: number;
  on: { connecting: () => void; message: () => void; closed: () => void };
}) => SocketClient;

interface SocketClient {
  subscribe(
    payload: { query: string; variables?: Record<string, unknown>; operationName?: string | null },
    sink: { next(value: object): void; error(error: unknown): void; complete(): void },
  ): () => void;
  terminate(): void;
  dispose(): void | Promise<void>;
}

/** Access tokens that have expired, or are not acceptable. */
const REJECTED = [4401, 4403];
/** The server does not speak this protocol, or has nothing at this path: another attempt cannot help. */
const FATAL = [4400, 4406];
/** How long a socket without subscriptions stays open, in ms: a page that is left is often followed by another one. */
const IDLE_MS = 1000;
/** How often the server is asked for a sign of life within the time that the socket may be silent. */
const PINGS = 3;

/** Subscriptions over one WebSocket, which is open while there are any. */
export class SocketTransport implements Transport {
  readonly #url: string;
  readonly #create: CreateSockets;
  readonly #credentials: Credentials;
  readonly #silenceMs: number;
  #client: SocketClient | undefined;
  /** The access token that the socket was opened with. */
  #token: string | undefined;

  /** @param silenceMs how long the socket may be silent before it counts as lost. */
  constructor(url: string, create: CreateSockets, credentials: Credentials, silenceMs: number) {
    this.#url = url.replace(/^http/, 'ws');
    this.#create = create;
    this.#credentials = credentials;
    this.#silenceMs = silenceMs;
  }

  open(operation: Operation, _token: string | undefined, opening: Opening): () => void {
    this.#client ??= this.#connect();
    return this.#client.subscribe(operation, {
      next: (answer) => opening.next(answer as Answer),
      complete: () => opening.complete(),
      error: (error) => this.#failed(error, opening),
    });
  }

  /** Ends the socket, with all that goes over it; the next subscription opens another one. */
  reset(): void {
    const client = this.#client;
    this.#client = undefined;
    void client?.dispose();
  }

  #connect(): SocketClient {
    let dog: Watchdog | undefined;
    const client = this.#create({
      url: this.#url,
      connectionParams: async () => {
        this.#token = (await this.#credentials.present()).token;
        return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
      },
      // Streams open themselves again, with the credentials and the token of that moment.
      retryAttempts: 0,
      lazyCloseTimeout: IDLE_MS,
      // The server answers each ping.
      keepAlive: this.#silenceMs / PINGS,
      on: {
        connecting: () => {
          dog?.end();
          dog = watchdog(this.#silenceMs, () => client.terminate());
        },
        message: () => dog?.heard(),
        closed: () => dog?.end(),
      },
    });
    return client;
  }

  #failed(error: unknown, opening: Opening): void {
    if (Array.isArray(error)) {
      opening.next({ errors: error as AnswerError[] });
      opening.complete();
      return;
    }
    const { code, reason } = error as { code?: number; reason?: string };
    const cause = new UnreachableError(`The WebSocket was closed${code ? ` with ${code}: ${reason}` : ''}.`, error);
    if (code !== undefined && REJECTED.includes(code)) {
      const answer = { errors: [{ message: reason ?? '', extensions: { code: 'UNAUTHENTICATED' } }] };
      opening.lost({ rejected: this.#token, answer });
    } else opening.lost({ error: cause, isFatal: code !== undefined && FATAL.includes(code) });
  }
}
