import { Ending } from '../../database/signal.ts';
import type { WaitOptions } from '../../kernel/consistency/positions.ts';
import { TokenError } from '../../kernel/consistency/token.ts';
import { ConsistencyTimeoutError, ReadElsewhereError } from '../../kernel/consistency/wait-errors.ts';
import type { Engine } from '../../kernel/engine.ts';

/** How long a read waits by default, in ms. */
export const DEFAULT_WAIT_MS = 2000;
/** How long a read may wait at most, in ms. */
export const MAX_WAIT_MS = 10_000;

/**
 * The position of a client's token.
 * @throws {TokenError} INVALID_TOKEN, FOREIGN_TOKEN, or TOKEN_AHEAD if the log does not reach it.
 */
export async function positionOf(engine: Engine, token: string): Promise<number> {
  const [position] = await positionsOf(engine, [token]);
  return position as number;
}

/** The same for several tokens, with at most one query of the log. */
export async function positionsOf(engine: Engine, tokens: readonly string[]): Promise<number[]> {
  const positions = tokens.map((token) => engine.tokens.decode(token));
  const highest = Math.max(0, ...positions);
  const { head } = engine.projector;
  // The token may belong to an event that another instance has just appended: ask the database before refusing.
  if (highest > head.position) await engine.projector.refreshHead();
  if (highest > head.position) {
    throw new TokenError('TOKEN_AHEAD', 'The token is past the end of the log: this store has never given it out.');
  }
  return positions;
}

/**
 * Waits until all of these read models are at or past a position.
 * @returns undefined, or why not all of them are: the first that was late, or one that does not get there on this instance.
 */
export async function waitFor(
  engine: Engine,
  projections: readonly string[],
  position: number,
  { timeoutMs, signal, caller }: Pick<WaitOptions, 'signal' | 'caller'> & { readonly timeoutMs: number },
): Promise<ConsistencyTimeoutError | ReadElsewhereError | undefined> {
  const { positions, isReplica } = engine.readSide;
  // The usual case: they are already there, and nothing has to be set up.
  if (areAt(engine, projections, position)) return undefined;
  const over = new Ending();
  const giveUp = () => over.abort();
  if (signal?.aborted) giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  const until = performance.now() + timeoutMs;
  try {
    let late: string | undefined;
    // While we waited for one read model, another may have gone back, as after a crash of Postgres.
    while (late === undefined) {
      const options = { timeoutMs: Math.max(0, until - performance.now()), signal: over, caller };
      const reached = await Promise.all(projections.map((name) => positions.reached(name, position, options)));
      late = projections[reached.indexOf(false)];
      if (late === undefined && areAt(engine, projections, position)) return undefined;
    }
    const state = engine.projector.status().find(({ name }) => name === late)?.state ?? 'STOPPED';
    const projected = isReplica ? engine.projector.positions.of(late) : undefined;
    return new ConsistencyTimeoutError(late, position, positions.of(late), state, projected);
  } catch (error) {
    if (error instanceof ReadElsewhereError) return error;
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
    // If one wait was refused, the others are pointless.
    giveUp();
  }
}

/** True if all of these read models are at or past a position now. */
export function areAt({ readSide }: Engine, projections: readonly string[], position: number): boolean {
  return projections.every((name) => readSide.positions.of(name) >= position);
}

/** The position that all of these read models have reached. */
export function freshnessOf(engine: Engine, projections: readonly string[]): number {
  const { positions } = engine.readSide;
  return projections.reduce((least, name) => Math.min(least, positions.of(name)), engine.projector.head.position);
}
