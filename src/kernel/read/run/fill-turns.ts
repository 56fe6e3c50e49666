import { Semaphore } from '../../../scheduling/semaphore.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import type { LogHead } from '../../log/log-head.ts';

/** Maximum length of a rest, in ms. */
const LONGEST_REST_MS = 500;
/** Commands count as arriving for this long after the end of the log has moved, in ms. */
const BUSY_MS = 1000;
/** How long a read model waits for its turn at most, in ms: the batch of another one may take long because its table is locked. */
const LONGEST_WAIT_MS = 1000;

/** The turn of one read model that is being filled. */
export interface FillTurn {
  /** True while commands arrive. Then the turn should be short. */
  readonly isBusy: boolean;
  /**
   * Ends the turn, so that the next one has it. While commands arrive, it first rests for as long as the turn took.
   * @param gap number of events that the read model still lacks.
   */
  end(gap: number): Promise<void>;
}

export interface FillTurnsOptions {
  /** Number of read models that may have a turn at the same time while no commands arrive. */
  readonly atOnce: number;
  /** The end of the log, as far as it is known here. */
  readonly head: Pick<LogHead, 'position'>;
  /** Ends all waits and rests. */
  readonly stopping: AbortSignal;
}

/**
 * Keeps the filling of new versions from starving the read models that are served by the same instance, with the same connections and
 * in the same thread. Those that are filled take turns of one batch. While commands arrive they take them one at a time, and use at most
 * half of the time: two at a time make live read models lag ten times as much on two cores. A read model that gets no closer to the end
 * that way does not rest: it would never arrive.
 */
export class FillTurns {
  readonly #head: Pick<LogHead, 'position'>;
  readonly #stopping: AbortSignal;
  readonly #places: Semaphore;
  /** The one place while commands arrive. */
  readonly #single = new Semaphore(1);
  #seen: number | undefined;
  #busyUntil = 0;
  readonly #gaps = new Map<string, number>();

  constructor({ atOnce, head, stopping }: FillTurnsOptions) {
    this.#head = head;
    this.#stopping = stopping;
    this.#places = new Semaphore(atOnce);
  }

  /** Waits for the turn of a read model. */
  async take(name: string): Promise<FillTurn> {
    const leave = await this.#place(name);
    const began = performance.now();
    return {
      isBusy: this.#isBusy(),
      end: async (gap) => {
        if (this.#isToRest(name, gap))
          await pause(Math.min(LONGEST_REST_MS, performance.now() - began), this.#stopping);
        leave();
      },
    };
  }

  /**
   * @returns a function that gives the place back; undefined if none became free.
   */
  async #place(name: string): Promise<() => void> {
    const place = Promise.withResolvers<void>();
    const places = this.#isBusy() ? this.#single : this.#places;
    const wait = { isTaken: false, isOver: false };
    places.acquire(name, () => {
      if (wait.isOver) places.release(name);
      else wait.isTaken = true;
      place.resolve();
    });
    await Promise.race([place.promise, pause(LONGEST_WAIT_MS, this.#stopping)]);
    wait.isOver = true;
    return wait.isTaken ? () => places.release(name) : () => {};
  }

  #isToRest(name: string, gap: number): boolean {
    const comesNearer = gap < (this.#gaps.get(name) ?? Number.POSITIVE_INFINITY);
    this.#gaps.set(name, gap);
    return this.#isBusy() && comesNearer && gap > 0;
  }

  /** True while commands arrive. */
  #isBusy(): boolean {
    const { position } = this.#head;
    if (this.#seen !== undefined && position > this.#seen) this.#busyUntil = performance.now() + BUSY_MS;
    this.#seen = position;
    return performance.now() < this.#busyUntil;
  }
}
