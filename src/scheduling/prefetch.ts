/** Prepares what will be needed next while the present work is done. It keeps one thing, which is used at most once. */
export class Prefetch<T> {
  #next: { readonly key: string; readonly thing: Promise<T | undefined> } | undefined;

  /**
   * Begins to prepare a thing. What was prepared before is dropped.
   * @param key what the thing is asked for by.
   * @param prepare may fail: the failure is ignored, because it occurs again when the thing is made in its turn.
   */
  begin(key: string, prepare: () => Promise<T>): void {
    this.#next = { key, thing: prepare().catch(() => undefined) };
  }

  /** The thing with this key; undefined if it is not being prepared, or failed. Any other thing is dropped. */
  async take(key: string): Promise<T | undefined> {
    const next = this.#next;
    this.#next = undefined;
    return next?.key === key ? next.thing : undefined;
  }

  /** Drops what was prepared. */
  forget(): void {
    this.#next = undefined;
  }
}
