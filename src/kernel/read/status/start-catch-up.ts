import type { ProjectionState } from './projection-state.ts';

/**
 * How long a read model must have stood still before it counts as one that cannot get further, in ms. At the start, the failure that is
 * stored may be that of a former owner with other code, and the lease may be about to change hands.
 */
const STANDSTILL_MS = 3000;

/** The facts of a read model on which it depends whether this process serves it. */
export interface CatchingUp {
  readonly name: string;
  readonly position: number;
  readonly state: ProjectionState;
  /** Its table has not been filled completely yet. */
  readonly isIncomplete: boolean;
}

/**
 * Which read models this process has caught up with since it started: only then does it serve them. Code that is rolled back finds
 * complete tables with rows of the past, and must fill in what is missing first.
 */
export class StartCatchUp {
  readonly #now: () => number;
  readonly #done = new Set<string>();
  /** Positions of those that seem to stand still, and the time since when. */
  readonly #still = new Map<string, { readonly position: number; readonly since: number }>();
  #target: number | undefined;

  /** @param now the monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @param head the end of the log when the process started. */
  begin(head: number): void {
    this.#target = head;
  }

  /** The last answer of {@link has}. */
  isDone(name: string): boolean {
    return this.#done.has(name);
  }

  /**
   * True from the moment on at which a read model has reached the end that the log had at the start, or cannot get there: only newer
   * code can go on, or it is stalled until an operator acts. Then no other process of this code would be better off. Ask at intervals.
   */
  has(readModel: CatchingUp): boolean {
    const { name, position, isIncomplete } = readModel;
    if (this.#done.has(name)) return true;
    if (this.#target === undefined || isIncomplete) return false;
    if (position < this.#target && !this.#standsStill(readModel)) return false;
    this.#done.add(name);
    return true;
  }

  #standsStill({ name, position, state }: CatchingUp): boolean {
    if (state !== 'AHEAD_OF_CODE' && state !== 'STALLED') {
      this.#still.delete(name);
      return false;
    }
    const before = this.#still.get(name);
    if (before?.position === position) return this.#now() - before.since >= STANDSTILL_MS;
    this.#still.set(name, { position, since: this.#now() });
    return false;
  }
}
