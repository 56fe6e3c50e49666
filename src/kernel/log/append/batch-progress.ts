import { rootOf } from '../../../database/errors.ts';
import type { Append } from './append.ts';

/** The batch that is being committed. */
export interface CurrentAppends {
  /** When the batch began. If the batches before it failed, when the first of those began. By `performance.now()`. */
  readonly since: number;
  readonly appends: number;
  /** Its first append. */
  readonly first: Pick<Append, 'streamType' | 'streamId' | 'events'>;
  /** Why the last attempt failed; undefined in the first attempt. */
  readonly trouble: string | undefined;
}

/** The batch that an append queue is working on, and since when batches have been failing. */
export class BatchProgress {
  #current: CurrentAppends | undefined;
  /** When the first of the failing batches began; undefined if the last one succeeded. */
  #failingSince: number | undefined;

  get current(): CurrentAppends | undefined {
    return this.#current;
  }

  begin(appends: number, first: Append): void {
    this.#current = { since: this.#failingSince ?? performance.now(), appends, first, trouble: undefined };
  }

  /** An attempt failed and is repeated. */
  retries(error: unknown): void {
    if (this.#current) this.#current = { ...this.#current, trouble: rootOf(error).message };
  }

  /** The batch failed with an unknown outcome. */
  failed(): void {
    this.#failingSince ??= this.#current?.since;
  }

  succeeded(): void {
    this.#failingSince = undefined;
  }

  /** No more appends wait. */
  end(): void {
    this.#current = undefined;
    this.#failingSince = undefined;
  }
}
