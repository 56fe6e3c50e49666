import type { OperationPhase, PhaseListener } from '../../graphql/phases.ts';
import { every, type Timer } from '../../scheduling/timers.ts';

/** Time between two checks of the event loop, in ms. */
const CHECK_EVERY_MS = 20;

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
  #timer: Timer | undefined;

  /** @param blockMs how long the event loop may be busy with one thing. */
  constructor(blockMs: number, onBlock: (block: LoopBlock) => void) {
    this.#blockMs = blockMs;
    this.#onBlock = onBlock;
  }

  start(): void {
    this.#checkedAt = performance.now();
    this.#since = this.#checkedAt;
    this.#timer = every(CHECK_EVERY_MS, () => this.#check());
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
    this.#count(performance.now());
    this.#present = next;
  }

  /** Counts the time until now. */
  #count(now: number): void {
    const ms = now - this.#since;
    this.#since = now;
    // Time without an operation may be idle time: it does not compete.
    if (!this.#present || ms <= this.#longestMs) return;
    this.#longestMs = ms;
    this.#longest = this.#present;
  }

  #check(): void {
    const now = performance.now();
    const ms = now - this.#checkedAt - CHECK_EVERY_MS;
    this.#checkedAt = now;
    this.#count(now);
    const phase = this.#longestMs >= ms / 2 ? this.#longest : undefined;
    this.#longest = undefined;
    this.#longestMs = 0;
    if (ms > this.#blockMs) this.#onBlock({ ms, phase: phase?.() });
  }
}
