import type { AnswerError } from '../core/answer.ts';
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
    payload: { query: string; variables?: Record<string, unknown>; operationName?: string | null | undefined },
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

/**
 * Subscriptions over one WebSocket, which is open while there are any.
 * @param silenceMs how long the socket may be silent before it counts as lost.
 */
export function socketTransport(
  url: string,
  create: CreateSockets,
  credentials: Credentials,
  silenceMs: number,
): Transport {
  let sockets: SocketClient | undefined;
  /** The access token that the socket was opened with. */
  let token: string | undefined;
  const connect = () => {
    let dog: Watchdog | undefined;
    const made = create({
      url: url.replace(/^http/, 'ws'),
      connectionParams: async () => {
        ({ token } = await credentials.present());
        return token === undefined ? {} : { authorization: `Bearer ${token}` };
      },
      // Streams open themselves again, with the credentials and the token of that moment.
      retryAttempts: 0,
      lazyCloseTimeout: IDLE_MS,
      // The server answers each ping.
      keepAlive: silenceMs / PINGS,
      on: {
        connecting: () => {
          dog?.end();
          dog = watchdog(silenceMs, () => made.terminate());
        },
        message: () => dog?.heard(),
        closed: () => dog?.end(),
      },
    });
    return made;
  };
  const failed = (error: unknown, opening: Opening) => {
    if (Array.isArray(error)) {
      opening.next({ errors: error as AnswerError[] });
      return opening.complete();
    }
    const { code = 0, reason = '' } = error as { code?: number; reason?: string };
    if (REJECTED.includes(code)) {
      const answer = { errors: [{ message: reason, extensions: { code: 'UNAUTHENTICATED' } }] };
      return opening.lost({ rejected: token, answer });
    }
    const cause = new UnreachableError(`The WebSocket was closed with ${code} ${reason}`, error);
    opening.lost({ error: cause, isFatal: FATAL.includes(code) });
  };
  return {
    open: (operation, _token, opening) => {
      sockets ??= connect();
      return sockets.subscribe(operation, { ...opening, error: (error) => failed(error, opening) });
    },
    // The next subscription opens another one.
    reset: () => {
      const former = sockets;
      sockets = undefined;
      void former?.dispose();
    },
  };
}
