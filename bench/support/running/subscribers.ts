// Subscribers to rows with a `version`, or clients that poll them, in a process of their own: WebSockets of the graphql-ws
// protocol as bare as they can be, so that it is the server that is measured.
import { Pool } from 'undici';
import { WebSocket } from 'ws';

/** Opens more subscribers; answered with {@link Opened} when each has had its first message. */
export interface Open {
  readonly url: string;
  readonly subscribers: number;
  /** Subscriptions on one WebSocket. */
  readonly perSocket: number;
  /** The subscription; if they poll, the query. */
  readonly document: string;
  /** Of each group. The subscribers belong to the groups in turn, all that are open counted. */
  readonly variables: readonly Readonly<Record<string, unknown>>[];
  /** They ask every second instead of subscribing. */
  readonly polls: boolean;
}
export interface Opened {
  readonly opened: number;
}

/** Answered with {@link Settled} when every subscriber has seen what its group should have seen, or later versions. */
export interface Settle {
  /** The sum of the versions that one message shows, for each group. */
  readonly sums: readonly number[];
}
export interface Settled {
  /** When the last of them had, in ms, comparable between processes. */
  readonly at: number;
  /** Messages or answers since the last time. */
  readonly messages: number;
}

const CONNECTING_AT_ONCE = 50;
const POLL_MS = 1000;

/** What each subscriber has seen last: the sum of the versions in its message. */
const seen: number[] = [];
let messages = 0;
let lastAt = 0;
let check = () => {};

process.on('message', async (message: Open | Settle) => {
  if ('subscribers' in message) {
    await open(message);
    process.send?.({ opened: seen.length } satisfies Opened);
  } else {
    await settled(message.sums);
    process.send?.({ at: lastAt, messages } satisfies Settled);
    messages = 0;
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function open({ url, subscribers, perSocket, document, variables, polls }: Open): Promise<void> {
  const opened = Array.from({ length: subscribers }, (_, index) => seen.length + index);
  for (const nth of opened) seen[nth] = 0;
  const bodyOf = (nth: number) => ({ query: document, variables: variables[nth % variables.length] });
  if (polls) {
    const pool = new Pool(url, { connections: 64, pipelining: 1 });
    for (const [index, nth] of opened.entries()) {
      setTimeout(() => void poll(pool, nth, bodyOf(nth)), (index / subscribers) * POLL_MS);
    }
  } else {
    const sockets = chunks(opened, perSocket);
    for (const some of chunks(sockets, CONNECTING_AT_ONCE)) {
      await Promise.all(some.map((numbers) => subscribe(url, numbers, bodyOf)));
    }
  }
  await settled(variables.map(() => 1));
}

/** Opens a socket with these subscriptions; resolves when it has asked for them. */
function subscribe(url: string, numbers: readonly number[], bodyOf: (nth: number) => object): Promise<void> {
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
        socket.send(JSON.stringify({ id: String(nth), type: 'subscribe', payload: bodyOf(nth) }));
      }
      resolve();
    });
    socket.on('close', (code, reason) => {
      throw new Error(`A subscriber's connection was closed: ${code} ${reason}`);
    });
  });
}

/** Asks, and asks again a second after it has asked, or when the answer is there if that takes longer. */
async function poll(pool: Pool, nth: number, body: object): Promise<void> {
  for (;;) {
    const next = performance.now() + POLL_MS;
    const answer = await pool.request({
      ...{ method: 'POST', path: '/graphql', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(body),
    });
    told(nth, await answer.body.text());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
}

function told(nth: number, text: string): void {
  let sum = 0;
  for (const [, version] of text.matchAll(/"version":(\d+)/g)) sum += Number(version);
  if (sum === 0 || !(nth in seen)) throw new Error(`A subscriber was sent ${text}`);
  messages++;
  seen[nth] = sum;
  lastAt = performance.timeOrigin + performance.now();
  check();
}

/** Resolves when all have seen these versions. */
async function settled(sums: readonly number[]): Promise<void> {
  const missing = () => seen.filter((sum, nth) => sum < (sums[nth % sums.length] as number)).length;
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

function chunks<T>(elements: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(elements.length / size) }, (_, nth) =>
    elements.slice(nth * size, (nth + 1) * size),
  );
}
