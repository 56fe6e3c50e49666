/**
 * Statements of one group that are under way at a time. While these are on their way, what is asked for waits for the
 * next, as appends do. With two, a statement that hangs does not hold up the others.
 */
const STATEMENTS_AT_ONCE = 2;

/** Reads what these keys name, with one statement. What does not exist is left out. */
type ReadAll<Value> = (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

interface Wanted<Value> {
  readonly promise: Promise<Value | null>;
  resolve(value: Value | null): void;
  reject(error: unknown): void;
}

/**
 * Reads values by key for all operations together. Whatever is asked for while statements are under way is read by the
 * next one, which begins after all of it was asked for. So each operation sees at least what it has waited for.
 */
export class GroupRead<Value> {
  readonly #readAll: ReadAll<Value>;
  readonly #maxKeys: number;
  readonly #wanted = new Map<string, Wanted<Value>>();
  #running = 0;
  #isScheduled = false;

  /** @param maxKeys that one statement reads. */
  constructor(readAll: ReadAll<Value>, maxKeys: number) {
    this.#readAll = readAll;
    this.#maxKeys = maxKeys;
  }

  /** The value of a key; null if there is none. It is read after this call. */
  load(key: string): Promise<Value | null> {
    let wanted = this.#wanted.get(key);
    if (!wanted) {
      wanted = Promise.withResolvers<Value | null>();
      this.#wanted.set(key, wanted);
      this.#schedule();
    }
    return wanted.promise;
  }

  /** Begins when everything that this turn of the event loop asks for is known. */
  #schedule(): void {
    if (this.#isScheduled || this.#running >= STATEMENTS_AT_ONCE || this.#wanted.size === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#read();
    });
  }

  async #read(): Promise<void> {
    const batch = [...this.#wanted].slice(0, this.#maxKeys);
    for (const [key] of batch) this.#wanted.delete(key);
    this.#running++;
    this.#schedule();
    try {
      const found = await this.#readAll(batch.map(([key]) => key));
      for (const [key, wanted] of batch) wanted.resolve(found.get(key) ?? null);
    } catch (error) {
      for (const [, wanted] of batch) wanted.reject(error);
    } finally {
      this.#running--;
      this.#schedule();
    }
  }
}
