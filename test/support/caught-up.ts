import type { Engine } from '../../src/kernel/engine.ts';

/** Waits until every read model shows what a token stands for. */
export async function caughtUp({ engine }: { readonly engine: Engine }, token: string): Promise<void> {
  const { positions } = engine.projector;
  const position = engine.tokens.decode(token);
  await Promise.all(positions.names.map((name) => positions.reached(name, position)));
}
