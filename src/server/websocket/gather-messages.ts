import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * Sends the messages of one turn of the event loop together, and the answers to its pings: a change that many
 * subscriptions of a client wait for costs one write to its connection instead of one each.
 * A client that sends more pings in one turn than ws answers at once is disconnected by ws.
 *
 * @param connection that carries the socket.
 */
export function gatherMessages(socket: WebSocket, connection: Duplex): void {
  let gathers = false;
  for (const name of ['send', 'pong'] as const) {
    const send = socket[name] as (...message: unknown[]) => void;
    socket[name] = (...message: unknown[]) => {
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
}
