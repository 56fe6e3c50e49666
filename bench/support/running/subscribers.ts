// Subscribers to orders, in a process of their own: WebSockets of the graphql-ws protocol as bare as they can be, so that
// it is the server that is measured.
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** Opens subscribers; answered with {@link Opened} when each has had its first message. */
export interface Open {
  readonly url: string;
  readonly subscribers: number;
  readonly perSocket: number;
  /** They take turns. */
  readonly orderIds: readonly string[];
}
export interface Opened {
  readonly opened: number;
}

/** Answered with {@link Told} when every subscriber has been told of this version of its order, or of a later one. */
export interface Expect {
  readonly version: number;
}
export interface Told {
  /** When the last of them was, in ms, comparable between processes. */
  readonly at: number;
}

const SUBSCRIPTION = `subscription OrderUpdated($id: ID!) {
  orderUpdated(id: $id) { id status itemCount updatedAt version }
}`;
const CONNECTING_AT_ONCE = 50;

/** The newest version that each subscriber was told of. */
const versions: number[] = [];
let lastAt = 0;
let check = () => {};

process.on('message', async (message: Open | Expect) => {
  if ('subscribers' in message) {
    await open(message);
    process.send?.({ opened: versions.length } satisfies Opened);
  } else {
    await reached(message.version);
    process.send?.({ at: lastAt } satisfies Told);
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function open({ url, subscribers, perSocket, orderIds }: Open): Promise<void> {
  const first = versions.length;
  for (let nth = first; nth < first + subscribers; nth++) versions[nth] = 0;
  for (let socket = 0; socket * perSocket < subscribers; socket += CONNECTING_AT_ONCE) {
    const sockets = Array.from({ length: CONNECTING_AT_ONCE }, (_, index) => (socket + index) * perSocket);
    await Promise.all(
      sockets
        .filter((begin) => begin < subscribers)
        .map((begin) => {
          const here = Array.from({ length: Math.min(perSocket, subscribers - begin) }, (_, index) => begin + index);
          const ids = here.map((nth) => [first + nth, orderIds[nth % orderIds.length] as string] as const);
          return subscribe(url, ids);
        }),
    );
  }
  await reached(1);
}

/** A socket with a subscription to each of these orders; resolves when it has asked for them. */
function subscribe(url: string, orders: readonly (readonly [subscriber: number, orderId: string])[]): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  socket.on('open', () => socket.send('{"type":"connection_init"}'));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = data.toString();
      if (text.includes('"type":"next"')) return told(text);
      if (text.includes('"type":"ping"')) return socket.send('{"type":"pong"}');
      if (!text.includes('"type":"connection_ack"')) throw new Error(`A subscriber was sent ${text}`);
      for (const [subscriber, id] of orders) {
        const payload = { query: SUBSCRIPTION, variables: { id } };
        socket.send(JSON.stringify({ id: String(subscriber), type: 'subscribe', payload }));
      }
      resolve();
    });
    socket.on('close', (code, reason) => {
      throw new Error(`A subscriber's connection was closed: ${code} ${reason}`);
    });
  });
}

function told(text: string): void {
  const [, subscriber] = /"id":"(\d+)","type":"next"/.exec(text) ?? [];
  const [, version] = /"version":(\d+)/.exec(text) ?? [];
  if (!subscriber || !version) throw new Error(`A subscriber was sent ${text}`);
  versions[Number(subscriber)] = Number(version);
  lastAt = performance.timeOrigin + performance.now();
  check();
}

/** Resolves when all have been told of this version. */
async function reached(version: number): Promise<void> {
  let missing = versions.filter((known) => known < version).length;
  if (missing === 0) return;
  await new Promise<void>((resolve) => {
    check = () => {
      // Counting all at every message would take longer than the messages do.
      if (--missing > 0) return;
      missing = versions.filter((known) => known < version).length;
      if (missing === 0) resolve();
    };
  });
  check = () => {};
  // A duplicate message would arrive now.
  await delay(0);
}
