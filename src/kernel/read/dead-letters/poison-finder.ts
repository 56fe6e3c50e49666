import { isTransient } from '../../../database/transient.ts';
import type { RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import { isDataFault, isPoison, type Poison, refusal } from './poison.ts';

/** A batch that failed. */
export interface FailedBatch {
  /** The position just before it. */
  readonly after: number;
  readonly size: number;
}

/**
 * Finds the events that a projection cannot apply. A batch that fails is tried again in smaller batches until the
 * failing event is alone. Then it is known to be poison, and is parked.
 */
export class PoisonFinder {
  readonly #projection: string;
  readonly #poison = new Map<number, Poison>();
  /** A batch up to `until` has failed. Those within it have at most `limit` events, and one of them ends at `until`. */
  #narrowed = { until: 0, limit: 0 };
  /** The end of everything that has failed, which may have been many batches together. */
  #carefulUntil = 0;

  constructor(projection: string) {
    this.#projection = projection;
  }

  /** Poison events, by position. */
  get poison(): ReadonlyMap<number, Poison> {
    return this.#poison;
  }

  /** Maximum number of events that may be tried together after a position. */
  limitAfter(position: number, batchLimit: number): number {
    const { until, limit } = this.#narrowed;
    return position < until ? Math.min(batchLimit, limit, until - position) : batchLimit;
  }

  /** True if events after a position have failed, so that each batch has to be written by itself. */
  isCarefulAfter(position: number): boolean {
    return position < this.#carefulUntil;
  }

  /** Those of the given events that are known to be poison. */
  of(events: readonly RecordedEvent[]): readonly { readonly event: RecordedEvent; readonly error: unknown }[] {
    if (this.#poison.size === 0) return [];
    return events.flatMap((event) => {
      const poison = this.#poison.get(event.position);
      return poison ? [{ event, error: poison.error }] : [];
    });
  }

  /** An event that the projection handles cannot be read. */
  addUnreadable(error: UnreadableEventError): void {
    if (error.position !== undefined)
      this.#poison.set(error.position, { message: error.message, error, isOpaque: true });
  }

  /** The projection has passed this position. */
  forget(position: number): void {
    for (const at of this.#poison.keys()) if (at <= position) this.#poison.delete(at);
  }

  /** True if the next attempt may get further, because its batch is smaller or an event is parked. */
  narrow(error: unknown, { after, size }: FailedBatch): boolean {
    if (isTransient(error)) return false;
    if (isPoison(error)) {
      const before = error.position - 1 - after;
      if (before <= 0) return this.#suspect(error.position, error.message, error);
      return this.#narrowTo(error.position - 1, before);
    }
    if (size === 1 && isDataFault(error)) {
      return this.#suspect(after + 1, refusal(this.#projection, after + 1, error), error);
    }
    if (size < 2) return false;
    return this.#narrowTo(after + size, Math.floor(size / 2));
  }

  /** Once the event is found, the batches after it are as large as before. */
  #narrowTo(until: number, limit: number): true {
    this.#narrowed = { until, limit };
    this.#carefulUntil = Math.max(until, this.#carefulUntil);
    return true;
  }

  /** If an event fails although it is parked, even looking up its rows fails. */
  #suspect(position: number, message: string, error: unknown): boolean {
    const known = this.#poison.get(position);
    if (known?.isOpaque) return false;
    this.#poison.set(position, { ...(known ?? { message, error }), isOpaque: known !== undefined });
    return true;
  }
}
