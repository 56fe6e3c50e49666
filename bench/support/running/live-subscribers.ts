// Subscribers to live lists, or clients that poll them, in a process of their own: as bare as they can be, so that it is
// the server that is measured.
import { Pool } from 'undici';
import { WebSocket } from 'ws';

/**
 * Opens subscribers, which share the lists in turn. Answers with {@link Watching} when each has had its first message.
 */
export interface Watch {
  readonly url: string;
  readonly subscribers: number;
  readonly customerIds: readonly string[];
  /** Orders in a list. */
  readonly first: number;
  /** Asks every second instead of subscribing. */
  readonly polls: boolean;
}
export interface Watching {
  readonly watching: number;
}

/** Answered with {@link Settled} when every subscriber has seen these versions of its list, or later ones. */
export interface Settle {
  /** The sum of the versions of each list. */
  readonly sums: readonly number[];
}
export interface Settled {
  /** When the last of them had, in ms, comparable between processes. */
  readonly at: number;
  /** Messages or answers since the last time. */
  readonly messages: number;
}

const SELECTION =
  'orders(first: $first, filter: { customerId: $id }) { nodes { id status itemCount updatedAt version } }';
const SUBSCRIPTION = `subscription Desk($id: ID!, $first: Int!) { live { ${SELECTION} } }`;
const QUERY = `query Desk($id: ID!, $first: Int!) { ${SELECTION} }`;
const PER_SOCKET = 100;
const POLL_MS = 1000;

/** The sum of the versions in each subscriber's list, as of its last message. */
const seen: number[] = [];
let lists = 0;
let messages = 0;
let lastAt = 0;
let check = () => {};

process.on('message', async (message: Watch | Settle) => {
  if ('subscribers' in message) {
    await watch(message);
    process.send?.({ watching: seen.length } satisfies Watching);
  } else {
    await settled(message.sums);
    process.send?.({ at: lastAt, messages } satisfies Settled);
    messages = 0;
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function watch({ url, subscribers, customerIds, first, polls }: Watch): Promise<void> {
  lists = customerIds.length;
  for (let nth = 0; nth < subscribers; nth++) seen[nth] = 0;
  const variablesOf = (nth: number) => ({ id: customerIds[nth % lists] as string, first });
  const numbers = seen.map((_, nth) => nth);
  if (polls) {
    const pool = new Pool(url, { connections: 64, pipelining: 1 });
    for (const nth of numbers) {
      setTimeout(() => void poll(pool, nth, variablesOf(nth)), (nth / subscribers) * POLL_MS);
    }
  } else {
    for (let from = 0; from < subscribers; from += PER_SOCKET) {
      await subscribe(url, numbers.slice(from, from + PER_SOCKET), variablesOf);
    }
  }
  await settled(customerIds.map(() => 1));
}

function subscribe(url: string, numbers: readonly number[], variablesOf: (nth: number) => object): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  socket.on('open', () => socket.send('{"type":"connection_init"}'));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = data.toString();
      if (text.includes('"type":"next"')) return told(Number(/"id":"(\d+)","type":"next"/.exec(text)?.[1]), text);
      if (text.includes('"type":"ping"')) return socket.send('{"type":"pong"}');
      if (!text.includes('"type":"connection_ack"')) throw new Error(`A subscriber was sent ${text}`);
      for (const nth of numbers) {
        const payload = { query: SUBSCRIPTION, variables: variablesOf(nth) };
        socket.send(JSON.stringify({ id: String(nth), type: 'subscribe', payload }));
      }
      resolve();
    });
    socket.on('close', (code, reason) => {
      throw new Error(`A subscriber's connection was closed: ${code} ${reason}`);
    });
  });
}

/** Asks, and asks again a second after it has asked, or when the answer is there if that takes longer. */
async function poll(pool: Pool, nth: number, variables: object): Promise<void> {
  for (;;) {
    const next = performance.now() + POLL_MS;
    const { body } = await pool.request({
      ...{ method: 'POST', path: '/graphql', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ query: QUERY, variables }),
    });
    told(nth, await body.text());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
}

function told(nth: number, text: string): void {
  let sum = 0;
  for (const [, version] of text.matchAll(/"version":(\d+)/g)) sum += Number(version);
  if (sum === 0) throw new Error(`A subscriber was sent ${text}`);
  messages++;
  seen[nth] = sum;
  lastAt = performance.timeOrigin + performance.now();
  check();
}

/** Resolves when all have seen these versions. */
async function settled(sums: readonly number[]): Promise<void> {
  const missing = () => seen.filter((sum, nth) => sum < (sums[nth % lists] as number)).length;
  let left = missing();
  if (left === 0) return;
  await new Promise<void>((resolve) => {
    check = () => {
      // Counting all at every message would take longer than the messages do.
      if (--left > 0) return;
      left = missing();
      if (left === 0) resolve();
    };
  });
  check = () => {};
}
