import type { Engine } from '../../../src/kernel/engine.ts';

/** Waits until every read model shows what a token stands for. */
export async function caughtUp({ engine }: { readonly engine: Engine }, token: string): Promise<void> {
  const { positions } = engine.projector;
  const position = engine.tokens.decode(token);
  // One after the other: a server may let only a few wait.
  for (const name of positions.names) await positions.reached(name, position);
}
