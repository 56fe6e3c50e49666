import type { LeaveWindow } from '../../scheduling/caller-windows.ts';
import { Semaphore } from '../../scheduling/semaphore.ts';
import { BYTES_PER_POINT } from '../limits/sizes.ts';

/** Limits how many large operations of one caller are executed at the same time while others are there. */
export interface ExecutionWindows {
  /** Takes a place for an operation, now or by a promise. @param expectedBytes what its cost stands for. */
  enter(caller: string, expectedBytes: number): LeaveWindow | Promise<LeaveWindow>;
  /** Records how many bytes an operation has read and answered. */
  took(caller: string, bytes: number): void;
}

/**
 * Executes a few live queries at a time, callers in rotation. One caller never has all places, so that an execution that
 * takes long does not keep everybody else waiting. While others use the server, those of one caller also take places of
 * the window of large operations that the caller has anyway, so that many of them do not take the database from others.
 */
export class ExecutionQueue {
  readonly #places: Semaphore;
  readonly #windows: ExecutionWindows | undefined;

  /** @param atOnce maximum number of live queries that are executed at the same time. */
  constructor(atOnce: number, windows?: ExecutionWindows) {
    this.#places = new Semaphore(atOnce, Math.max(1, atOnce - Math.ceil(atOnce / 4)));
    this.#windows = windows;
  }

  /**
   * Runs a task when it is the caller's turn, and resolves or rejects as the task does.
   * @param cost of the operation, in points of its document.
   */
  async run<T>(caller: string, cost: number, task: () => Promise<T>): Promise<T> {
    const begun = await this.#places.run<Begun<T>>(async () => {
      // Only now: while it waits for others, its caller's own operations may use the window.
      const place = this.#windows?.enter(caller, cost * BYTES_PER_POINT);
      // Others need not wait until the caller's window has room.
      if (place instanceof Promise) return { waits: place };
      return { result: await leaving(place, task) };
    }, caller);
    if ('result' in begun) return begun.result;
    const leave = await begun.waits;
    return leaving(leave, () => this.#places.run(task, caller));
  }

  /** Records how many bytes a task has read and answered. */
  took(caller: string, bytes: number): void {
    this.#windows?.took(caller, bytes);
  }
}

/** How far a task got at its first turn. */
type Begun<T> = { readonly result: T } | { readonly waits: Promise<LeaveWindow> };

async function leaving<T>(leave: LeaveWindow | undefined, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } finally {
    leave?.();
  }
}
