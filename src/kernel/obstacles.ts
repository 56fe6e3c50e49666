import { ThrottledError } from './errors.ts';

/** What can prevent appending although Postgres answers: the content of the log, or the time. */
export const OBSTACLE_KINDS = ['log', 'clock', 'recorded time'] as const;

export type ObstacleKind = (typeof OBSTACLE_KINDS)[number];

export interface Obstacle {
  readonly kind: ObstacleKind;
  /** What is wrong and what to do. Anybody may read it. */
  readonly reason: string;
}

/** When a client may try again, in ms: an operator has to do something first. */
const RETRY_AFTER_MS = 10_000;

/**
 * Reasons for which no command is taken until they are gone. They are found by whoever looks at the log and the clocks; `/readyz`
 * names them, and a command is refused with the first.
 */
export class Obstacles {
  readonly #reasons = new Map<ObstacleKind, string>();
  readonly #onChange: (obstacle: Obstacle, isOver: boolean) => void;

  /** @param onChange told of a new reason, and when it is gone. */
  constructor(onChange: (obstacle: Obstacle, isOver: boolean) => void) {
    this.#onChange = onChange;
  }

  get reasons(): readonly string[] {
    return [...this.#reasons.values()];
  }

  /** Says what is so now; `undefined` if nothing of this kind stands in the way. */
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

  /** @throws {ThrottledError} with the first reason; nothing was taken. */
  assertNone(): void {
    for (const reason of this.#reasons.values()) throw new ThrottledError(RETRY_AFTER_MS, reason);
  }
}
