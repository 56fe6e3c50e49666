import type { Attack } from '../../attack.ts';

const SOCKETS = 40;
const EACH = 50;

export const idleSubscriptions: Attack = {
  name: 'idle-subscriptions',
  description: `holds ${(SOCKETS * EACH).toLocaleString('en')} subscriptions to rows that it may not see`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const query =
      'subscription { projectionUpdated(projections: ["customers", "orders", "notes"]) { projection keys } }';
    for (let nth = 0; nth < SOCKETS && !attacker.signal.aborted; nth++) {
      const socket = await attacker.socket(token);
      if (socket.readyState !== socket.OPEN) continue;
      for (let id = 0; id < EACH; id++) {
        socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));
        attacker.count('subscribed');
      }
    }
    await attacker.ended();
  },
};
