import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { textFrame } from './text-frame.ts';

/**
 * Sends the messages of one turn of the event loop together, and the answers to its pings: a change that many
 * subscriptions of a client wait for costs one write to its connection instead of one each.
 * A text is one piece of memory and one write, where ws makes two of each.
 *
 * A client that sends more pings in one turn than ws answers at once is disconnected by ws.
 *
 * @param connection that carries the socket.
 */
export function gatherMessages(socket: WebSocket, connection: Duplex): void {
  let gathers = false;
  const gather = () => {
    if (gathers) return;
    gathers = true;
    connection.cork();
    process.nextTick(() => {
      gathers = false;
      connection.uncork();
    });
  };
  const send = socket.send as (...message: unknown[]) => void;
  socket.send = (...message: unknown[]) => {
    gather();
    const [text, written] = message;
    // Nothing of ws waits to be written before it: ws writes what it is given at once if messages are not compressed.
    const isPlain = typeof text === 'string' && typeof written !== 'object' && socket.extensions === '';
    if (isPlain && socket.readyState === WebSocket.OPEN) connection.write(textFrame(text), written as () => void);
    else send.apply(socket, message);
  };
  const pong = socket.pong as (...message: unknown[]) => void;
  socket.pong = (...message: unknown[]) => {
    gather();
    pong.apply(socket, message);
  };
}
