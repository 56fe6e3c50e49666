import { isTransient } from '../../../database/transient.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { UnreadableEventError } from '../../define/event.ts';
import { OutcomeUnknownError, ThrottledError } from '../../errors.ts';
import { newerEventOf } from '../../log/newer-events.ts';
import type { ParkedFailure } from '../parked/parked-items.ts';

/** A failure that ends by itself, such as an answer that has not arrived yet. No operator needs to act. */
export class RetryableError extends Error {}

/** An item may depend on something that is away for hours. A minute after it is back, the item is done. */
const ITEM_AGAIN: Backoff = { firstMs: 50, maxMs: 60_000 };
/** Everything waits for work that is repeated until it succeeds, so it is repeated at least every ten seconds. */
const WORK_AGAIN: Backoff = { firstMs: 50, maxMs: 10_000 };
/** Number of faults after which an item is parked. */
const FAULTS = 5;
/** Time after which a failing item is parked, whatever the reason, in ms. */
const LONGEST_FAILING_MS = 30_000;

/** The failures of an item so far. */
export class Failures {
  #count: number;
  /** Time of the first failure that this process has seen, on the monotonic clock. */
  #since: number | undefined;

  /** @param count of an item that was parked: how often it has failed. */
  constructor(count = 0) {
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Another attempt has failed.
   * @returns how long to wait before the next, in ms.
   */
  add(error: unknown): number {
    this.#count++;
    this.#since ??= performance.now();
    return pauseAfter(this.#count, error);
  }

  /**
   * True if the item is to be parked, so that it does not hold back a checkpoint. One that only newer code can handle never
   * is: it waits for an instance with that code.
   */
  areTooMany(error: unknown): boolean {
    if (newerEventOf(error)) return false;
    if (error instanceof UnreadableEventError) return true;
    if (!isRetryable(error) && this.#count >= FAULTS) return true;
    return this.#since !== undefined && performance.now() - this.#since >= LONGEST_FAILING_MS;
  }
}

/**
 * How long an item waits after an attempt, in ms: at least as long as the error says, if it says so.
 * @param attempt 1 for the first.
 */
export function pauseAfter(attempt: number, error: unknown): number {
  const ms = backoffMs(attempt, ITEM_AGAIN);
  return error instanceof ThrottledError ? Math.min(ITEM_AGAIN.maxMs, Math.max(ms, error.retryAfterMs)) : ms;
}

/** True if the failure ends by itself. */
export function isRetryable(error: unknown): boolean {
  if (newerEventOf(error) || error instanceof UnreadableEventError) return false;
  return isTransient(error) || RETRYABLE.some((kind) => error instanceof kind);
}

export function failureOf(error: unknown): ParkedFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'FAULT';
  return { code, message: error instanceof Error ? error.message : String(error), isFault: !isRetryable(error) };
}

export interface RetryOptions {
  readonly stopping: AbortSignal;
  /** Called for each failure, and with undefined for the first success after one. */
  readonly onFailure: (error: unknown, attempt: number) => void;
}

/**
 * Repeats work until it succeeds, because everything behind it depends on it.
 * @returns false if it is stopped before.
 */
export async function retryUntilStopped(
  work: () => Promise<void>,
  { stopping, onFailure }: RetryOptions,
): Promise<boolean> {
  for (let attempt = 1; !stopping.aborted; attempt++) {
    try {
      await work();
      if (attempt > 1) onFailure(undefined, attempt);
      return true;
    } catch (error) {
      if (stopping.aborted) break;
      onFailure(error, attempt);
      await pause(backoffMs(attempt, WORK_AGAIN), stopping);
    }
  }
  return false;
}

const RETRYABLE = [ThrottledError, OutcomeUnknownError, RetryableError];
