import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import type { LiveSubscriber } from './subscriber.ts';

/** Interval at which a query is executed, at most, for somebody who has had no message yet, in ms. */
const FIRST_MS = 50;
/** Pauses after attempts in vain. */
const PAUSES: Backoff = { firstMs: 50, maxMs: 2000 };

/**
 * When a live query may be executed: not sooner after an answer than somebody wants the next one, and not during a
 * pause or a rest.
 */
export class ExecutionPace {
  readonly #onDue: () => void;
  /** Times of the monotonic clock, in ms. */
  #publishedAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  /** @param onDue called once each time it is due. */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** There is an answer now. */
  published(): void {
    this.#publishedAt = performance.now();
  }

  /** Pauses. @param attempts how many were in vain one after the other: the pause grows with them. */
  pause(attempts: number): void {
    this.#pausedUntil = performance.now() + backoffMs(attempts, PAUSES);
  }

  /** Its caller has used up their limit. @param ms how long it rests; 0 ends a rest. */
  rest(ms: number): void {
    this.#restsUntil = performance.now() + ms;
  }

  /**
   * Calls `onDue` as soon as the next execution is due, which can be at once. If one is expected already, the earlier time
   * counts.
   * @param everyMs the pause, in ms, that somebody wants between two answers.
   */
  expect(everyMs: number): void {
    const dueAt = Math.max(this.#pausedUntil, this.#restsUntil, this.#publishedAt + everyMs);
    if (this.#timer && this.#dueAt <= dueAt) return;
    this.cancel();
    const wait = dueAt - performance.now();
    if (wait <= 0) {
      this.#onDue();
      return;
    }
    this.#dueAt = dueAt;
    this.#timer = later(wait, () => {
      this.#timer = undefined;
      this.#onDue();
    });
  }

  /** Expects nothing any more. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** How often a subscriber wants the query to be executed, at most: an interval in ms. */
export function intervalOf({ isNew, everyMs }: LiveSubscriber): number {
  return isNew ? Math.min(FIRST_MS, everyMs) : everyMs;
}

/** The shortest interval of several subscribers, in ms. */
export function shortestInterval(subscribers: Iterable<LiveSubscriber>): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const subscriber of subscribers) shortest = Math.min(shortest, intervalOf(subscriber));
  return shortest;
}
