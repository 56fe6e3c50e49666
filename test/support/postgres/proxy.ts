import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net';
import { afterEach } from 'vitest';

/** A way to Postgres that can be slow or broken, at will. */
export interface PostgresProxy {
  readonly url: string;
  /** From now on Postgres' answers wait here; those to connections of these applications only, if they are named. */
  holdAnswers(applications?: readonly string[]): void;
  /** Answers that waited go on, and those to come with them. */
  passAnswers(): void;
  /**
   * Present connections pass nothing on, or no answers, without being closed: sent data is still acknowledged. Later
   * connections are unaffected.
   */
  silence(what?: 'all' | 'answers'): void;
  /** Breaks all connections and drops withheld data. Later connections are unaffected. */
  cut(): void;
  /** Connections that were made so far. */
  readonly connections: number;
  /** From now on clients are told other numbers of their backends, as by a pooler. */
  renumber(numberOf: (pid: number) => number): void;
  /** From now on connections are refused, or not. */
  refuse(refused: boolean): void;
  close(): Promise<void>;
}

/** How `BackendKeyData` begins, with a secret of four bytes. */
const BACKEND = Buffer.from([0x4b, 0, 0, 0, 12]);

/** In the first message that is not about encryption. */
const APPLICATION = /application_name\0([^\0]*)\0/;

/** Puts proxies before the database, closed after each test. Call it before `useEngine`, whose engines end first. */
export function useProxy(database: { readonly url: string }): () => Promise<PostgresProxy> {
  const proxies: PostgresProxy[] = [];
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });
  return async () => {
    const proxy = await startProxy(database.url);
    proxies.push(proxy);
    return proxy;
  };
}

/** One connection through a proxy. */
class Passage {
  /** The application name that it gave at its login, such as `afterwrite writer`. */
  application: string | undefined;
  silent: 'all' | 'answers' | undefined;
  readonly #client: Socket;
  readonly #server: Socket;
  #hasNumber = false;

  constructor(client: Socket, server: Socket, options: PassageOptions) {
    this.#client = client;
    this.#server = server;
    const end = () => {
      this.cut();
      options.onEnd(this);
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end).setNoDelay(true);
    client.on('data', (data: Buffer) => {
      this.application ??= APPLICATION.exec(data.toString('latin1'))?.[1];
      if (options.isHeld(this)) this.hold();
      if (this.silent !== 'all') server.write(data);
    });
    server.on('data', (data: Buffer) => {
      this.#renumber(data, options.numberOf);
      if (!this.silent) client.write(data);
    });
    if (options.isHeld(this)) this.hold();
  }

  hold(): void {
    this.#server.pause();
  }

  pass(): void {
    this.#server.resume();
  }

  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #renumber(data: Buffer, numberOf: (pid: number) => number): void {
    const at = this.#hasNumber ? -1 : data.indexOf(BACKEND);
    if (at < 0) return;
    this.#hasNumber = true;
    data.writeInt32BE(numberOf(data.readInt32BE(at + BACKEND.length)), at + BACKEND.length);
  }
}

interface PassageOptions {
  readonly isHeld: (passage: Passage) => boolean;
  readonly numberOf: (pid: number) => number;
  readonly onEnd: (passage: Passage) => void;
}

/** Stands between a client and the Postgres of `target`. */
async function startProxy(target: string): Promise<PostgresProxy> {
  const to = new URL(target);
  const passages = new Set<Passage>();
  let isHeld = (_: Passage) => false;
  let refused = false;
  let connections = 0;
  let numberOf = (pid: number) => pid;
  const listener = createServer((client) => {
    if (refused) {
      client.destroy();
      return;
    }
    connections++;
    const server = tcpConnect(Number(to.port || 5432), to.hostname);
    passages.add(
      new Passage(client, server, {
        isHeld: (passage) => isHeld(passage),
        numberOf: (pid) => numberOf(pid),
        onEnd: (passage) => passages.delete(passage),
      }),
    );
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((listener.address() as AddressInfo).port);
  const cut = () => {
    for (const passage of passages) passage.cut();
  };
  return {
    url: url.href,
    get connections() {
      return connections;
    },
    renumber: (rule) => {
      numberOf = rule;
    },
    holdAnswers: (applications) => {
      isHeld = ({ application }) => !applications || (application !== undefined && applications.includes(application));
      for (const passage of passages) if (isHeld(passage)) passage.hold();
    },
    passAnswers: () => {
      isHeld = () => false;
      for (const passage of passages) passage.pass();
    },
    silence: (what = 'all') => {
      for (const passage of passages) passage.silent = what;
    },
    cut,
    refuse: (now) => {
      refused = now;
    },
    close: async () => {
      const closed = once(listener, 'close');
      listener.close();
      cut();
      await closed;
    },
  };
}
