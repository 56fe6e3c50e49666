import type { Attack } from '../../attack.ts';

const SOCKETS = 3_000;
const STREAMS = 1_500;

export const manyConnections: Attack = {
  name: 'many-connections',
  description: `opens ${SOCKETS.toLocaleString('en')} sockets and ${STREAMS.toLocaleString('en')} event streams`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const query = 'subscription { projectionUpdated(projections: ["orders"]) { token } }';
    const body = JSON.stringify({ query });
    const sockets = attacker.repeat(20, SOCKETS, async () => {
      const socket = await attacker.socket(token);
      for (let id = 0; id < 10 && socket.readyState === socket.OPEN; id++) {
        socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));
      }
    });
    const streams = attacker.repeat(60, STREAMS, () =>
      attacker.send(body, token, { accept: 'text/event-stream', leavesAfterMs: 3_000 }),
    );
    await Promise.all([sockets, streams]);
    await attacker.ended();
  },
};
