import type { ActiveCallers } from '../../scheduling/active-callers.ts';
import { CallerWindows, type LeaveWindow } from '../../scheduling/caller-windows.ts';
import { UsualWeights } from '../../scheduling/usual-weights.ts';

/** How much of one caller is executed at the same time while other callers are active. */
export interface OperationWindowLimits {
  readonly operations: number;
  /** Bytes of their answers, with the rows that are read for them. */
  readonly bytes: number;
}

/** Most answers are much smaller than what their cost stands for. */
const LEAST_OF_EXPECTED = 1 / 10;

/**
 * Limits how many large operations of one caller are executed at the same time while others are there. How large an
 * answer will be is not known before, but most callers ask for the same again and again: as many operations are executed
 * as answers of the caller's usual size fit into the limit, and at least one. The first ones of a caller count as what
 * their cost stands for, and each one as a tenth of that at least: cheap operations do not make way for expensive ones.
 */
export class OperationWindows {
  readonly #windows: CallerWindows;
  /** Bytes of operations. */
  readonly #usual = new UsualWeights();

  constructor(activeCallers: ActiveCallers, { operations, bytes }: OperationWindowLimits) {
    this.#windows = new CallerWindows(activeCallers, { count: operations, weight: bytes });
  }

  /**
   * Takes a place for an operation: see {@link CallerWindows.enter}.
   * @param expectedBytes what the operation's cost stands for.
   */
  enter(caller: string, expectedBytes: number): LeaveWindow | Promise<LeaveWindow> {
    const least = expectedBytes * LEAST_OF_EXPECTED;
    return this.#windows.enter(caller, Math.max(least, this.#usual.of(caller, expectedBytes)));
  }

  /** Records how many bytes an operation has read and answered. */
  took(caller: string, bytes: number): void {
    this.#usual.add(caller, bytes);
  }
}
