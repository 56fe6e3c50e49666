/** A queue in which callers take turns. The things of one caller keep their order. */
export class Rotation<T> {
  /** In the order of their turns. */
  readonly #lines = new Map<string, T[]>();
  #size = 0;

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** Number of things that wait. */
  get size(): number {
    return this.#size;
  }

  /** Whether something of this caller waits. */
  has(key: string): boolean {
    return this.#lines.has(key);
  }

  /** @param key the caller. */
  add(key: string, thing: T): void {
    this.#size++;
    const line = this.#lines.get(key);
    if (line) line.push(thing);
    else this.#lines.set(key, [thing]);
  }

  /**
   * Removes and returns the next thing.
   * @param mayHaveTurn returns false for callers who must not have a turn now; default: all may.
   * @returns undefined if no thing waits whose caller may have a turn.
   */
  next(mayHaveTurn: (key: string) => boolean = () => true): { readonly key: string; readonly thing: T } | undefined {
    for (const [key, line] of this.#lines) {
      if (!mayHaveTurn(key)) continue;
      const thing = line.shift() as T;
      this.#size--;
      this.#lines.delete(key);
      if (line.length > 0) this.#lines.set(key, line);
      return { key, thing };
    }
    return undefined;
  }
}
