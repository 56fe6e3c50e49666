/** Violations that the clients of a scenario have seen, and the number of their operations. */
export class Witness {
  readonly violations: string[] = [];
  readonly #began = performance.now();
  readonly #done = new Map<string, number>();
  readonly #longestMs = new Map<string, number>();

  /** Seconds since the scenario began. */
  get now(): string {
    return ((performance.now() - this.#began) / 1000).toFixed(2);
  }

  /** Records something that must not be. The first of a kind say enough. */
  violation(what: string): void {
    if (this.violations.length < 50) this.violations.push(`${this.now} s: ${what}`);
  }

  /** Measures work of a kind. */
  async timed<T>(kind: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.#done.set(kind, this.done(kind) + 1);
    this.#longestMs.set(kind, Math.max(this.longestMs(kind), performance.now() - began));
    return result;
  }

  /** How often work of a kind was done. */
  done(kind: string): number {
    return this.#done.get(kind) ?? 0;
  }

  /** How long it took at most, in ms. */
  longestMs(kind: string): number {
    return this.#longestMs.get(kind) ?? 0;
  }

  /** Forgets how long work took. */
  forgetTimes(): void {
    this.#longestMs.clear();
  }

  /** One line for each kind of work. */
  get summary(): string {
    return [...this.#done].map(([kind, count]) => `${kind} ${count}`).join(', ');
  }
}
