import type { Client as SocketClient } from 'graphql-ws';
import type { Feed } from './feed.ts';
import { type ClientOptions, HttpClient } from './http-client.ts';
import { disposeOf, socketClient, subscribeWith } from './sockets.ts';

/** A client of a test application that acts for one actor, over HTTP and WebSocket. */
export class TestClient extends HttpClient {
  readonly #url: () => string;
  readonly #token: ClientOptions['token'];
  readonly #sockets = new Set<SocketClient>();
  /** The tenant of its actor. */
  readonly tenant: string | undefined;

  constructor(url: () => string, options: ClientOptions & { readonly tenant?: string | undefined }) {
    super(url, options);
    this.#url = url;
    this.#token = options.token;
    this.tenant = options.tenant;
  }

  /** Subscribes over WebSocket. The feed collects the messages until it is stopped. */
  async subscribe<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
  ): Promise<Feed<Data>> {
    const socket = socketClient(this.#url(), await this.#token?.());
    this.#sockets.add(socket);
    return subscribeWith<Data>(socket, query, variables);
  }

  /** Ends its subscriptions. */
  async close(): Promise<void> {
    const sockets = [...this.#sockets];
    this.#sockets.clear();
    await Promise.all(sockets.map(disposeOf));
  }
}
