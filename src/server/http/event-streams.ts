import type { ServerResponse } from 'node:http';
import type { Plugin } from 'graphql-yoga';
import { later } from '../../scheduling/timers.ts';
import { atMoment } from '../expiry.ts';
import type { Visit } from '../limits/visit.ts';
import type { HttpContext } from './requests/graphql-requests.ts';

/** Time for a client to read an error before the connection is closed, in ms. */
const LAST_WORDS_MS = 100;

const EXPIRED = {
  errors: [
    {
      message: 'The access token has expired; subscribe again with a new one.',
      extensions: { code: 'UNAUTHENTICATED' },
    },
  ],
};
const LAST_WORDS = `event: next\ndata: ${JSON.stringify(EXPIRED)}\n\n`;

/**
 * The answers that are event streams. Unlike WebSocket connections, they have no close code. So the open streams are
 * listed here, and end with the access token that opened them, or with the server.
 */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  /** The messages of subscriptions that were opened over HTTP. */
  readonly #messages = new WeakMap<Visit, AsyncIterable<unknown>>();

  /** Number of open streams. */
  get size(): number {
    return this.#open.size;
  }

  /** Registers the streams that Yoga opens. */
  get plugin(): Plugin<object, Partial<HttpContext>> {
    return {
      onSubscribe: ({ args }) => {
        const { visit } = args.contextValue as Partial<HttpContext>;
        return {
          onSubscribeResult: ({ result }) => {
            if (visit?.isHttp && Symbol.asyncIterator in result) this.#messages.set(visit, result);
          },
        };
      },
      onResponse: ({ response, serverContext }) => {
        const { res, visit } = serverContext as Partial<HttpContext> & { res?: ServerResponse };
        if (!res || !response.headers.get('content-type')?.startsWith('text/event-stream')) return;
        const messages = visit && this.#messages.get(visit);
        this.add(res, visit?.authenticated?.expiresAt, () => void messages?.[Symbol.asyncIterator]().return?.());
      },
    };
  }

  /**
   * @param expiresAt when the stream ends, with the error UNAUTHENTICATED.
   * @param endMessages ends the subscription, so that it holds nothing while its client does not read the end of the
   * stream.
   */
  add(response: ServerResponse, expiresAt?: Date, endMessages: () => void = () => {}): void {
    this.#open.add(response);
    const forget = expiresAt && atMoment(expiresAt, () => endExpired(response, endMessages));
    response.once('close', () => {
      forget?.();
      this.#open.delete(response);
    });
  }

  /** Ends all streams without a "complete" event: clients subscribe again, at another server. */
  end(): void {
    for (const response of this.#open) response.end();
  }
}

/**
 * Ends a stream whose access token has expired, without a "complete" event: graphql-sse's client would take that for
 * the end of the subscription. After a lost connection it asks for headers again, with a new token, and subscribes
 * again.
 */
function endExpired(response: ServerResponse, endMessages: () => void): void {
  if (response.writableEnded) return;
  response.write(LAST_WORDS);
  // The former caller must not see anything that happens from now on.
  response.write = (() => true) as ServerResponse['write'];
  const end = () => {
    response.end();
    endMessages();
  };
  later(LAST_WORDS_MS, end, { keepsProcess: false });
}
