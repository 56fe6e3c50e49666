import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';

const KEYS = 48_000;

export const manyKeys: Attack = {
  name: 'many-keys',
  description: `subscribes, without signing in, to ${KEYS.toLocaleString('en')} keys at a time`,
  run: async (attacker) => {
    const keys = Array.from({ length: KEYS }, () => randomUUID());
    const query = 'subscription ($keys: [ID!]) { projectionUpdated(projections: ["products"], keys: $keys) { token } }';
    const body = (list: readonly string[]) => JSON.stringify({ query, variables: { keys: list } });
    const bodies = [body(keys), body(keys.slice(0, 900)), body(keys.slice(0, 90))];
    await attacker.repeat(50, 1_000, async (nth) => {
      // Those that are accepted stay open for a while.
      await attacker.send(bodies[nth % 3] as string, undefined, { accept: 'text/event-stream', leavesAfterMs: 2_000 });
    });
  },
};
