import { later, type Timer } from '../../scheduling/timers.ts';

/** Time within which a checkpoint is moved past events that do not concern its consumer, in ms. */
const WITHIN_MS = 100;

/**
 * Moves checkpoints past events that do not concern their consumers: a little later, and all of them together, so that
 * their batches share one statement. Nobody needs such a move at once: whoever waits for a position is told by this
 * process, and a successor that starts before these events passes them again.
 */
export class IdleMoves {
  readonly #mayWait: () => boolean;
  readonly #moves = new Set<() => void>();
  #timer: Timer | undefined;

  /** @param mayWait false while other processes read positions from the table: then every checkpoint is moved at once. */
  constructor(mayWait: () => boolean) {
    this.#mayWait = mayWait;
  }

  get mayWait(): boolean {
    return this.#mayWait();
  }

  /** Calls `move` soon, once for all calls until then. */
  soon(move: () => void): void {
    this.#moves.add(move);
    this.#timer ??= later(WITHIN_MS, () => this.#moveAll(), { keepsProcess: false });
  }

  #moveAll(): void {
    const moves = [...this.#moves];
    this.#timer = undefined;
    this.#moves.clear();
    for (const move of moves) move();
  }
}
