import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from '../../attack.ts';

const SOCKETS = 20;
const AT_ONCE = 500;
/** Pieces of one message. */
const FRAGMENTS = 200;

export const pingFlood: Attack = {
  name: 'ping-flood',
  description: `sends ${AT_ONCE} ping frames at a time over each of ${SOCKETS} WebSockets, and messages in ${FRAGMENTS} fragments`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const payload = Buffer.alloc(125, 'x');
    await attacker.repeat(SOCKETS, 1_000, async (nth) => {
      const socket = await attacker.socket(token);
      while (socket.readyState === socket.OPEN && !attacker.signal.aborted) {
        if (nth % 2 === 0) for (let ping = 0; ping < AT_ONCE; ping++) socket.ping(payload);
        else for (let part = 1; part <= FRAGMENTS; part++) socket.send(' ', { fin: part === FRAGMENTS });
        await delay(10);
      }
    });
  },
};
