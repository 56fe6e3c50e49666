import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net';
import { onTestFinished } from 'vitest';

/** `ReadyForQuery`, and the state of a session that is in no transaction. */
const READY = 0x5a;
const IDLE = 0x49;

/** A connection to Postgres, lent to one client at a time. */
interface Backend {
  readonly socket: Socket;
  /** The client that uses the connection for the duration of a transaction. */
  client: Client | undefined;
  /** It has been given to somebody since it was made. */
  isUsed: boolean;
  rest: Buffer;
}

interface Client {
  readonly socket: Socket;
  /** What waits for a backend. */
  readonly waiting: Buffer[];
}

/**
 * A pooler that gives each transaction the backend that was free last, as PgBouncer does in transaction mode. Clients log in by
 * themselves, each on a backend of its own, and speak the simple protocol. Ends with the test.
 */
export async function openTransactionPooler(target: string): Promise<string> {
  const to = new URL(target);
  const free: Backend[] = [];
  const sockets = new Set<Socket>();
  const give = (backend: Backend) => {
    backend.client = undefined;
    // One that was just made waits behind those that are in use.
    const put = backend.isUsed ? 'push' : 'unshift';
    backend.isUsed = true;
    const next = [...clients].find(({ waiting }) => waiting.length > 0);
    if (next) take(next, backend);
    else free[put](backend);
  };
  const take = (client: Client, backend: Backend) => {
    backend.client = client;
    for (const data of client.waiting.splice(0)) backend.socket.write(data);
  };
  const clients = new Set<Client>();
  const backends = new Set<Backend>();
  const listener = createServer((socket) => {
    const client: Client = { socket, waiting: [] };
    const backend: Backend = {
      socket: tcpConnect(Number(to.port), to.hostname),
      client,
      isUsed: false,
      rest: Buffer.alloc(0),
    };
    clients.add(client);
    backends.add(backend);
    for (const each of [socket, backend.socket]) sockets.add(each.on('error', () => {}));
    socket.on('close', () => clients.delete(client));
    socket.on('data', (data: Buffer) => {
      const own = [...backends].find((one) => one.client === client);
      if (own) {
        own.socket.write(data);
        return;
      }
      client.waiting.push(data);
      const last = free.pop();
      if (last) take(client, last);
    });
    backend.socket.on('data', (data: Buffer) => {
      backend.client?.socket.write(data);
      if (isIdleAfter(backend, data)) give(backend);
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(target);
  url.port = String((listener.address() as AddressInfo).port);
  // Messages are told apart here, which encryption would hide.
  url.searchParams.set('sslmode', 'disable');
  return url.href;
}

/** Whether the backend is in no transaction after it has said this. */
function isIdleAfter(backend: Backend, data: Buffer): boolean {
  backend.rest = Buffer.concat([backend.rest, data]);
  let isIdle = false;
  while (backend.rest.length >= 5) {
    const length = 1 + backend.rest.readInt32BE(1);
    if (backend.rest.length < length) break;
    if (backend.rest[0] === READY) isIdle = backend.rest[5] === IDLE;
    backend.rest = backend.rest.subarray(length);
  }
  return isIdle;
}
