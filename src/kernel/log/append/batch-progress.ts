import { rootOf } from '../../../database/errors.ts';
import type { Append } from './append.ts';

/** The batch that is being committed. */
export interface CurrentAppends {
  /** When it began, or if those before it failed, when the first of these did; by `performance.now()`. */
  readonly since: number;
  readonly appends: number;
  /** Its first append. */
  readonly first: Pick<Append, 'streamType' | 'streamId' | 'events'>;
  /** Why the last attempt failed, if it is made again. */
  readonly trouble: string | undefined;
}

/** What an append queue works on, and since when it gets nowhere. */
export class BatchProgress {
  #current: CurrentAppends | undefined;
  /** Since when batches fail, if the last one did. */
  #failingSince: number | undefined;

  get current(): CurrentAppends | undefined {
    return this.#current;
  }

  begin(appends: number, first: Append): void {
    this.#current = { since: this.#failingSince ?? performance.now(), appends, first, trouble: undefined };
  }

  /** An attempt failed, and is made again. */
  retries(error: unknown): void {
    if (this.#current) this.#current = { ...this.#current, trouble: rootOf(error).message };
  }

  /** The outcome of the batch stays unknown. */
  failed(): void {
    this.#failingSince ??= this.#current?.since;
  }

  succeeded(): void {
    this.#failingSince = undefined;
  }

  /** Nothing waits any more. */
  end(): void {
    this.#current = undefined;
    this.#failingSince = undefined;
  }
}
