import { ThrottledError } from './errors.ts';

/**
 * The parts of the system that can prevent appending although Postgres answers: the content of the log, or the time.
 */
export const OBSTACLE_KINDS = ['log', 'clock', 'recorded time'] as const;

export type ObstacleKind = (typeof OBSTACLE_KINDS)[number];

export interface Obstacle {
  readonly kind: ObstacleKind;
  /** The problem and what to do about it. Visible to anybody. */
  readonly reason: string;
}

/** When a client may try again, in ms. It is long because an operator has to act first. */
const RETRY_AFTER_MS = 10_000;

/**
 * Reasons why commands are refused. The observers of the log and of the clocks set and remove them; `/readyz` names
 * them all, and a refused command names the first.
 */
export class Obstacles {
  readonly #reasons = new Map<ObstacleKind, string>();
  readonly #onChange: (obstacle: Obstacle, isOver: boolean) => void;

  /** @param onChange called with each new reason, and again when it is gone. */
  constructor(onChange: (obstacle: Obstacle, isOver: boolean) => void) {
    this.#onChange = onChange;
  }

  get reasons(): readonly string[] {
    return [...this.#reasons.values()];
  }

  /** Sets the current reason of a kind; `undefined` if there is none. */
  set(kind: ObstacleKind, reason: string | undefined): void {
    const before = this.#reasons.get(kind);
    if (reason === undefined) {
      this.#reasons.delete(kind);
      if (before !== undefined) this.#onChange({ kind, reason: before }, true);
      return;
    }
    this.#reasons.set(kind, reason);
    if (before === undefined) this.#onChange({ kind, reason }, false);
  }

  /** @throws {ThrottledError} with the first reason, if there is one. Nothing was accepted. */
  assertNone(): void {
    for (const reason of this.#reasons.values()) throw new ThrottledError(RETRY_AFTER_MS, reason);
  }
}
