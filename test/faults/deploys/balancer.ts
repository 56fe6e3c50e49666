import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server behind the balancer. */
export interface Backend {
  /** Undefined until it listens. */
  readonly url: string | undefined;
}

/** Time between two questions to `/readyz`, in ms. */
const CHECK_MS = 100;
/** Pause before all servers are tried again, in ms, unless one names another. */
const PAUSE_MS = 100;

/** The answer of a server, complete. */
interface Forwarded {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/**
 * A load balancer as people put before their servers: it sends requests to those whose `/readyz` is green, in turn. What one answers
 * with 503 it sends to the next one, and later to all of them again. It keeps what its clients send, so that it can repeat it.
 */
export class Balancer {
  readonly #server: Server;
  readonly #backends = new Map<Backend, { isReady: boolean }>();
  readonly #sockets = new Set<Socket>();
  readonly #closing = new AbortController();
  readonly #checking: Promise<void>;
  readonly #patienceMs: number;
  #turn = 0;
  #repeated = 0;

  private constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    this.#checking = this.#check();
  }

  /** @param patienceMs a request that no server can take now is tried again for this long. */
  static async open(patienceMs: number): Promise<Balancer> {
    const balancer = new Balancer(patienceMs);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Number of requests that were sent more than once. */
  get repeated(): number {
    return this.#repeated;
  }

  add(backend: Backend): void {
    this.#backends.set(backend, { isReady: false });
  }

  remove(backend: Backend): void {
    this.#backends.delete(backend);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#checking;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #check(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const checks = [...this.#backends].map(async ([{ url }, known]) => {
        const within = AbortSignal.any([signal, AbortSignal.timeout(2000)]);
        known.isReady = url !== undefined && (await fetch(`${url}/readyz`, { signal: within }).then(isOk, () => false));
      });
      await Promise.all(checks);
      await delay(CHECK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The ready servers, beginning with the one whose turn it is. */
  #ready(): string[] {
    const ready = [...this.#backends].flatMap(([{ url }, { isReady }]) => (isReady && url ? [url] : []));
    const from = ready.length > 0 ? this.#turn++ % ready.length : 0;
    return [...ready.slice(from), ...ready.slice(0, from)];
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    const until = performance.now() + this.#patienceMs;
    let answer: Forwarded | undefined;
    for (let tries = 0; !this.#closing.signal.aborted; ) {
      let pauseMs = PAUSE_MS;
      for (const url of this.#ready()) {
        if (++tries === 2) this.#repeated++;
        answer = await this.#forward(url, request, body);
        if (answer && answer.status !== 503) break;
        pauseMs = Math.max(pauseMs, Number(answer?.headers.get('retry-after') ?? 0) * 1000);
      }
      if ((answer && answer.status !== 503) || performance.now() + pauseMs > until) break;
      await delay(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    const type = answer?.headers.get('content-type') ?? 'text/plain';
    response.writeHead(answer?.status ?? 502, { 'content-type': type });
    response.end(answer?.body ?? 'No server is there.');
  }

  /** Undefined if the server went away before it answered. Commands have ids, so they may be repeated too. */
  async #forward(url: string, { headers, method = 'GET', url: path }: IncomingMessage, body: Buffer) {
    const { host: _, connection: __, 'content-length': ___, 'transfer-encoding': ____, ...passed } = headers;
    try {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: passed as Record<string, string>,
        ...(method === 'GET' ? {} : { body: new Uint8Array(body) }),
      });
      return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
    } catch {
      return undefined;
    }
  }

  /** Connects a WebSocket to one server until either of them ends it. */
  #upgrade({ method, url: path, rawHeaders }: IncomingMessage, client: Socket, head: Buffer): void {
    const [backend] = this.#ready();
    if (!backend) {
      client.destroy();
      return;
    }
    const { hostname, port } = new URL(backend);
    const server = connect(Number(port), hostname);
    const pair = [client, server];
    for (const socket of pair) {
      this.#sockets.add(socket);
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        for (const each of pair) each.destroy();
      });
    }
    const lines = rawHeaders.flatMap((name, nth) => (nth % 2 === 0 ? [`${name}: ${rawHeaders[nth + 1]}`] : []));
    server.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    server.write(head);
    client.pipe(server);
    server.pipe(client);
  }
}

function isOk(response: Response): boolean {
  return response.ok;
}
