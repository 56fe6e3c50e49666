import type { Phase, PhaseListener } from '../../graphql/phases.ts';

/** Between two looks at the event loop, in ms. */
const LOOK_MS = 20;
/** Phases that are remembered between two looks; of more only the longest one so far. */
const MAX_MARKS = 2000;

/** The event loop did one thing for too long. */
export interface LoopBlock {
  readonly ms: number;
  /** The phase of an operation that took most of that time; undefined if it was no operation: a fold, a garbage collection. */
  readonly phase: Phase | undefined;
}

interface Mark {
  readonly at: number;
  /** Undefined where a phase has ended. */
  readonly phase: (() => Phase) | undefined;
}

/**
 * Notices that the event loop was blocked, and by what. A timer that fires too late says that it was; operations say when
 * they begin and end to do something, and the one that had most of that time is named. It costs a note for each phase.
 */
export class LoopWatch implements PhaseListener {
  readonly #blockMs: number;
  readonly #onBlock: (block: LoopBlock) => void;
  #marks: Mark[] = [];
  #lookedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param blockMs as long the event loop may do one thing. */
  constructor(blockMs: number, onBlock: (block: LoopBlock) => void) {
    this.#blockMs = blockMs;
    this.#onBlock = onBlock;
  }

  start(): void {
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#marks = [];
  }

  began(phase: () => Phase): void {
    this.#mark(phase);
  }

  ended(): void {
    this.#mark(undefined);
  }

  #mark(phase: Mark['phase']): void {
    if (!this.#timer) return;
    this.#marks.push({ at: performance.now(), phase });
    if (this.#marks.length > MAX_MARKS) this.#marks = [...longest(this.#marks), this.#marks.at(-1) as Mark];
  }

  #look(): void {
    const now = performance.now();
    const ms = now - this.#lookedAt - LOOK_MS;
    this.#lookedAt = now;
    const last = this.#marks.at(-1);
    if (ms > this.#blockMs) {
      const [mark] = longest([...this.#marks, { at: now, phase: undefined }]);
      this.#onBlock({ ms, phase: mark?.phase?.() });
    }
    // What is under way goes on.
    this.#marks = last ? [{ ...last, at: now }] : [];
  }
}

/** The mark after which most time went by until the next one, and that one. */
function longest(marks: readonly Mark[]): Mark[] {
  let found: Mark[] = [];
  let most = 0;
  for (const [index, mark] of marks.entries()) {
    const next = marks[index + 1];
    if (!next || next.at - mark.at <= most) continue;
    most = next.at - mark.at;
    found = [mark, next];
  }
  return found;
}
