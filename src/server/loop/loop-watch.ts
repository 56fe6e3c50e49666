import type { OperationPhase, PhaseListener } from '../../graphql/phases.ts';
import { every, type Timer } from '../../scheduling/timers.ts';

/** Time between two checks of the event loop while there are operations, in ms. */
const CHECK_EVERY_MS = 20;
/** The same while there are none. A process that has nothing to do should not wake up for it fifty times a second. */
const REST_MS = 250;
/** The time without an operation after which the watch rests, in ms. */
const REST_AFTER_MS = 1000;

/** The event loop was busy with one thing for too long. */
export interface LoopBlock {
  readonly ms: number;
  /**
   * The phase of an operation that took most of that time; undefined if it was not an operation, but for example a fold
   * or a garbage collection.
   */
  readonly phase: OperationPhase | undefined;
}

/**
 * Detects that the event loop was blocked, and by what. A timer that fires late shows that it was. Operations report
 * when their phases begin and end, and the one that took most of the time is named. Only that phase and the current one
 * are remembered: a phase references everything of its request, which could not be garbage collected.
 *
 * The watch rests while there are no operations. Then it still detects whatever blocks for {@link REST_MS} longer than
 * the limit; of shorter blocks by other work, such as a fold, it detects some.
 */
export class LoopWatch implements PhaseListener {
  readonly #blockMs: number;
  readonly #onBlock: (block: LoopBlock) => void;
  /** The current phase and its start by `performance.now()`; undefined if nothing is being done for an operation. */
  #present: (() => OperationPhase) | undefined;
  #since = 0;
  /** The longest phase since the last check, and its duration in ms. */
  #longest: (() => OperationPhase) | undefined;
  #longestMs = 0;
  #checkedAt = 0;
  /** When the last phase began or ended. */
  #markedAt = Number.NEGATIVE_INFINITY;
  #everyMs = REST_MS;
  #timer: Timer | undefined;

  /** @param blockMs how long the event loop may be busy with one thing. */
  constructor(blockMs: number, onBlock: (block: LoopBlock) => void) {
    this.#blockMs = blockMs;
    this.#onBlock = onBlock;
  }

  start(): void {
    const now = performance.now();
    this.#since = now;
    this.#checkEvery(REST_MS, now);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#present = undefined;
    this.#longest = undefined;
  }

  began(phase: () => OperationPhase): void {
    this.#mark(phase);
  }

  ended(): void {
    this.#mark(undefined);
  }

  #mark(next: (() => OperationPhase) | undefined): void {
    if (!this.#timer) return;
    const now = performance.now();
    if (this.#everyMs === REST_MS) this.#checkEvery(CHECK_EVERY_MS, now);
    this.#count(now);
    this.#markedAt = now;
    this.#present = next;
  }

  #checkEvery(ms: number, now: number): void {
    this.#timer?.cancel();
    this.#everyMs = ms;
    this.#checkedAt = now;
    this.#timer = every(ms, () => this.#check());
  }

  /** Counts the time until now. */
  #count(now: number): void {
    const ms = now - this.#since;
    this.#since = now;
    // Without an operation, the loop may have been idle: such times are not compared.
    if (!this.#present || ms <= this.#longestMs) return;
    this.#longestMs = ms;
    this.#longest = this.#present;
  }

  #check(): void {
    const now = performance.now();
    const ms = now - this.#checkedAt - this.#everyMs;
    this.#checkedAt = now;
    this.#count(now);
    const phase = this.#longestMs >= ms / 2 ? this.#longest : undefined;
    this.#longest = undefined;
    this.#longestMs = 0;
    const isUnused = !this.#present && now - this.#markedAt >= REST_AFTER_MS;
    if (isUnused && this.#everyMs !== REST_MS) this.#checkEvery(REST_MS, now);
    if (ms > this.#blockMs) this.#onBlock({ ms, phase: phase?.() });
  }
}
