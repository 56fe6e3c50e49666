import { CloseCode, type Server } from 'graphql-ws';
import { type RawData, WebSocket } from 'ws';
import type { SharedJson } from '../../graphql/answer/shared-json.ts';
import { every, later, type Timer } from '../../scheduling/timers.ts';
import { excessOf, type JsonLimits } from '../http/requests/json-shape.ts';
import { pointsOfBytes } from '../limits/traffic.ts';
import { TRY_AGAIN_LATER } from './close-codes.ts';
import { Inbox, type InboxRules, lengthOf } from './inbox.ts';

/** Time between two pings, in ms. A client that has not answered the previous one is cut off. */
const PING_EVERY_MS = 12_000;
/** Time over which the messages of a client are counted, in ms. */
const WINDOW_MS = 10_000;
/**
 * Number of messages that one counts for if its operation is throttled: a client that ignores this is disconnected
 * soon.
 */
const THROTTLED_MESSAGES = 20;
/** How long a client that exceeds a limit may take to read why it is closed, in ms. */
const CLOSE_GRACE_MS = 1000;

/** Limits of one connection, and when its messages are handled. */
export interface ConnectionLimits extends Omit<InboxRules, 'handle'> {
  /** Messages in ten seconds; a large one counts as several, see {@link pointsOfBytes}. */
  readonly messages: number;
  /** Bytes that may wait for a client that does not read. */
  readonly bufferedBytes: number;
  /** Beyond these, a message is not parsed. */
  readonly json: JsonLimits;
  /** Takes points for a large message. Rejects if the caller has too few. */
  readonly spend: (points: number) => Promise<void>;
}

/** Reports problems of a connection. */
export interface ConnectionEvents {
  /** A message could not be handled; the connection is closed. */
  onMessageFailed(error: unknown): void;
  /** The client exceeds a limit; the connection is closed. */
  onOverLimit(limit: 'socket_messages' | 'buffered_bytes' | 'actor_points'): void;
}

/** A connection while it is open. */
export interface Connection {
  /** Sends a message to a subscription; resolves when it is written. */
  send(id: string, message: SharedJson): Promise<void>;
  /** Records that an operation was refused because its caller is over a limit. */
  throttled(): void;
}

/**
 * Speaks the graphql-ws protocol over a WebSocket. It replaces the adapter of that package, which keeps every message
 * that opens a subscription, and the request that opened the socket, for as long as these are open.
 *
 * @param extra is kept with the connection; nothing else is.
 */
export function openConnection<Extra>(
  server: Server<Extra>,
  socket: WebSocket,
  extra: Extra,
  limits: ConnectionLimits,
  { onMessageFailed, onOverLimit }: ConnectionEvents,
): Connection {
  let answers = true;
  let cut: Timer | undefined;
  let inbox: Inbox | undefined;
  const closeOver = (limit: Parameters<typeof onOverLimit>[0], reason: string) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    onOverLimit(limit);
    inbox?.end();
    socket.close(TRY_AGAIN_LATER, reason);
    // A client that floods the connection is not heard any more, not even its own close.
    socket.pause();
    cut = later(CLOSE_GRACE_MS, () => socket.terminate());
  };
  const pings = every(PING_EVERY_MS, () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    // What a paused client has answered is not read yet.
    if (!answers && !socket.isPaused) return socket.terminate();
    answers = false;
    socket.ping();
  });
  const takesMessage = messageCounter(limits.messages);
  const closeIfTooMany = (messages = 1) => {
    if (takesMessage(messages)) return false;
    closeOver('socket_messages', 'Too many messages in ten seconds');
    return true;
  };
  socket.on('pong', () => {
    answers = true;
    closeIfTooMany();
  });
  // Each ping is answered with a pong, which waits in memory if the client does not read.
  socket.on('ping', () => closeIfTooMany());
  // Resolves when the message is written: until then nothing more of the same subscription is sent.
  const send = (write: (written: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      if (socket.readyState !== WebSocket.OPEN) return resolve();
      if (socket.bufferedAmount > limits.bufferedBytes) {
        closeOver('buffered_bytes', 'Too much waits for you to read it');
        return resolve();
      }
      write((error) => (error ? reject(error) : resolve()));
    });
  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: (data) => send((written) => socket.send(data, written)),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        const handle = (data: RawData) => {
          if (socket.readyState !== WebSocket.OPEN) return;
          if (data instanceof Buffer && excessOf(data, limits.json)) {
            socket.close(CloseCode.BadRequest, 'A message is nested too deeply, or has too many values');
            return;
          }
          // This promise lasts as long as the subscription that the message opens, so it must not keep the data alive.
          take(String(data)).catch((error) => {
            onMessageFailed(error);
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        };
        const taken = new Inbox(socket, { ...limits, handle });
        inbox = taken;
        socket.on('message', (data) => {
          if (socket.readyState !== WebSocket.OPEN) return;
          const points = pointsOfBytes(lengthOf(data));
          if (closeIfTooMany(1 + points)) return;
          // A message that costs points has to wait for a turn, and is not parsed if they are refused.
          if (points > 0)
            limits.spend(points).catch(() => closeOver('actor_points', 'Too many operations in ten seconds'));
          taken.add(data);
        });
      },
    },
    extra,
  );
  socket.once('close', (code, reason) => {
    pings.cancel();
    cut?.cancel();
    inbox?.end();
    closed(code, String(reason)).catch(onMessageFailed);
  });
  return {
    throttled: () => void closeIfTooMany(THROTTLED_MESSAGES),
    send: (id, payload) => send((written) => sendShared(socket, id, payload, written)),
  };
}

/** Writes a message of the protocol around a payload. Large payloads are parts of their own: their bytes are not copied. */
function sendShared(socket: WebSocket, id: string, payload: SharedJson, written: (error?: Error | null) => void): void {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const { pieces } = payload;
  if (!pieces) {
    socket.send(`${head}${payload.text}}`, written);
    return;
  }
  const part = { binary: false, fin: false };
  socket.send(head, part);
  for (const piece of pieces) socket.send(piece, part);
  socket.send('}', { binary: false, fin: true }, written);
}

/** Counts messages. The function returns false if there were too many; a large message counts as several. */
function messageCounter(most: number): (messages: number) => boolean {
  let count = 0;
  let since = 0;
  return (messages) => {
    const now = performance.now();
    if (now - since >= WINDOW_MS) {
      since = now;
      count = 0;
    }
    count += messages;
    return count <= most;
  };
}
