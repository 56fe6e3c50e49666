import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import { afterEach } from 'vitest';
import { type Afterwrite, type AfterwriteOptions, createAfterwrite } from '../../client/src/index.ts';
import { CUSTOMER, type CustomerView, LIVE_CUSTOMER, type LiveCustomerView, REGISTER } from './documents.ts';

/** Over which way subscriptions of a client go. */
export const ways = ['WebSocket', 'server-sent events'] as const;
export type Way = (typeof ways)[number];

/** Makes clients of a server and ends them after each test. */
export function useClients(app: { readonly url: string }) {
  const open: Afterwrite[] = [];
  afterEach(() => {
    for (const client of open.splice(0)) client.close();
  });
  return (options: Partial<AfterwriteOptions> = {}, way: Way = 'WebSocket'): Afterwrite => {
    const sockets = way === 'WebSocket' ? { sockets: createClient } : {};
    const client = createAfterwrite({ url: `${app.url}/graphql`, ...sockets, ...options });
    open.push(client);
    return client;
  };
}

/** `localStorage` or `sessionStorage` of a browser. */
export class MemoryStorage implements Storage {
  readonly #items = new Map<string, string>();
  [name: string]: unknown;

  get length(): number {
    return this.#items.size;
  }
  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
  clear(): void {
    this.#items.clear();
  }
}

/** The keys of commands that wait in a storage. */
export const waitingIn = (storage: Storage): string[] =>
  Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? '').filter((key) =>
    /^afterwrite-queue/.test(key),
  );

/** A way to the server that a test holds in its hands. */
export class Line {
  /** Headers of the requests that were sent. */
  readonly sent: Headers[] = [];
  /** The fates of the next requests, in order. */
  readonly #next: ((send: () => Promise<Response>) => Promise<Response>)[] = [];
  isCut = false;
  /** How many requests were not sent because the line was cut. */
  failed = 0;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (this.isCut) {
      this.failed++;
      throw new TypeError('fetch failed');
    }
    this.sent.push(new Headers(init.headers));
    const send = () => fetch(url, init);
    return (this.#next.shift() ?? ((plainly) => plainly()))(send);
  };

  /** The next request is answered at once, but its answer arrives only when the returned function is called. */
  holdAnswer(): { readonly answered: Promise<void>; readonly release: () => void } {
    const answered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#next.push(async (send) => {
      const response = await send();
      // The whole body: the server is done with it.
      const body = await response.text();
      answered.resolve();
      await released.promise;
      return new Response(body, { status: response.status, headers: { 'content-type': 'application/json' } });
    });
    return { answered: answered.promise, release: released.resolve };
  }

  /** The next request reaches the server only when the returned function is called. */
  holdRequest(): { readonly asked: Promise<void>; readonly release: () => void } {
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#next.push(async (send) => {
      asked.resolve();
      await released.promise;
      return send();
    });
    return { asked: asked.promise, release: released.resolve };
  }

  /** The answer to the next request is lost, after the server has done what it asks. */
  loseAnswer(): void {
    this.#next.push(async (send) => {
      await (await send()).text();
      throw new TypeError('fetch failed');
    });
  }

  /** The next request is answered with this instead of being sent. */
  answer(response: Response | Promise<Response>): void {
    this.#next.push(async () => response);
  }
}

/** Registers a customer. @returns its id. */
export async function register(client: Afterwrite, name = 'Ada'): Promise<string> {
  const id = randomUUID();
  await client.command(REGISTER, { id, name });
  return id;
}

/** The name that a client reads. */
export async function nameOf(client: Afterwrite, id: string): Promise<string | undefined> {
  const { data, errors } = await client.query(CUSTOMER, { id });
  if (errors) throw new Error(JSON.stringify(errors));
  return (data as CustomerView).customer?.name;
}

/** The names that a live query of a customer has shown, oldest first, and how it ended. */
export function watch(client: Afterwrite, id: string) {
  const shown = { names: [] as (string | undefined)[], ending: undefined as unknown, stop: () => {} };
  shown.stop = client.subscribe(
    LIVE_CUSTOMER,
    { id },
    {
      next: ({ data }) => void shown.names.push((data as LiveCustomerView | null)?.live.customer?.name),
      error: (error) => {
        shown.ending = error;
      },
      complete: () => {
        shown.ending = 'complete';
      },
    },
  );
  return shown;
}
