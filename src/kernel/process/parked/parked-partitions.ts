import type { ParkedItemId } from './parked-items.ts';

type Parked = ParkedItemId & { readonly keys: readonly string[]; readonly initiator: string };

/** The partitions that have parked items, in memory. Later items of these partitions wait behind them. */
export class ParkedPartitions {
  readonly #items = new Map<string, Pick<Parked, 'keys' | 'initiator'>>();
  readonly #keys = new Map<string, number>();
  readonly #initiators = new Map<string, number>();

  constructor(parked: readonly Parked[] = []) {
    for (const item of parked) this.add(item);
  }

  /** Number of parked items. */
  get size(): number {
    return this.#items.size;
  }

  /** Number of parked items of one initiator. */
  sizeOf(initiator: string): number {
    return this.#initiators.get(initiator) ?? 0;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Adds an item that is parked, or whose keys have changed. */
  add(item: Parked): void {
    this.remove(item);
    const { keys, initiator } = item;
    this.#items.set(nameOf(item), { keys, initiator });
    for (const key of keys) add(this.#keys, key, 1);
    add(this.#initiators, initiator, 1);
  }

  remove(item: ParkedItemId): void {
    const name = nameOf(item);
    const known = this.#items.get(name);
    if (!known) return;
    this.#items.delete(name);
    for (const key of known.keys) add(this.#keys, key, -1);
    add(this.#initiators, known.initiator, -1);
  }
}

function add(counts: Map<string, number>, key: string, more: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + more;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

function nameOf({ partition, position, deadline, dueMs }: ParkedItemId): string {
  return `${position} ${dueMs} ${deadline} ${partition}`;
}
