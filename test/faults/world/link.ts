import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The destination of a link; undefined if it has none. */
export type Target = () => Address | undefined;

type Pair = readonly [client: Socket, server: Socket];

/** A way over TCP with an address that stays, whose connections can be cut, silenced, led elsewhere and refused. */
export class Link {
  readonly #target: Target;
  readonly #pairs = new Set<Pair>();
  /** They are open and nothing is forwarded, in either direction. */
  readonly #silent = new Set<Pair>();
  readonly #listener: Server;
  #port = 0;
  #held = false;
  #refused = false;
  #swallows = false;
  #elsewhere: Address | undefined;

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

  /** Breaks all connections and drops data in transit. Later connections are unaffected. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** From now on answers wait here, on all connections, as if the network swallowed them. */
  hold(): void {
    this.#held = true;
    for (const [, server] of this.#pairs) server.pause();
  }

  /** Answers that waited go on. */
  pass(): void {
    this.#held = false;
    for (const pair of this.#pairs) if (!this.#silent.has(pair)) pair[1].resume();
  }

  /**
   * From now on nothing is forwarded on the connections that there are, and neither end is told: TCP acknowledges what is sent,
   * as in front of a dead pooler. Later ones are as before.
   */
  silence(): void {
    for (const pair of this.#pairs) this.#mute(pair);
  }

  /** From now on new connections are silent from their beginning, or not. */
  swallow(swallowed: boolean): void {
    this.#swallows = swallowed;
  }

  /** Breaks the connections that are silent. */
  cutSilent(): void {
    for (const pair of this.#silent) for (const socket of pair) socket.destroy();
  }

  /** From now on new connections lead there; undefined: to the original destination. Existing connections stay. */
  leadTo(address: Address | undefined): void {
    this.#elsewhere = address;
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
    const target = this.#refused ? undefined : (this.#elsewhere ?? this.#target());
    if (!target) {
      client.on('error', () => {}).destroy();
      return;
    }
    const server = connect(target.port, target.host);
    const pair: Pair = [client, server];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      this.#silent.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => client.write(data));
    if (this.#swallows) this.#mute(pair);
    else if (this.#held) server.pause();
  }

  #mute(pair: Pair): void {
    this.#silent.add(pair);
    for (const socket of pair) socket.pause();
  }
}
