import { type IncomingMessage, request } from 'node:http';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { afterEach } from 'vitest';
import { Feed, type FeedMessage } from '../../../src/testing/clients/feed.ts';
import { disposeOf, socketClient, subscribeWith } from '../../../src/testing/clients/sockets.ts';

/** A way to subscribe. */
export interface Transport {
  subscribe<Data = Record<string, unknown>>(query: string, variables?: Readonly<Record<string, unknown>>): Feed<Data>;
  /** Ends all that was subscribed. */
  close(): void;
}

export interface TransportOptions {
  /** Access token of the subscriber. */
  readonly token?: string | undefined;
  /** Instead of the address of the application: a way to it that a test holds in its hands. */
  readonly url?: string;
}

export type Way = keyof typeof WAYS;

/** All ways to subscribe. */
export const ways = ['WebSocket', 'SSE by POST', 'SSE by GET', 'urql over WebSocket'] as const satisfies readonly Way[];

/** Opens ways to an application and closes them after each test. */
export function useTransports(app: { readonly url: string }) {
  const open: Transport[] = [];
  afterEach(() => {
    for (const transport of open.splice(0)) transport.close();
  });
  return (way: Way, options: TransportOptions = {}): Transport => {
    const transport = WAYS[way](options.url ?? app.url, options.token);
    open.push(transport);
    return transport;
  };
}

const WAYS = {
  WebSocket: overSocket,
  'SSE by POST': (url: string, token?: string) => overEvents(url, 'POST', token),
  'SSE by GET': (url: string, token?: string) => overEvents(url, 'GET', token),
  'urql over WebSocket': overUrql,
};

function overSocket(url: string, token?: string): Transport {
  const client = socketClient(url, token);
  return {
    subscribe: (query, variables) => subscribeWith(client, query, variables),
    close: () => void disposeOf(client),
  };
}

function overUrql(url: string, token?: string): Transport {
  const sockets = socketClient(url, token);
  const client = new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: sockets.subscribe({ query, ...(variables ? { variables } : {}) }, sink as never),
          }),
        }),
      }),
      fetchExchange,
    ],
  });
  return {
    subscribe: <Data>(query: string, variables: Readonly<Record<string, unknown>> = {}) => {
      const feed = new Feed<Data>(() => unsubscribe());
      const { unsubscribe } = client.subscription<Data>(query, variables).subscribe((result) => {
        const { data, error, extensions, hasNext } = result;
        // It says that there is no more by giving out the last result again.
        if (!hasNext) feed.finish({ how: 'complete' });
        if (!hasNext && feed.messages.length > 0) return;
        const errors = error?.graphQLErrors.length ? { errors: error.graphQLErrors } : {};
        feed.push({ data: data ?? null, ...errors, extensions: extensions ?? {} } as FeedMessage<Data>);
      });
      return feed;
    },
    close: () => void disposeOf(sockets),
  };
}

/** A subscription over server-sent events, with the response for a test that reads at its own pace. */
export interface EventFeed<Data> extends Feed<Data> {
  readonly response: Promise<IncomingMessage>;
}

/** graphql-sse's distinct connections, over HTTP/1.1. */
export function eventFeed<Data>(
  url: string,
  method: 'POST' | 'GET',
  body: object,
  headers: Readonly<Record<string, string>> = {},
): EventFeed<Data> {
  const get = method === 'GET' ? `?${new URLSearchParams(searchOf(body))}` : '';
  const sent = request(`${url}/graphql${get}`, {
    method,
    agent: false,
    headers: {
      accept: 'text/event-stream',
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
  });
  const feed = new Feed<Data>(() => sent.destroy());
  const response = new Promise<IncomingMessage>((resolve) => {
    sent.on('response', (incoming) => {
      readEvents(incoming, feed);
      resolve(incoming);
    });
  });
  sent.on('error', (error) => feed.finish({ how: 'closed', reason: error.message }));
  sent.end(method === 'POST' ? JSON.stringify(body) : undefined);
  return Object.assign(feed, { response });
}

function overEvents(url: string, method: 'POST' | 'GET', token?: string): Transport {
  const feeds: Feed[] = [];
  return {
    subscribe: <Data>(query: string, variables: Readonly<Record<string, unknown>> = {}) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const feed = eventFeed<Data>(url, method, { query, variables }, headers);
      feeds.push(feed as unknown as Feed);
      return feed;
    },
    close: () => {
      for (const feed of feeds) feed.stop();
    },
  };
}

function searchOf(body: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function readEvents<Data>(response: IncomingMessage, feed: Feed<Data>): void {
  let text = '';
  response.setEncoding('utf8');
  // A request that is refused as a whole is answered as any other.
  const isStream = response.headers['content-type']?.startsWith('text/event-stream');
  response.on('data', (chunk: string) => {
    text += chunk;
    if (!isStream) return;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: ?(.*)$/m.exec(event)?.[1] ?? '';
      if (/^event: ?next$/m.test(event)) feed.push(JSON.parse(data) as FeedMessage<Data>);
      if (/^event: ?complete$/m.test(event)) feed.finish({ how: 'complete' });
    }
  });
  response.on('end', () => {
    if (isStream) return;
    feed.push(JSON.parse(text) as FeedMessage<Data>);
    feed.finish({ how: 'complete' });
  });
  response.on('end', () => feed.finish({ how: 'closed', reason: response.complete ? 'end' : 'cut off' }));
  response.on('error', (error) => feed.finish({ how: 'closed', reason: error.message }));
}
