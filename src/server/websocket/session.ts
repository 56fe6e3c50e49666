import type { IncomingMessage } from 'node:http';
import { CloseCode, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { SharedSink } from '../../graphql/answer/shared-json.ts';
import { CredentialsExpiredError, UnauthenticatedError } from '../../kernel/errors.ts';
import { AuthUnavailableError } from '../auth/published-keys.ts';
import { atMoment } from '../expiry.ts';
import { CORRELATION_HEADER } from '../http/requests/request-id.ts';
import { OverLimitError } from '../limits/over-limit.ts';
import type { Visit } from '../limits/visit.ts';
import type { ServerObserver } from '../operations/occurrences.ts';
import { TRY_AGAIN_LATER } from './close-codes.ts';
import { type Connection, type ConnectionEvents, type ConnectionLimits, openConnection } from './socket-connection.ts';

/** The headers of the request that opened a connection, as far as they are read later. */
export type SessionHeaders = Readonly<Record<string, string | undefined>>;

const NO_HEADERS: SessionHeaders = {};

/** One connection, from its upgrade to its end. It must not keep the request that opened it alive. */
export class Session {
  readonly socket: WebSocket;
  readonly visit: Visit;
  readonly headers: SessionHeaders;
  readonly #gone = new AbortController();
  #connection: Connection | undefined;
  #forgetExpiry: (() => void) | undefined;
  /** Of the APIs that its subscriptions use: one release for each, all of one tenant. */
  readonly #apis: (() => void)[] = [];

  constructor(socket: WebSocket, visit: Visit, headers: SessionHeaders) {
    this.socket = socket;
    this.visit = visit;
    this.headers = headers;
    socket.once('close', () => {
      visit.leave();
      this.#gone.abort();
      for (const release of this.#apis.splice(0)) release();
    });
  }

  /** Aborted when the connection is closed. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** A subscription has begun, which uses an API until {@link releaseApi}, or until the connection is closed. */
  holdApi(release: (() => void) | undefined): void {
    if (!release) return;
    if (this.#gone.signal.aborted) release();
    else this.#apis.push(release);
  }

  /** One subscription has ended. */
  releaseApi(): void {
    this.#apis.pop()?.();
  }

  /** Speaks the protocol from now on. */
  open(protocol: Server<Session>, limits: ConnectionLimits, events: ConnectionEvents): void {
    this.#connection = openConnection(protocol, this.socket, this, limits, events);
  }

  /** Sends messages that many subscribers get to the subscription with this id. */
  sinkOf(id: string): SharedSink | undefined {
    const connection = this.#connection;
    return connection && ((message) => connection.send(id, message));
  }

  /** An operation of the client was refused because of a limit. */
  throttled(): void {
    this.#connection?.throttled();
  }

  /** After 4401 graphql-ws' client gives up. After 4403 it asks for its connectionParams again, with a new token. */
  closeAtExpiry(): void {
    const { expiresAt } = this.visit.authenticated ?? {};
    if (!expiresAt) return;
    const close = () => this.socket.close(CloseCode.Forbidden, 'The access token has expired');
    this.#forgetExpiry = atMoment(expiresAt, close);
  }

  /** The connection has ended. */
  forgetExpiry(): void {
    this.#forgetExpiry?.();
  }

  /** Closes the connection, because its credentials were not accepted or could not be checked. */
  refuse(error: unknown, correlationId: string, observer: Pick<ServerObserver, 'tell'>): void {
    const { socket, visit } = this;
    if (error instanceof OverLimitError || error instanceof UnauthenticatedError) {
      const status = closeCodeOf(error);
      visit.refused({ code: error.code, status, correlationId, why: error.message }, error);
      socket.close(status, error.message.slice(0, 120));
      return;
    }
    observer.tell('transportFailed', { step: 'check the credentials of a WebSocket', error, correlationId });
    if (error instanceof AuthUnavailableError) socket.close(TRY_AGAIN_LATER, error.message.slice(0, 120));
    else socket.close(CloseCode.InternalServerError, 'Internal server error');
  }
}

/** The headers that are read later. Most requests have none of them. */
export function sessionHeaders({ headers }: IncomingMessage): SessionHeaders {
  const known = ['authorization', 'traceparent', CORRELATION_HEADER].flatMap((name) => {
    const value = headers[name]?.toString();
    return value === undefined ? [] : [[name, value] as const];
  });
  return known.length === 0 ? NO_HEADERS : Object.fromEntries(known);
}

function closeCodeOf(error: OverLimitError | UnauthenticatedError): number {
  if (error instanceof OverLimitError) return TRY_AGAIN_LATER;
  return error instanceof CredentialsExpiredError ? CloseCode.Forbidden : CloseCode.Unauthorized;
}
