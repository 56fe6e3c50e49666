import type { Attack } from '../../attack.ts';

const SOCKETS = 10;
const EACH = 50;

export const publicLiveQueries: Attack = {
  name: 'public-live-queries',
  description: `holds ${SOCKETS * EACH} different live queries over products and statistics, which change with each order of somebody else`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    for (let nth = 0; nth < SOCKETS && !attacker.signal.aborted; nth++) {
      const socket = await attacker.socket(token);
      for (let id = 0; id < EACH && socket.readyState === socket.OPEN; id++) {
        const query = `subscription { live(everyMs: 50) {
          products(first: ${50 + id}) { totalCount nodes { a${nth}: name price { amount } id version } }
          orders(first: 20) { totalCount nodes { id } }
          projections { name position }
        } }`;
        socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));
        attacker.count('subscribed');
      }
    }
    await attacker.ended();
  },
};
