import type { LeaveWindow } from '../../scheduling/caller-windows.ts';
import { FairQueue } from '../../scheduling/fair-queue.ts';
import { BYTES_PER_POINT } from '../limits/sizes.ts';

/** Limits how many large operations of one caller are executed at the same time while others are there. */
export interface ExecutionWindows {
  /** Takes a place for an operation, now or by a promise. @param expectedBytes if nothing is known of the caller. */
  enter(caller: string, expectedBytes: number): LeaveWindow | Promise<LeaveWindow>;
  /** Records how many bytes an operation has read and answered. */
  took(caller: string, bytes: number): void;
}

/**
 * Executes a few live queries at a time, callers in rotation. While others use the server, those of one caller take places
 * of the window of large operations that the caller has anyway, so that many of them do not take the database from others.
 */
export class ExecutionQueue {
  readonly #queue: FairQueue;
  readonly #windows: ExecutionWindows | undefined;

  /** @param atOnce maximum number of live queries that are executed at the same time. */
  constructor(atOnce: number, windows?: ExecutionWindows) {
    this.#queue = new FairQueue(atOnce);
    this.#windows = windows;
  }

  /**
   * Runs a task when it is the caller's turn, and resolves or rejects as the task does.
   * @param cost of the operation, in points of its document.
   */
  async run<T>(caller: string, cost: number, task: () => Promise<T>): Promise<T> {
    const leave = await this.#windows?.enter(caller, cost * BYTES_PER_POINT);
    try {
      return await this.#queue.run(caller, task);
    } finally {
      leave?.();
    }
  }

  /** Records how many bytes a task has read and answered. */
  took(caller: string, bytes: number): void {
    this.#windows?.took(caller, bytes);
  }
}
