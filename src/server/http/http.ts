import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { later } from '../../scheduling/timers.ts';
import { forbidSniffing } from './answers.ts';
import { Pipelines } from './pipelines.ts';

/** The address is in use or not allowed: one line for the operator who starts the server. */
export class ListenError extends Error {
  readonly code: string;

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const reasons: Record<string, string> = {
      EADDRINUSE: `something else listens on port ${port} already; stop it, or choose another with PORT=…`,
      EACCES: `this user may not listen on port ${port}; choose one above 1023 with PORT=…`,
      EADDRNOTAVAIL: `this machine does not have the address ${host}; choose another with HOST=…`,
      ENOTFOUND: `the name ${host} is not known; choose another with HOST=…`,
    };
    const { code = 'LISTEN_FAILED' } = cause;
    super(`Cannot listen on ${host}:${port}: ${reasons[code] ?? cause.message}.`, { cause });
    this.name = 'ListenError';
    this.code = code;
  }
}

/** Time limits for clients, in ms, and the number of connections. */
export interface ConnectionTimes {
  /** For the headers of a request. */
  readonly headersTimeoutMs: number;
  /** For a whole request, its body included. */
  readonly requestTimeoutMs: number;
  /** Between two requests on one connection. */
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
}

/** Time between two checks for requests that do not arrive in time, in ms. */
const CHECK_EVERY_MS = 1000;

/** Starts an HTTP server without routes. @throws {ListenError} */
export async function listen(
  host: string,
  port: number,
  times: ConnectionTimes,
  handler: RequestHandler,
): Promise<Server> {
  const options = {
    headersTimeout: Math.min(times.headersTimeoutMs, times.requestTimeoutMs),
    requestTimeout: times.requestTimeoutMs,
    keepAliveTimeout: times.keepAliveTimeoutMs,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  };
  const pipelines = new Pipelines();
  const server = createServer(options, (request, response) => {
    if (!pipelines.take(request, response)) return;
    forbidSniffing(response);
    Promise.resolve(handler(request, response)).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end();
      server.emit('handlerError', error, request);
    });
  });
  server.maxConnections = times.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new ListenError(host, port, error)));
    server.listen(port, host, resolve);
  });
  return server;
}

/** Accepts no more connections. Running answers have a moment to finish; streams are ended. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = later(500, () => server.closeAllConnections());
    server.close(() => {
      force.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** The URL of a server for people and clients on this machine. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const anywhere = address === '0.0.0.0' || address === '::';
  const host = anywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
