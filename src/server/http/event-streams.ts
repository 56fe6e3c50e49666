import type { ServerResponse } from 'node:http';
import type { Plugin } from 'graphql-yoga';
import { atMoment } from '../expiry.ts';
import type { Visit } from '../limits/visit.ts';
import type { HttpContext } from './graphql-requests.ts';

/** Clients read an error before they are told that the connection is over, in ms. */
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
 * The answers that are streams of events. Other than connections of the WebSocket protocol nobody closes them with a code:
 * what is open is known here, and ends with the access token that opened it, or with the server.
 */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  /** The messages of subscriptions that are opened over HTTP. */
  readonly #messages = new WeakMap<Visit, AsyncIterable<unknown>>();

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Tells of Yoga's. */
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
   * @param endMessages ends the subscription, so that it keeps nothing while its client does not take the end of the stream.
   */
  add(response: ServerResponse, expiresAt?: Date, endMessages: () => void = () => {}): void {
    this.#open.add(response);
    const forget = expiresAt && atMoment(expiresAt, () => endExpired(response, endMessages));
    response.once('close', () => {
      forget?.();
      this.#open.delete(response);
    });
  }

  /** Ends all, without saying that what they carry is complete: clients subscribe again, elsewhere. */
  end(): void {
    for (const response of this.#open) response.end();
  }
}

/**
 * Ends a stream whose access token has expired. It is not said to be complete: graphql-sse's client takes that for the end of
 * the subscription, whereas after a lost connection it asks for headers again, with a new token, and subscribes again.
 */
function endExpired(response: ServerResponse, endMessages: () => void): void {
  if (response.writableEnded) return;
  response.write(LAST_WORDS);
  // Nothing that happens from now on is the former caller's to see.
  response.write = (() => true) as ServerResponse['write'];
  setTimeout(() => {
    response.end();
    endMessages();
  }, LAST_WORDS_MS).unref();
}
