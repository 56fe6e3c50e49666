import type { ParkedKey } from './parked-items.ts';

type Parked = ParkedKey & { readonly keys: readonly string[] };

/** Which lines have parked items, in memory: what comes later in one of them waits behind those. */
export class ParkedLines {
  readonly #items = new Map<string, readonly string[]>();
  readonly #keys = new Map<string, number>();

  constructor(parked: readonly Parked[] = []) {
    for (const item of parked) this.add(item);
  }

  /** Items that are parked. */
  get size(): number {
    return this.#items.size;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** An item is parked, or has other keys than before. */
  add(item: Parked): void {
    this.remove(item);
    this.#items.set(nameOf(item), item.keys);
    for (const key of item.keys) this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
  }

  remove(item: ParkedKey): void {
    const name = nameOf(item);
    const keys = this.#items.get(name) ?? [];
    this.#items.delete(name);
    for (const key of keys) {
      const left = (this.#keys.get(key) ?? 0) - 1;
      if (left > 0) this.#keys.set(key, left);
      else this.#keys.delete(key);
    }
  }
}

function nameOf({ line, position, deadline, dueMs }: ParkedKey): string {
  return `${position} ${dueMs} ${deadline} ${line}`;
}
