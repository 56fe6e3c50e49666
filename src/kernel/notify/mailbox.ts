import type { Signal } from '../../database/signal.ts';
/**
 * Holds what one subscriber has not read yet: the latest value for each key. A subscriber that does not read costs one
 * slot for each key and never blocks another. Putting a value in never throws and never waits. This is a hand-written
 * async iterator, because the `return()` of a generator waits for a pending `next()`, which here may never settle.
 */
export class Mailbox<T> implements AsyncIterableIterator<T> {
  /** Undefined while no value waits, which is the normal case: an empty map would be the largest part of a mailbox. */
  #slots: Map<string, T> | undefined;
  readonly #merge: (before: T, now: T) => T;
  readonly #onClose: () => void;
  readonly #onCoalesced: (() => void) | undefined;
  readonly #signal: Signal | undefined;
  readonly #leave = () => void this.return();
  #start: (() => void) | undefined;
  #pending: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void } | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param options.start called at the first `next()`, so that a reader that never reads is never subscribed.
   * @param options.onClose called once, however it ends.
   * @param options.merge combines two values for one key. Default: keeps the newer one.
   * @param options.onCoalesced called for each value that was merged into a waiting one.
   * @param options.signal ends the mailbox when it is aborted, because the reader has gone.
   */
  constructor(
    options: {
      start?: () => void;
      onClose?: () => void;
      merge?: (before: T, now: T) => T;
      onCoalesced?: (() => void) | undefined;
      signal?: Signal | undefined;
    } = {},
  ) {
    this.#start = options.start;
    this.#onClose = options.onClose ?? (() => {});
    this.#merge = options.merge ?? ((_, now) => now);
    this.#onCoalesced = options.onCoalesced;
    this.#signal = options.signal;
    if (options.signal?.aborted) this.#close();
    else options.signal?.addEventListener('abort', this.#leave, { once: true });
  }

  /** Values that wait to be read. */
  get size(): number {
    return this.#slots?.size ?? 0;
  }

  /** Puts a value in. If merging throws, the reader gets the error. */
  put(key: string, value: T): void {
    if (this.#state !== 'open') return;
    if (this.#pending) {
      const { resolve } = this.#pending;
      this.#pending = undefined;
      resolve({ value, done: false });
      return;
    }
    this.#slots ??= new Map();
    if (!this.#slots.has(key)) {
      this.#slots.set(key, value);
      return;
    }
    try {
      this.#slots.set(key, this.#merge(this.#slots.get(key) as T, value));
      this.#onCoalesced?.();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the mailbox. The reader gets the waiting values, then the end. */
  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    if (this.#pending) this.#close();
  }

  /** Ends the mailbox with an error, which the reader gets next. */
  fail(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#failure = { error };
    this.#slots = undefined;
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending) {
      this.#state = 'ending';
      return;
    }
    this.#failure = undefined;
    this.#close();
    pending.reject(error);
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#start) {
      const start = this.#start;
      this.#start = undefined;
      try {
        start();
      } catch (error) {
        this.#close();
        return Promise.reject(error);
      }
    }
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      this.#close();
      return Promise.reject(error);
    }
    for (const [key, value] of this.#slots ?? []) {
      if (this.#slots?.delete(key) && this.#slots.size === 0) this.#slots = undefined;
      return Promise.resolve({ value, done: false });
    }
    if (this.#state !== 'open') {
      this.#close();
      return Promise.resolve({ value: undefined, done: true });
    }
    if (this.#pending) return Promise.reject(new Error('A mailbox has one reader.'));
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#slots = undefined;
    this.#close();
    return Promise.resolve({ value: undefined, done: true });
  }

  throw(error?: unknown): Promise<IteratorResult<T>> {
    this.#slots = undefined;
    this.#close();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#start = undefined;
    this.#signal?.removeEventListener('abort', this.#leave);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve({ value: undefined, done: true });
    this.#onClose();
  }
}
