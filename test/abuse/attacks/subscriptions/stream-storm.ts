import type { Attack } from '../../attack.ts';

const LANES = 64;

export const streamStorm: Attack = {
  name: 'stream-storm',
  description: `opens event streams of a live list and leaves them after a moment, ${LANES} at a time, again and again`,
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const query = 'subscription { live { notes(first: 20) { nodes { id title } totalCount } } }';
    await attacker.repeat(LANES, 20_000, () =>
      attacker.send(JSON.stringify({ query }), token, {
        accept: 'text/event-stream',
        leavesAfterMs: attacker.random.between(1, 60),
      }),
    );
  },
};
