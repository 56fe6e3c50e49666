import { pause } from '../../../scheduling/sleeper.ts';

/** Maximum length of a rest, in ms. */
const LONGEST_REST_MS = 250;
/** How long the next one waits at most, in ms: a batch may take long because somebody has locked its table. */
const LONGEST_WAIT_MS = 1000;

/** The turn of one read model that is being filled. */
export interface FillTurn {
  /**
   * Ends the turn, so that the next one has it. While commands arrive, it first rests for as long as the turn took.
   * @param gap number of events that the read model still lacks.
   */
  end(gap: number): Promise<void>;
}

/**
 * Keeps the filling of new versions from starving the read models that are served by the same instance, with the same connections and
 * the same thread. Those that are filled take turns of one batch, so that together they use about as much as one live read model; and
 * while commands arrive they use at most half of the time. A read model that gets no closer to the end that way does not rest: it would
 * never arrive.
 */
export class FillTurns {
  readonly #head: () => number;
  readonly #stopping: AbortSignal;
  #free: Promise<void> = Promise.resolve();
  #seen = 0;
  readonly #gaps = new Map<string, number>();

  /**
   * @param head the end of the log, as far as it is known here.
   * @param stopping ends all rests.
   */
  constructor(head: () => number, stopping: AbortSignal) {
    this.#head = head;
    this.#stopping = stopping;
  }

  /** Waits for the turn of a read model. */
  async take(name: string): Promise<FillTurn> {
    const before = this.#free;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = promise;
    await Promise.race([before, pause(LONGEST_WAIT_MS, this.#stopping)]);
    const began = performance.now();
    return {
      end: async (gap) => {
        if (this.#isToRest(name, gap))
          await pause(Math.min(LONGEST_REST_MS, performance.now() - began), this.#stopping);
        resolve();
      },
    };
  }

  #isToRest(name: string, gap: number): boolean {
    const head = this.#head();
    const isBusy = head > this.#seen && this.#seen > 0;
    const comesNearer = gap < (this.#gaps.get(name) ?? Number.POSITIVE_INFINITY);
    this.#seen = head;
    this.#gaps.set(name, gap);
    return isBusy && comesNearer && gap > 0;
  }
}
