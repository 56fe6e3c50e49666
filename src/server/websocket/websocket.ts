import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { later } from '../../scheduling/timers.ts';
import type { Config } from '../../settings/config.ts';
import { jsonLimits } from '../http/requests/json-shape.ts';
import { CORRELATION_HEADER, correlationIdFrom } from '../http/requests/request-id.ts';
import type { Addresses } from '../limits/address.ts';
import { type CallerChecks, Visit } from '../limits/visit.ts';
import { GOING_AWAY, TRY_AGAIN_LATER } from './close-codes.ts';
import { gatherMessages } from './gather-messages.ts';
import { PromptMessages } from './inbox.ts';
import { type ProtocolOptions, subscriptionProtocol } from './protocol.ts';
import { Session, type SessionHeaders, sessionHeaders } from './session.ts';
import { watchUnfinished } from './unfinished-messages.ts';
import { admitUpgrade, type UpgradeRules } from './upgrade.ts';

export interface WebSocketOptions extends UpgradeRules, ProtocolOptions {
  readonly gate: CallerChecks;
  readonly addresses: Addresses;
  readonly config: ProtocolOptions['config'] &
    Pick<Config, 'maxBodyBytes' | 'inputMaxListLength' | 'socketMessages' | 'maxBufferedBytes' | 'requestTimeoutMs'>;
}

/** How long a client may take to acknowledge the close of its connection, in ms; then it is cut. */
const CLOSE_GRACE_MS = 1000;
/** Network packets in which a message may arrive: each takes memory besides its bytes. */
const MAX_CHUNKS = 16_384;

type OpenSession = (socket: WebSocket, visit: Visit, headers: SessionHeaders) => void;

/**
 * Subscriptions over WebSocket (graphql-ws protocol) on the path of the API, through the same pipeline as HTTP. Only
 * subscriptions: what depends on an HTTP request (headers, tokens, a client that goes away) is missing here.
 *
 * @returns a function that closes all sockets, so that clients reconnect to another server.
 */
export function serveWebSockets(server: Server, options: WebSocketOptions): () => Promise<void> {
  const { config, observer } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: config.maxBodyBytes,
    maxBufferedChunks: MAX_CHUNKS,
    handleProtocols,
  });
  const open = sessionOpener(options);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(sockets, request, socket, head, options, open).catch((error) => {
      observer.tell('transportFailed', { step: 'open a WebSocket', error, correlationId: undefined });
      socket.destroy();
    });
  });
  return () => closeAll(sockets);
}

/**
 * Makes a session of each socket. Its closures live as long as the socket. They are not made where the request is known,
 * because they would keep it alive.
 */
function sessionOpener(options: WebSocketOptions): OpenSession {
  const { config, turns, observer } = options;
  const protocol = subscriptionProtocol(options);
  const prompt = new PromptMessages();
  const json = jsonLimits(config.inputMaxListLength);
  const turn = (caller: string) => turns.take(caller);
  return (socket, visit, headers) => {
    const correlationId = headers[CORRELATION_HEADER];
    socket.on('error', (error) => observer.tell('socketBroke', { error, correlationId }));
    const limits = {
      ...{ messages: config.socketMessages, bufferedBytes: config.maxBufferedBytes },
      ...{ json, spend: async (points: number) => visit.spend(points) },
      ...{ prompt, turn, caller: () => visit.caller },
    };
    new Session(socket, visit, headers).open(protocol, limits, {
      onMessageFailed: (error) =>
        observer.tell('transportFailed', { step: 'handle a message of a WebSocket', error, correlationId }),
      onOverLimit: (limit) =>
        visit.refused({ limit, code: 'THROTTLED', status: TRY_AGAIN_LATER, ...(correlationId && { correlationId }) }),
    });
  };
}

/** Makes a WebSocket of a connection, if its client may have one. */
async function upgrade(
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: WebSocketOptions,
  open: OpenSession,
): Promise<void> {
  const correlationId = correlationIdFrom(request.headers[CORRELATION_HEADER]?.toString());
  const visit = new Visit(options.gate, 'websocket', options.addresses.clientOf(request));
  if (!(await admitUpgrade(options, visit, request, socket, correlationId))) return;
  // The connection may break before it becomes a WebSocket; no WebSocket event reports that.
  socket.once('close', () => visit.leave());
  if (socket.destroyed) return visit.leave();
  const headers = sessionHeaders(request);
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    gatherMessages(webSocket, socket);
    limitUnfinished(webSocket, socket, visit, correlationId, options.config.requestTimeoutMs);
    open(webSocket, visit, headers);
  });
}

/** A message that never ends takes a place of its caller, and ends the connection after a while. */
function limitUnfinished(
  webSocket: WebSocket,
  connection: Duplex,
  visit: Visit,
  correlationId: string,
  timeoutMs: number,
): void {
  watchUnfinished(webSocket, connection, {
    timeoutMs,
    hold: () => visit.sendSlowly(),
    onRefused: (error) => {
      visit.refused({ limit: 'address_slow_bodies', code: 'THROTTLED', status: TRY_AGAIN_LATER, correlationId }, error);
      webSocket.close(TRY_AGAIN_LATER, 'A large message has not arrived as a whole');
      later(CLOSE_GRACE_MS, () => webSocket.terminate(), { keepsProcess: false });
    },
  });
}

async function closeAll(sockets: WebSocketServer): Promise<void> {
  const cut = later(CLOSE_GRACE_MS, () => {
    for (const socket of sockets.clients) socket.terminate();
  });
  for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
  await new Promise((resolve) => sockets.close(resolve));
  cut.cancel();
}
