/** Two keys that have become one. */
export interface Merge {
  readonly from: string;
  readonly into: string;
}

/**
 * The keys under which events are parked. If an event changes rows of two keys, these become one: a union-find whose
 * sets are named by the key that has been parked for longest.
 */
export class ParkedKeys {
  readonly #since: Map<string, number>;
  readonly #parents = new Map<string, string>();
  readonly #merges: Merge[] = [];

  /** @param since the keys, and the first event of each. */
  constructor(since: ReadonlyMap<string, number>) {
    this.#since = new Map(since);
  }

  /** Number of keys that have not become part of another. */
  get size(): number {
    return this.#since.size;
  }

  /** The keys, and the first event of each. */
  get since(): ReadonlyMap<string, number> {
    return this.#since;
  }

  /** Pairs of keys that have become one, in the order in which that happened. */
  get merges(): readonly Merge[] {
    return this.#merges;
  }

  has(key: string): boolean {
    return this.#since.has(key);
  }

  /** Parks the first event of a key. */
  add(key: string, position: number): void {
    this.#since.set(key, position);
  }

  /** The current name of a key. */
  of(key: string): string {
    const parent = this.#parents.get(key);
    if (parent === undefined) return key;
    const root = this.of(parent);
    if (root !== parent) this.#parents.set(key, root);
    return root;
  }

  /** Makes two keys one. */
  merge(one: string, other: string): void {
    const [a, b] = [this.of(one), this.of(other)];
    if (a === b) return;
    const sinceOf = (key: string) => this.#since.get(key) ?? 0;
    const [into, from] = sinceOf(a) <= sinceOf(b) ? [a, b] : [b, a];
    this.#parents.set(from, into);
    this.#since.delete(from);
    this.#merges.push({ from, into });
  }
}
