import { isTransient } from '../../../database/transient.ts';
import type { RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import { isDataFault, isPoison, type Poison, refusal } from './poison.ts';

/** A batch that failed. */
export interface FailedBatch {
  /** The position right before it. */
  readonly after: number;
  readonly size: number;
}

/**
 * Finds the events that a projection cannot apply. What fails for one event among many is tried in smaller batches, until the
 * event stands alone; what is known of it then says how to put it aside.
 */
export class Culprits {
  readonly #projection: string;
  readonly #poison = new Map<number, Poison>();
  /** A batch failed: up to `until`, the next ones are smaller, to come right before the event that is at fault. */
  #careful = { until: 0, limit: 0 };

  constructor(projection: string) {
    this.#projection = projection;
  }

  /** Events that are at fault, by position. */
  get poison(): ReadonlyMap<number, Poison> {
    return this.#poison;
  }

  /** How many events after a position are to be tried together. */
  limitAfter(position: number, batchLimit: number): number {
    const { until, limit } = this.#careful;
    return position < until ? Math.min(batchLimit, limit, until - position) : batchLimit;
  }

  /** True where some of the events is known to be at fault. */
  among(events: readonly RecordedEvent[]): boolean {
    return this.#poison.size > 0 && events.some(({ position }) => this.#poison.has(position));
  }

  /** An event that is of interest cannot be read. */
  addUnreadable(error: UnreadableEventError): void {
    if (error.position !== undefined)
      this.#poison.set(error.position, { message: error.message, error, isOpaque: true });
  }

  /** Everything up to here is behind the projection. */
  forget(position: number): void {
    for (const at of this.#poison.keys()) if (at <= position) this.#poison.delete(at);
  }

  /** True where the next attempt may get further, with a smaller batch or with an event that is put aside. */
  narrow(error: unknown, { after, size }: FailedBatch): boolean {
    if (isTransient(error)) return false;
    if (isPoison(error)) {
      const before = error.position - 1 - after;
      if (before <= 0) return this.#suspect(error.position, error.message, error);
      this.#careful = { until: error.position - 1, limit: before };
      return true;
    }
    if (size === 1 && isDataFault(error)) {
      return this.#suspect(after + 1, refusal(this.#projection, after + 1, error), error);
    }
    if (size < 2) return false;
    this.#careful = { until: Math.max(after + size, this.#careful.until), limit: Math.floor(size / 2) };
    return true;
  }

  /** One that fails when it is put aside too names rows that cannot even be looked up. */
  #suspect(position: number, message: string, error: unknown): boolean {
    const known = this.#poison.get(position);
    if (known?.isOpaque) return false;
    this.#poison.set(position, { ...(known ?? { message, error }), isOpaque: known !== undefined });
    return true;
  }
}
