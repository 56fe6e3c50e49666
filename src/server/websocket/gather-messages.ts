import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * Sends the messages of one turn of the event loop together: a change that many subscriptions of a client wait for
 * costs one write to its connection instead of one each.
 *
 * @param connection that carries the socket.
 */
export function gatherMessages(socket: WebSocket, connection: Duplex): void {
  const send = socket.send as (...message: unknown[]) => void;
  let gathers = false;
  socket.send = (...message: unknown[]) => {
    if (!gathers) {
      gathers = true;
      connection.cork();
      process.nextTick(() => {
        gathers = false;
        connection.uncork();
      });
    }
    send.apply(socket, message);
  };
}
