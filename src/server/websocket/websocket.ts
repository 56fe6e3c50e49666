import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError, getOperationAST, OperationTypeNode } from 'graphql';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import type { Logger } from 'pino';
import { WebSocket, WebSocketServer } from 'ws';
import type { Config } from '../../config.ts';
import { answerError, type OnFault } from '../../graphql/plugins/errors.ts';
import { UnauthenticatedError } from '../../kernel/errors.ts';
import type { Authenticated } from '../auth/claims.ts';
import { AuthUnavailableError } from '../auth/published-keys.ts';
import { type Authenticator, credentialsOf } from '../auth.ts';
import type { Yoga } from '../graphql.ts';
import type { HostGuard } from '../http/hosts.ts';
import { CORRELATION_HEADER, correlationIdFrom, traceparentFrom } from '../http/request-id.ts';
import { isEndpoint } from '../http/routes.ts';
import { gatherMessages } from './gather-messages.ts';
import { openConnection } from './socket-connection.ts';

export interface WebSocketOptions {
  readonly yoga: Yoga;
  readonly authenticator: Authenticator;
  readonly config: Pick<Config, 'maxBodyBytes' | 'subscriptionsPerConnection' | 'corsOrigins'>;
  readonly logger: Logger;
  readonly onFault: OnFault;
  /** False from when the server is shutting down. */
  readonly accepts: () => boolean;
  readonly whyNotHost: HostGuard;
}

/** The longest that a timer can run. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How long a client may take to answer that its connection is to be closed, in ms; then it is cut. */
const CLOSE_GRACE_MS = 1000;
/** Clients reconnect, elsewhere. */
const GOING_AWAY = 1001;
/** A client may try again, which it does not after any code of graphql-ws' own. */
const TRY_AGAIN_LATER = 1013;

/** What is kept with a connection. */
interface Session {
  readonly socket: WebSocket;
  /** The headers of the request that has opened it, as far as they are of use. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  authenticated: Authenticated | null;
  expiry: NodeJS.Timeout | undefined;
}
const NO_HEADERS: Session['headers'] = {};
type PipelineRoot = Pick<ReturnType<Yoga['getEnveloped']>, 'execute' | 'subscribe'>;

/**
 * Subscriptions over WebSocket (graphql-ws protocol) on the path of the API. It passes the same pipeline as HTTP; it carries
 * subscriptions only, since what hangs on an HTTP request (headers, tokens, the client going away) is not there.
 *
 * @returns closes all sockets, so that clients reconnect elsewhere.
 */
export function serveWebSockets(server: Server, options: WebSocketOptions): () => Promise<void> {
  const { yoga, authenticator, config, logger, onFault, accepts } = options;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: config.maxBodyBytes, handleProtocols });
  const protocol = makeServer<Record<string, unknown>, Session>({
    // Yoga's pipeline, made for each operation in `onSubscribe`.
    execute: (args) => (args.rootValue as PipelineRoot).execute(args),
    subscribe: (args) => (args.rootValue as PipelineRoot).subscribe(args),
    onConnect: async ({ connectionParams, extra }) => {
      try {
        extra.authenticated = await authenticator.authenticate(
          credentialsOf(connectionParams) ?? extra.headers.authorization,
        );
      } catch (error) {
        const correlationId = correlationIdFrom(
          textIn(connectionParams, CORRELATION_HEADER) ?? extra.headers[CORRELATION_HEADER],
        );
        closeUnauthenticated(extra.socket, error, logger.child({ correlationId }));
        return false;
      }
      // Checking takes a while; the client may be gone.
      if (extra.socket.readyState === WebSocket.OPEN) closeAtExpiry(extra);
      return true;
    },
    onDisconnect: ({ extra }) => clearTimeout(extra.expiry),
    onSubscribe: async ({ connectionParams, subscriptions, extra }, _id, payload) => {
      // Browsers cannot set headers here.
      const sent = (name: string) =>
        textIn(payload.extensions, name) ?? textIn(connectionParams, name) ?? extra.headers[name];
      if (Object.keys(subscriptions).length > config.subscriptionsPerConnection) {
        return [refusal(`A connection holds at most ${config.subscriptionsPerConnection} subscriptions.`)];
      }
      const caller = {
        actor: extra.authenticated?.actor ?? null,
        correlationId: correlationIdFrom(sent(CORRELATION_HEADER)),
        traceparent: traceparentFrom(sent('traceparent')),
        connection: extra,
      };
      const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({ caller });
      let document: ExecutionArgs['document'];
      try {
        document = parse(payload.query);
        // The payload is kept as long as the subscription; the document is one for all that are the same.
        Object.assign(payload, { query: '' });
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
      } catch (error) {
        // A rule that does not go on after its first error throws it.
        return [answerError(error, caller.correlationId, onFault)];
      }
      const operationName = payload.operationName || null;
      const operation = getOperationAST(document, operationName);
      if (!operation) return [refusal('The document has no such operation; name one where it has several.')];
      if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
        return [refusal('WebSocket carries subscriptions only; send queries and mutations over HTTP.')];
      }
      return {
        schema,
        document,
        operationName,
        variableValues: payload.variables ?? null,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe } satisfies PipelineRoot,
      };
    },
  });
  // Apart from what handles the request: what is made here stays as long as the socket, and would keep the request with it.
  const open = (webSocket: WebSocket, headers: Session['headers']) => {
    const correlationId = headers[CORRELATION_HEADER];
    webSocket.on('error', (err) => logger.info({ err, correlationId }, 'a WebSocket connection broke'));
    const session: Session = { socket: webSocket, headers, authenticated: null, expiry: undefined };
    openConnection(protocol, webSocket, session, (err) =>
      logger.error({ err, correlationId }, 'a WebSocket message was not handled'),
    );
  };
  server.on('upgrade', (request, socket, head) => {
    const refused = whyRefused(request, config.corsOrigins, accepts());
    if (refused) return refuse(socket, refused);
    const foreign = options.whyNotHost(request.headers.host);
    if (foreign) return refuse(socket, '403 Forbidden', foreign);
    const headers = headersOf(request);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      gatherMessages(webSocket, socket);
      open(webSocket, headers);
    });
  });
  return async () => {
    const cut = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
    }, CLOSE_GRACE_MS);
    for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
    await new Promise((resolve) => sockets.close(resolve));
    clearTimeout(cut);
  };
}

/** Those of which something is read later. Most requests have none of them. */
function headersOf({ headers }: IncomingMessage): Session['headers'] {
  const known = ['authorization', 'traceparent', CORRELATION_HEADER].flatMap((name) => {
    const value = headers[name]?.toString();
    return value === undefined ? [] : [[name, value] as const];
  });
  return known.length === 0 ? NO_HEADERS : Object.fromEntries(known);
}

function closeUnauthenticated(socket: WebSocket, error: unknown, logger: Logger): void {
  if (error instanceof UnauthenticatedError) {
    logger.info({ reason: error.message }, 'a WebSocket connection was refused');
    socket.close(CloseCode.Unauthorized, error.message.slice(0, 120));
    return;
  }
  logger.error({ err: error }, 'the credentials of a WebSocket connection could not be checked');
  if (error instanceof AuthUnavailableError) socket.close(TRY_AGAIN_LATER, error.message.slice(0, 120));
  else socket.close(CloseCode.InternalServerError, 'Internal server error');
}

/** What a client has sent along under a name, where it is text. */
function textIn(sent: Readonly<Record<string, unknown>> | null | undefined, name: string): string | undefined {
  const value = sent?.[name];
  return typeof value === 'string' ? value : undefined;
}

function closeAtExpiry(extra: Session): void {
  const { expiresAt } = extra.authenticated ?? {};
  if (!expiresAt) return;
  const left = expiresAt.getTime() - Date.now();
  extra.expiry = setTimeout(
    () => {
      if (left > MAX_TIMER_MS) closeAtExpiry(extra);
      else extra.socket.close(CloseCode.Unauthorized, 'The access token has expired');
    },
    Math.min(Math.max(0, left), MAX_TIMER_MS),
  );
  extra.expiry.unref();
}

/** Browsers let any page open a WebSocket to any server and send its cookies along; they say where the page is from. */
function whyRefused(request: IncomingMessage, origins: readonly string[], accepts: boolean): string | undefined {
  if (!accepts) return '503 Service Unavailable';
  if (!isEndpoint(request)) return '404 Not Found';
  const { origin, host } = request.headers;
  if (!origin || origins.includes(origin)) return undefined;
  return URL.canParse(origin) && new URL(origin).host === host ? undefined : '403 Forbidden';
}

function refuse(socket: Duplex, status: string, message?: string): void {
  const body = message ? JSON.stringify({ errors: [{ message, extensions: { code: 'FORBIDDEN' } }] }) : '';
  const type = body && 'Content-Type: application/json; charset=utf-8\r\n';
  // Once it is asked to be upgraded, nobody but us looks after it.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  const headers = `Connection: close\r\n${type}Content-Length: ${Buffer.byteLength(body)}\r\n`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n${body}`);
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}
