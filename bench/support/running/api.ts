import { type Client, createClient } from 'graphql-ws';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { cpuOf, startChild } from '../measuring/child.ts';

/** The API of a server that runs in a process of its own. */
export interface BenchApi {
  /** Where it listens, e.g. http://127.0.0.1:4000. */
  readonly url: string;
  /**
   * One request over at most `connections` keep-alive connections; resolves to its data. @throws if it has errors.
   * @param tenant if the server has tenants.
   */
  request<T>(query: string, variables?: Readonly<Record<string, unknown>>, tenant?: string): Promise<T>;
  /** Issues a command; resolves to its receipt. @throws if it was not accepted. */
  command(document: string, input: Readonly<Record<string, unknown>>, tenant?: string): Promise<Receipt>;
  /** A new WebSocket for subscriptions. */
  socket(): Client;
  /** The server's heap after a garbage collection, in bytes. */
  memory(): Promise<NodeJS.MemoryUsage>;
  /** CPU time that the server has used so far, in µs. */
  cpu(): Promise<number>;
  close(): Promise<void>;
}

export interface Receipt {
  readonly aggregateId: string;
  readonly version: number;
  readonly token: string;
}

export interface ApiOptions {
  /** The domains that it mounts, by name. */
  readonly domains: readonly string[];
  /** How it keeps tenants apart, if it has any. */
  readonly tenants?: 'database' | 'column';
  /** HTTP connections at most. */
  readonly connections?: number;
  /** Settings that are not at their defaults. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A mutation document for a command that answers what {@link BenchApi.command} reads. */
export function commandDocument(name: string, inputType: string): string {
  return `mutation ($input: ${inputType}!) {
    ${name}(input: $input) { ... on CommandReceipt { aggregateId version token } ... on Error { code message } }
  }`;
}

/** Starts a server on a database, which it brings to its schema, with its default settings. */
export async function openApi(databaseUrl: string, options: ApiOptions): Promise<BenchApi> {
  const server = await startChild<{ url: string }>(new URL('./server.ts', import.meta.url), {
    ...{ DATABASE_URL: databaseUrl, PORT: '0', LOG_LEVEL: 'error', BENCH_DOMAINS: options.domains.join(',') },
    ...(options.tenants && { BENCH_TENANTS: options.tenants }),
    ...options.settings,
  });
  const { url } = server.started;
  const pool = new Pool(url, { connections: options.connections ?? 64, pipelining: 1 });
  const sockets: Client[] = [];
  const request = async <T>(
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
    tenant?: string,
  ): Promise<T> => {
    const { body } = await pool.request({
      method: 'POST',
      path: '/graphql',
      headers: { 'content-type': 'application/json', ...(tenant && { authorization: `Tenant ${tenant}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await body.json()) as { data?: T; errors?: unknown };
    if (errors || !data) throw new Error(`A request was not answered: ${JSON.stringify(errors)}`);
    return data;
  };
  return {
    url,
    request,
    command: async (document, input, tenant) => {
      const [receipt] = Object.values(await request<Record<string, Receipt>>(document, { input }, tenant));
      if (!receipt?.token) throw new Error(`A command was not accepted: ${JSON.stringify(receipt)}`);
      return receipt;
    },
    socket: () => {
      const socket = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        lazy: false,
        onNonLazyError: () => {},
      });
      sockets.push(socket);
      return socket;
    },
    memory: async () => (await server.ask<{ memory: NodeJS.MemoryUsage }>('memory')).memory,
    cpu: () => cpuOf(server),
    close: async () => {
      await Promise.all(sockets.map((socket) => socket.dispose()));
      await pool.close();
      await server.end();
    },
  };
}
