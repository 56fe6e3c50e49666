import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

export interface Receipt {
  readonly aggregateId: string;
  readonly token: string;
}

/** A client of a server of its own: commands over HTTP with connections kept alive, subscriptions over one WebSocket. */
export interface Shop {
  /** Issues a command; resolves to its receipt. */
  command(document: string, variables: Record<string, unknown>): Promise<Receipt>;
  /** Resolves when every read model has reached the token and the server has said so. */
  caughtUp(token: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server on an empty database, with its default settings, and connects to it. */
export async function openShop(databaseUrl: string): Promise<Shop> {
  const server = fork(fileURLToPath(new URL('shop-server.ts', import.meta.url)), {
    env: { ...process.env, DATABASE_URL: databaseUrl, PORT: '0', LOG_LEVEL: 'error' },
  });
  const ended = once(server, 'exit');
  const failed = ended.then(() => Promise.reject(new Error('The server did not start.')));
  const [url] = (await Promise.race([once(server, 'message'), failed])) as [string];
  failed.catch(() => undefined);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const socket = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    lazy: false,
    onNonLazyError: () => {},
  });
  return {
    command: async (query, variables) => {
      const { data, errors } = await post(agent, `${url}/graphql`, { query, variables });
      const receipt = data && Object.values(data)[0];
      if (!receipt?.token) throw new Error(`A command was not accepted: ${JSON.stringify(errors ?? data)}`);
      return receipt;
    },
    caughtUp: (token) => subscribe(socket, token),
    close: async () => {
      await socket.dispose();
      agent.destroy();
      server.disconnect();
      await ended;
    },
  };
}

interface Answer {
  readonly data?: Record<string, Receipt>;
  readonly errors?: unknown;
}

function post(agent: Agent, url: string, body: unknown): Promise<Answer> {
  const payload = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text)));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

const CAUGHT_UP = 'subscription ($token: ConsistencyToken!) { caughtUp(token: $token) { projection } }';

/** Measures to the last message, not to the end of the subscription that follows it. */
function subscribe(socket: Client, token: string): Promise<void> {
  const reached = new Set<string>();
  return new Promise((resolve, reject) => {
    socket.subscribe<{ caughtUp: { projection: string } }>(
      { query: CAUGHT_UP, variables: { token } },
      {
        next: ({ data, errors }) => {
          if (!data) return reject(new Error(JSON.stringify(errors)));
          reached.add(data.caughtUp.projection);
          if (reached.size === PROJECTIONS) resolve();
        },
        error: reject,
        complete: () => reject(new Error(`Only ${[...reached]} were reached.`)),
      },
    );
  });
}

/** The shop's read models: customers, products, orders. */
const PROJECTIONS = 3;
