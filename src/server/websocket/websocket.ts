import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError, getOperationAST, OperationTypeNode } from 'graphql';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import type { Logger } from 'pino';
import { WebSocket, WebSocketServer } from 'ws';
import type { KnownDocuments } from '../../graphql/documents/known-documents.ts';
import type { SentOperation, TrustedDocuments } from '../../graphql/documents/trusted-documents.ts';
import { answerError, type OnFault } from '../../graphql/plugins/errors.ts';
import { CredentialsExpiredError, UnauthenticatedError } from '../../kernel/errors.ts';
import { pause } from '../../scheduling/sleeper.ts';
import { later } from '../../scheduling/timers.ts';
import type { Turns } from '../../scheduling/turns.ts';
import type { Config } from '../../settings/config.ts';
import { credentialsOf } from '../auth/authenticator.ts';
import { AuthUnavailableError } from '../auth/published-keys.ts';
import { atMoment } from '../expiry.ts';
import type { Yoga } from '../graphql.ts';
import { CORRELATION_HEADER, correlationIdFrom, traceparentFrom } from '../http/requests/request-id.ts';
import type { Addresses } from '../limits/address.ts';
import { graphqlErrorOf, limitIn, OverLimitError } from '../limits/over-limit.ts';
import { refusalCode } from '../limits/refusals-plugin.ts';
import { pointsOfDocument } from '../limits/traffic.ts';
import { type CallerChecks, Visit } from '../limits/visit.ts';
import { GOING_AWAY, TRY_AGAIN_LATER } from './close-codes.ts';
import { gatherMessages } from './gather-messages.ts';
import { PromptMessages } from './inbox.ts';
import { type Connection, openConnection } from './socket-connection.ts';
import { watchUnfinished } from './unfinished-messages.ts';
import { admitUpgrade, type UpgradeRules } from './upgrade.ts';

export interface WebSocketOptions extends UpgradeRules {
  readonly yoga: Yoga;
  readonly gate: CallerChecks;
  readonly addresses: Addresses;
  readonly config: Pick<
    Config,
    | 'maxBodyBytes'
    | 'subscriptionsPerConnection'
    | 'socketMessages'
    | 'maxBufferedBytes'
    | 'connectionInitTimeoutMs'
    | 'requestTimeoutMs'
  >;
  readonly documents: TrustedDocuments;
  readonly known: KnownDocuments;
  /** Turns of messages, and of subscriptions that begin, on the event loop. */
  readonly turns: Turns;
  readonly logger: Logger;
  readonly onFault: OnFault;
}

/** How long a caller who opens sockets although they are over their limits waits for the refusal, in ms. */
const THROTTLED_WAIT_MS = 1000;
/** How long a client may take to acknowledge the close of its connection, in ms; then it is cut. */
const CLOSE_GRACE_MS = 1000;
/** Network packets in which a message may arrive: each takes memory besides its bytes. */
const MAX_CHUNKS = 16_384;

/** State of a connection. */
interface Session {
  readonly socket: WebSocket;
  readonly visit: Visit;
  /** Aborted when the connection is closed. */
  readonly gone: AbortSignal;
  /** The useful headers of the request that opened it. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Cancels the timer that closes the connection when its access token expires. */
  forgetExpiry: (() => void) | undefined;
  connection?: Connection;
}
const ENDED = refusal('The subscription has ended.');
const NO_HEADERS: Session['headers'] = {};
type PipelineRoot = Pick<ReturnType<Yoga['getEnveloped']>, 'execute' | 'subscribe'>;

/**
 * Subscriptions over WebSocket (graphql-ws protocol) on the path of the API, through the same pipeline as HTTP. Only
 * subscriptions: what depends on an HTTP request (headers, tokens, a client that goes away) is missing here.
 *
 * @returns a function that closes all sockets, so that clients reconnect to another server.
 */
export function serveWebSockets(server: Server, options: WebSocketOptions): () => Promise<void> {
  const { yoga, documents, known, turns, gate, addresses, config, logger, onFault } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: config.maxBodyBytes,
    maxBufferedChunks: MAX_CHUNKS,
    handleProtocols,
  });
  const protocol = makeServer<Record<string, unknown>, Session>({
    connectionInitWaitTimeout: config.connectionInitTimeoutMs,
    // Yoga's pipeline, which `onSubscribe` creates for each operation.
    execute: (args) => (args.rootValue as PipelineRoot).execute(args),
    subscribe: (args) => (args.rootValue as PipelineRoot).subscribe(args),
    onConnect: async ({ connectionParams, extra }) => {
      try {
        await extra.visit.authenticate(credentialsOf(connectionParams) ?? extra.headers.authorization);
        await extra.visit.spend(1);
      } catch (error) {
        // They would open the next socket at once.
        if (error instanceof OverLimitError) await pause(THROTTLED_WAIT_MS, extra.gone, { keepsProcess: false });
        const correlationId = correlationIdFrom(
          textIn(connectionParams, CORRELATION_HEADER) ?? extra.headers[CORRELATION_HEADER],
        );
        closeUnauthenticated(extra, error, correlationId, logger);
        return false;
      }
      // The check takes a while; the client may be gone.
      if (extra.socket.readyState === WebSocket.OPEN) closeAtExpiry(extra);
      return true;
    },
    onDisconnect: ({ extra }) => extra.forgetExpiry?.(),
    onError: ({ extra }, _id, _payload, errors) => {
      const code = refusalCode(errors);
      if (code === undefined) return;
      extra.visit.refused({ code, limit: limitIn(errors) });
      if (code === 'THROTTLED') extra.connection?.throttled();
    },
    onSubscribe: async ({ connectionParams, subscriptions, extra }, id, payload) => {
      // Browsers cannot set headers here.
      const sent = (name: string) =>
        textIn(payload.extensions, name) ?? textIn(connectionParams, name) ?? extra.headers[name];
      if (Object.keys(subscriptions).length > config.subscriptionsPerConnection) {
        return [refusal(`A connection holds at most ${config.subscriptionsPerConnection} subscriptions.`)];
      }
      const { visit } = extra;
      try {
        await visit.spend(1);
      } catch (error) {
        if (!(error instanceof OverLimitError)) throw error;
        return [graphqlErrorOf(error, undefined)];
      }
      // Many subscriptions may begin in one message of the network.
      await turns.take(visit.caller);
      // The client has ended it meanwhile. Nothing is sent.
      if (!(id in subscriptions)) return [ENDED];
      const client = {
        actor: visit.authenticated?.actor ?? null,
        address: visit.address,
        correlationId: correlationIdFrom(sent(CORRELATION_HEADER)),
        traceparent: traceparentFrom(sent('traceparent')),
        connection: extra,
        opening: extra.gone,
      };
      const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({ client, visit });
      let document: ExecutionArgs['document'];
      try {
        const text = documents.textOf(payload as SentOperation) ?? '';
        const isKnown = known.find(text, payload.operationName ?? undefined) !== undefined;
        if (!isKnown) await visit.spend(pointsOfDocument(text.length));
        document = parse(text);
        // The payload is kept as long as the subscription; the text of the document is not needed any more.
        Object.assign(payload, { query: '' });
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
      } catch (error) {
        if (error instanceof OverLimitError) return [graphqlErrorOf(error, undefined)];
        // A validation rule that stops at its first error throws it.
        return [answerError(error, client.correlationId, onFault)];
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
  const prompt = new PromptMessages();
  const turn = (caller: string) => turns.take(caller);
  // A separate function: its closure lives as long as the socket, and must not keep the request alive.
  const open = (webSocket: WebSocket, visit: Visit, headers: Session['headers']) => {
    const correlationId = headers[CORRELATION_HEADER];
    webSocket.on('error', (err) => logger.info({ err, correlationId }, 'a WebSocket connection broke'));
    const gone = new AbortController();
    webSocket.once('close', () => {
      visit.leave();
      gone.abort();
    });
    const session: Session = { socket: webSocket, visit, gone: gone.signal, headers, forgetExpiry: undefined };
    const limits = {
      ...{ messages: config.socketMessages, bufferedBytes: config.maxBufferedBytes },
      ...{ prompt, turn, caller: () => visit.caller },
    };
    session.connection = openConnection(protocol, webSocket, session, limits, {
      onFault: (err) => logger.error({ err, correlationId }, 'a WebSocket message was not handled'),
      onOverLimit: (limit) =>
        visit.refused({ limit, code: 'THROTTLED', status: TRY_AGAIN_LATER, ...(correlationId && { correlationId }) }),
    });
  };
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const correlationId = correlationIdFrom(request.headers[CORRELATION_HEADER]?.toString());
    const visit = new Visit(gate, 'websocket', addresses.clientOf(request));
    if (!(await admitUpgrade(options, visit, request, socket, correlationId))) return;
    // The connection may break before it becomes a WebSocket; no WebSocket event reports that.
    socket.once('close', () => visit.leave());
    if (socket.destroyed) return visit.leave();
    const headers = headersOf(request);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      gatherMessages(webSocket, socket);
      watchUnfinished(webSocket, socket, {
        timeoutMs: config.requestTimeoutMs,
        hold: () => visit.sendSlowly(),
        onRefused: (error) => {
          visit.refused(
            { limit: 'address_slow_bodies', code: 'THROTTLED', status: TRY_AGAIN_LATER, correlationId },
            error,
          );
          webSocket.close(TRY_AGAIN_LATER, 'A large message has not arrived as a whole');
          later(CLOSE_GRACE_MS, () => webSocket.terminate(), { keepsProcess: false });
        },
      });
      open(webSocket, visit, headers);
    });
  };
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(request, socket, head).catch((err) => {
      logger.error({ err }, 'a WebSocket could not be opened');
      socket.destroy();
    });
  });
  return async () => {
    const cut = later(CLOSE_GRACE_MS, () => {
      for (const socket of sockets.clients) socket.terminate();
    });
    for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
    await new Promise((resolve) => sockets.close(resolve));
    cut.cancel();
  };
}

/** The headers that are read later. Most requests have none of them. */
function headersOf({ headers }: IncomingMessage): Session['headers'] {
  const known = ['authorization', 'traceparent', CORRELATION_HEADER].flatMap((name) => {
    const value = headers[name]?.toString();
    return value === undefined ? [] : [[name, value] as const];
  });
  return known.length === 0 ? NO_HEADERS : Object.fromEntries(known);
}

function closeUnauthenticated({ socket, visit }: Session, error: unknown, correlationId: string, logger: Logger): void {
  if (error instanceof OverLimitError || error instanceof UnauthenticatedError) {
    const status =
      error instanceof OverLimitError
        ? TRY_AGAIN_LATER
        : error instanceof CredentialsExpiredError
          ? CloseCode.Forbidden
          : CloseCode.Unauthorized;
    visit.refused({ code: error.code, status, correlationId, why: error.message }, error);
    socket.close(status, error.message.slice(0, 120));
    return;
  }
  logger.error({ err: error, correlationId }, 'the credentials of a WebSocket connection could not be checked');
  if (error instanceof AuthUnavailableError) socket.close(TRY_AGAIN_LATER, error.message.slice(0, 120));
  else socket.close(CloseCode.InternalServerError, 'Internal server error');
}

/** A text that the client has sent under a name, if it is text. */
function textIn(sent: Readonly<Record<string, unknown>> | null | undefined, name: string): string | undefined {
  const value = sent?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** After 4401 graphql-ws' client gives up. After 4403 it asks for its connectionParams again, with a new token. */
function closeAtExpiry(session: Session): void {
  const { socket, visit } = session;
  const { expiresAt } = visit.authenticated ?? {};
  if (!expiresAt) return;
  session.forgetExpiry = atMoment(expiresAt, () => socket.close(CloseCode.Forbidden, 'The access token has expired'));
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}
