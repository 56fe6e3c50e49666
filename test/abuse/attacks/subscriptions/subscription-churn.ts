import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from '../../attack.ts';

const SOCKETS = 20;
const A_TIME = 50;

export const subscriptionChurn: Attack = {
  name: 'subscription-churn',
  description: `begins and ends ${SOCKETS * A_TIME} subscriptions at a time, again and again`,
  run: async (attacker) => {
    const { id, token } = await attacker.customer();
    const query = `subscription { live { customer(id: "${id}") { name version } } }`;
    await attacker.repeat(SOCKETS, 2_000, async () => {
      const socket = await attacker.socket(token);
      for (let round = 0; round < 20 && socket.readyState === socket.OPEN && !attacker.signal.aborted; round++) {
        for (let nth = 0; nth < A_TIME; nth++) {
          socket.send(JSON.stringify({ id: `${round}-${nth}`, type: 'subscribe', payload: { query } }));
        }
        for (let nth = 0; nth < A_TIME; nth++) {
          socket.send(JSON.stringify({ id: `${round}-${nth}`, type: 'complete' }));
        }
        attacker.count('rounds');
        await delay(5);
      }
      socket.close();
    });
  },
};
