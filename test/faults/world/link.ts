import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Where a link leads; undefined while there is nothing at its end. */
export type Target = () => { readonly host: string; readonly port: number } | undefined;

/** A way over TCP with an address that stays, whose connections can be cut, silenced and refused. */
export class Link {
  readonly #target: Target;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  readonly #listener: Server;
  #port = 0;
  #held = false;
  #refused = false;

  private constructor(target: Target) {
    this.#target = target;
    this.#listener = createServer((client) => this.#join(client));
  }

  /** Opens a link on a free port. */
  static async open(target: Target): Promise<Link> {
    const link = new Link(target);
    link.#listener.listen(0, '127.0.0.1');
    await once(link.#listener, 'listening');
    link.#port = (link.#listener.address() as AddressInfo).port;
    return link;
  }

  /** Its own, also when it is closed. */
  get port(): number {
    return this.#port;
  }

  /** Connections at this moment. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Breaks all connections; what was on its way is lost. Later ones are as before. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** From now on answers wait here, on all connections, as where a network swallows them. */
  hold(): void {
    this.#held = true;
    for (const [, server] of this.#pairs) server.pause();
  }

  /** Answers that waited go on. */
  pass(): void {
    this.#held = false;
    for (const [, server] of this.#pairs) server.resume();
  }

  /** From now on new connections are refused, or not. */
  refuse(refused: boolean): void {
    this.#refused = refused;
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    const target = this.#refused ? undefined : this.#target();
    if (!target) {
      client.on('error', () => {}).destroy();
      return;
    }
    const server = connect(target.port, target.host);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => client.write(data));
    if (this.#held) server.pause();
  }
}
