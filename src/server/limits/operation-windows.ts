import { LRUCache } from 'lru-cache';
import { CallerWindows, type LeaveWindow } from '../../scheduling/caller-windows.ts';
import type { Company } from '../../scheduling/company.ts';

/** Callers whose usual answers are remembered. */
const MAX_CALLERS = 10_000;
/** Share of the last operation in what is usual. */
const NEWEST = 1 / 4;

/** What may be executed of one caller at the same time while others are there. */
export interface OperationWindowLimits {
  readonly operations: number;
  /** Bytes of their answers, with the rows that are read for them. */
  readonly bytes: number;
}

/**
 * Limits how many large operations of one caller are executed at the same time while others are there. How large an
 * answer will be is not known before, but most callers ask for the same again and again: as many operations are executed
 * as answers of the caller's usual size fit into the limit, and at least one.
 */
export class OperationWindows {
  readonly #windows: CallerWindows;
  /** Moving average of the bytes of the operations of each caller. */
  readonly #usual = new LRUCache<string, number>({ max: MAX_CALLERS });

  constructor(company: Company, { operations, bytes }: OperationWindowLimits) {
    this.#windows = new CallerWindows(company, { count: operations, weight: bytes });
  }

  /** Takes a place for an operation: see {@link CallerWindows.enter}. */
  enter(caller: string): LeaveWindow | Promise<LeaveWindow> {
    return this.#windows.enter(caller, this.#usual.get(caller) ?? 0);
  }

  /** Records how many bytes an operation has read and answered. */
  took(caller: string, bytes: number): void {
    const usual = this.#usual.get(caller) ?? bytes;
    this.#usual.set(caller, usual + (bytes - usual) * NEWEST);
  }
}
