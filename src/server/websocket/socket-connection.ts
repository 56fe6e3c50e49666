import { CloseCode, type Server } from 'graphql-ws';
import { WebSocket } from 'ws';
import { TRY_AGAIN_LATER } from './close-codes.ts';

/** Between two looks whether a client is still there, in ms. One that has not answered the look before is cut off. */
const LOOK_MS = 12_000;
/** Time over which the messages of a client are counted, in ms. */
const WINDOW_MS = 10_000;
/** How long a client that is over a limit may take to read why it is closed, in ms. */
const CLOSE_GRACE_MS = 1000;

/** What one connection may take. */
export interface ConnectionLimits {
  /** Messages in ten seconds. */
  readonly messages: number;
  /** Bytes that may wait for a client that does not read. */
  readonly bufferedBytes: number;
}

/** Told what goes wrong with a connection. */
export interface ConnectionEvents {
  /** A message could not be handled; the connection is closed. */
  onFault(error: unknown): void;
  /** The client is over a limit; the connection is closed. */
  onOverLimit(limit: 'socket_messages' | 'buffered_bytes'): void;
}

/**
 * Lets a WebSocket speak the graphql-ws protocol. It stands in for the adapter of that package, which keeps every message that
 * opens a subscription, and the request that opened the socket, for as long as these are open.
 *
 * @param extra is kept with the connection, and nothing else is.
 */
export function openConnection<Extra>(
  server: Server<Extra>,
  socket: WebSocket,
  extra: Extra,
  limits: ConnectionLimits,
  { onFault, onOverLimit }: ConnectionEvents,
): void {
  let answers = true;
  let cut: NodeJS.Timeout | undefined;
  const closeOver = (limit: Parameters<typeof onOverLimit>[0], reason: string) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    onOverLimit(limit);
    socket.close(TRY_AGAIN_LATER, reason);
    cut = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
  };
  const look = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (!answers) return socket.terminate();
    answers = false;
    socket.ping();
  }, LOOK_MS);
  const takesMessage = messageCounter(limits.messages);
  const closeIfTooMany = () => {
    if (takesMessage()) return false;
    closeOver('socket_messages', 'Too many messages in ten seconds');
    return true;
  };
  socket.on('pong', () => {
    answers = true;
    closeIfTooMany();
  });
  // Each is answered with a pong, which waits in memory if the client does not read.
  socket.on('ping', closeIfTooMany);
  const closed = server.opened(
    {
      protocol: socket.protocol,
      // Resolves when it is written: until then nothing more of the same subscription is sent.
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== WebSocket.OPEN) return resolve();
          if (socket.bufferedAmount > limits.bufferedBytes) {
            closeOver('buffered_bytes', 'Too much waits for you to read it');
            return resolve();
          }
          socket.send(data, (error) => (error ? reject(error) : resolve()));
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        socket.on('message', (data) => {
          if (socket.readyState !== WebSocket.OPEN) return;
          if (closeIfTooMany()) return;
          // It goes on for as long as the subscription that the message opens: this must not wait for it with the data at hand.
          take(String(data)).catch((error) => {
            onFault(error);
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
    },
    extra,
  );
  socket.once('close', (code, reason) => {
    clearInterval(look);
    clearTimeout(cut);
    closed(code, String(reason)).catch(onFault);
  });
}

/** @returns counts a message; false if there were too many. */
function messageCounter(most: number): () => boolean {
  let count = 0;
  let since = 0;
  return () => {
    const now = performance.now();
    if (now - since >= WINDOW_MS) {
      since = now;
      count = 0;
    }
    return ++count <= most;
  };
}
