import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net';
import type postgres from 'postgres';
import { afterEach } from 'vitest';
import { settle } from '../kernel/appends.ts';
import { type Frame, Frames } from './wire-frames.ts';

/**
 * How a connection to Postgres breaks:
 * - `lost`: a message to Postgres is not passed on, so what it asks for never happens.
 * - `unanswered`: it is passed on and no answer comes back, so that nobody knows whether it happened.
 * - `torn`: half of a message from Postgres comes back.
 * - `terminated`: Postgres ends the connection before the message, as an administrator does with pg_terminate_backend; the
 *   process lives on.
 */
export type Break = 'lost' | 'unanswered' | 'torn' | 'terminated';

/** The place of a fault. */
export interface CrashPoint {
  readonly how: Break;
  /** The message since the proxy was armed, from 1: of those to Postgres; for a torn answer, of those from Postgres. */
  readonly at: number;
  /** One connection, or the whole process: then all of its connections break and no more can be made. */
  readonly dies: 'connection' | 'process';
}

/** A way to Postgres that breaks at one message. */
export interface CrashProxy {
  readonly url: string;
  /** From now on something breaks, at this point. All connections are new: what a scenario says to Postgres is then the same each time. */
  arm(point: CrashPoint): Promise<void>;
  /** The same with the connections that there are. */
  rearm(point: CrashPoint): void;
  /** Number of relevant messages between arming and repair. */
  readonly messages: number;
  /** It has come to the point since it was armed. */
  readonly hasBroken: boolean;
  /** New connections work from now on. Resolves when Postgres has finished what the broken connections asked for. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Puts proxies before a database, closed after each test. Call it before `useEngine`, whose engines end first. */
export function useCrashProxy(): (database: Target) => Promise<CrashProxy> {
  const proxies: CrashProxy[] = [];
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });
  return async (database) => {
    const proxy = await startCrashProxy(database);
    proxies.push(proxy);
    return proxy;
  };
}

interface Target {
  readonly url: string;
  /** A connection that does not go through the proxy. */
  readonly sql: postgres.Sql;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Postgres' process at the other end, once it has said so. */
  pid: number | undefined;
  isBroken: boolean;
}

/** Ends waiting for a socket to close: resolves when both ends have closed it, or after two seconds. */
async function closed(socket: Socket): Promise<void> {
  // A client that does not read does not see the end.
  const timer = setTimeout(() => socket.destroy(), 2000);
  if (!socket.closed) await once(socket, 'close').catch(() => undefined);
  clearTimeout(timer);
}

/** Puts a proxy before a database. The caller closes it. */
export async function startCrashProxy({ url: target, sql }: Target): Promise<CrashProxy> {
  const to = new URL(target);
  const links = new Set<Link>();
  /** Those that are broken and not closed at both ends: the client has not seen it, or the process in Postgres has not ended. */
  const leaving = new Set<Promise<unknown>>();
  let point: CrashPoint | undefined;
  let seen = 0;
  let hasBroken = false;

  /** Postgres reads what it was sent, and then that nobody is there any more. */
  const breakOff = (link: Link) => {
    if (link.isBroken) return;
    link.isBroken = true;
    links.delete(link);
    link.client.end();
    link.server.end();
    const left = Promise.all([closed(link.server), closed(link.client)]).finally(() => leaving.delete(left));
    leaving.add(left);
  };
  const breakAll = () => {
    for (const link of links) breakOff(link);
  };
  const happen = (link: Link) => {
    hasBroken = true;
    breakOff(link);
    if (point?.dies !== 'process') return;
    listener.close();
    breakAll();
  };
  const isPoint = (direction: 'to' | 'from') => {
    if (!point || hasBroken || (direction === 'from') !== (point.how === 'torn')) return false;
    seen++;
    return seen === point.at;
  };

  const rearm = (next: CrashPoint) => {
    seen = 0;
    hasBroken = false;
    point = next;
  };

  const toServer = async (link: Link, frames: readonly Frame[]) => {
    for (const { bytes } of frames) {
      if (link.isBroken) return;
      if (isPoint('to')) {
        if (point?.how === 'terminated' && link.pid !== undefined) {
          hasBroken = true;
          // Postgres' last messages come back, as without a proxy. Then the connection closes.
          await sql`select pg_terminate_backend(${link.pid}, 5000)`;
        } else {
          if (point?.how === 'unanswered') link.server.write(bytes);
          happen(link);
          return;
        }
      }
      if (!link.isBroken) link.server.write(bytes);
    }
  };
  const toClient = (link: Link, frames: readonly Frame[]) => {
    for (const { type, bytes } of frames) {
      if (link.isBroken) return;
      if (type === 'K') link.pid = bytes.readInt32BE(5);
      // Settings that Postgres reports at the beginning, a dozen of them, are all alike.
      if (type !== 'S' && isPoint('from')) {
        link.client.write(bytes.subarray(0, Math.ceil(bytes.length / 2)));
        happen(link);
        return;
      }
      link.client.write(bytes);
    }
  };

  const listener = createServer((client) => {
    const server = tcpConnect(Number(to.port || 5432), to.hostname);
    const link: Link = { client, server, pid: undefined, isBroken: false };
    links.add(link);
    const fromClient = new Frames('startup');
    const fromServer = new Frames('typed');
    let sent = Promise.resolve();
    client.on('data', (data: Buffer) => {
      const frames = fromClient.take(data);
      sent = sent.then(() => toServer(link, frames));
    });
    server.on('data', (data: Buffer) => toClient(link, fromServer.take(data)));
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => breakOff(link)).on('close', () => breakOff(link));
    }
  });
  const listen = (at: number) => once(listener.listen(at, '127.0.0.1'), 'listening');
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  // Messages are told apart here, which encryption would hide.
  url.searchParams.set('sslmode', 'disable');
  return {
    url: url.href,
    arm: async (next) => {
      point = undefined;
      breakAll();
      await Promise.all(leaving);
      // The clients, which are of this process, have to see that their connections are gone.
      await settle();
      rearm(next);
    },
    rearm,
    get messages() {
      return seen;
    },
    get hasBroken() {
      return hasBroken;
    },
    mend: async () => {
      point = undefined;
      if (!listener.listening) await listen(port);
      await Promise.all(leaving);
    },
    close: async () => {
      if (listener.listening) listener.close();
      breakAll();
      await Promise.all(leaving);
    },
  };
}
