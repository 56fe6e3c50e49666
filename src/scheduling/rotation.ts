/** Things that wait, each for somebody: everybody has a turn, and what is for one of them keeps its order. */
export class Rotation<T> {
  /** In the order of their turns. */
  readonly #lines = new Map<string, T[]>();

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** @param key for whom it is. */
  add(key: string, thing: T): void {
    const line = this.#lines.get(key);
    if (line) line.push(thing);
    else this.#lines.set(key, [thing]);
  }

  /**
   * Takes the next thing out.
   * @param mayHaveTurn false passes over what is for this one; unless given everybody may.
   * @returns undefined if nothing waits that may have a turn.
   */
  next(mayHaveTurn: (key: string) => boolean = () => true): { readonly key: string; readonly thing: T } | undefined {
    for (const [key, line] of this.#lines) {
      if (!mayHaveTurn(key)) continue;
      const thing = line.shift() as T;
      this.#lines.delete(key);
      if (line.length > 0) this.#lines.set(key, line);
      return { key, thing };
    }
    return undefined;
  }
}
