import { CloseCode, type Server } from 'graphql-ws';
import { WebSocket } from 'ws';

/** Between two looks whether a client is still there, in ms. One that has not answered the look before is cut off. */
const LOOK_MS = 12_000;

/**
 * Lets a WebSocket speak the graphql-ws protocol. It stands in for the adapter of that package, which keeps every message that
 * opens a subscription, and the request that opened the socket, for as long as these are open.
 *
 * @param extra is kept with the connection, and nothing else is.
 * @param onFault told of what goes wrong while a message is handled; the connection is closed.
 */
export function openConnection<Extra>(
  server: Server<Extra>,
  socket: WebSocket,
  extra: Extra,
  onFault: (error: unknown) => void,
): void {
  let answers = true;
  const look = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (!answers) return socket.terminate();
    answers = false;
    socket.ping();
  }, LOOK_MS);
  socket.on('pong', () => {
    answers = true;
  });
  const closed = server.opened(
    {
      protocol: socket.protocol,
      // Resolves when it is written: until then nothing more of the same subscription is sent.
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== WebSocket.OPEN) return resolve();
          socket.send(data, (error) => (error ? reject(error) : resolve()));
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        socket.on('message', (data) => {
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
    closed(code, String(reason)).catch(onFault);
  });
}
