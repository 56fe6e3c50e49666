import type { Phase, PhaseListener } from '../../graphql/phases.ts';

/** Between two looks at the event loop, in ms. */
const LOOK_MS = 20;

/** The event loop did one thing for too long. */
export interface LoopBlock {
  readonly ms: number;
  /** The phase of an operation that took most of that time; undefined if it was no operation: a fold, a garbage collection. */
  readonly phase: Phase | undefined;
}

/**
 * Notices that the event loop was blocked, and by what. A timer that fires too late says that it was; operations say when
 * they begin and end to do something, and the one that had most of that time is named. Only that one and the present one are
 * remembered: a phase leads to all that belongs to its request, which would be kept from the garbage collector.
 */
export class LoopWatch implements PhaseListener {
  readonly #blockMs: number;
  readonly #onBlock: (block: LoopBlock) => void;
  /** What is done now, since when, by `performance.now()`; undefined if it is nothing for an operation. */
  #present: (() => Phase) | undefined;
  #since = 0;
  /** What was done longest for an operation since the last look, and for how many ms. */
  #longest: (() => Phase) | undefined;
  #longestMs = 0;
  #lookedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param blockMs as long the event loop may do one thing. */
  constructor(blockMs: number, onBlock: (block: LoopBlock) => void) {
    this.#blockMs = blockMs;
    this.#onBlock = onBlock;
  }

  start(): void {
    this.#lookedAt = performance.now();
    this.#since = this.#lookedAt;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#present = undefined;
    this.#longest = undefined;
  }

  began(phase: () => Phase): void {
    this.#mark(phase);
  }

  ended(): void {
    this.#mark(undefined);
  }

  #mark(next: (() => Phase) | undefined): void {
    if (!this.#timer) return;
    this.#count(performance.now());
    this.#present = next;
  }

  /** Counts what was done until now. */
  #count(now: number): void {
    const ms = now - this.#since;
    this.#since = now;
    // What is done for no operation may be waiting: it is no rival.
    if (!this.#present || ms <= this.#longestMs) return;
    this.#longestMs = ms;
    this.#longest = this.#present;
  }

  #look(): void {
    const now = performance.now();
    const ms = now - this.#lookedAt - LOOK_MS;
    this.#lookedAt = now;
    this.#count(now);
    const phase = this.#longestMs >= ms / 2 ? this.#longest : undefined;
    this.#longest = undefined;
    this.#longestMs = 0;
    if (ms > this.#blockMs) this.#onBlock({ ms, phase: phase?.() });
  }
}
