import type { UnreadableEventError } from '../../define/event.ts';
import { AheadOfCodeError } from '../../log/newer-events.ts';
import type { DueItem } from '../parked/parked-items.ts';
import type { Item } from './items.ts';

/** Items that only newer code can handle, with the reasons. They are neither parked nor recorded. */
export class NewerWork {
  readonly #reasons = new Map<string, string>();
  readonly #onAhead: () => void;

  /** @param onAhead called for each item: another instance may be able to go on. */
  constructor(onAhead: () => void) {
    this.#onAhead = onAhead;
  }

  /** Why the first of them waits; null if there is none. */
  get reason(): string | null {
    const [first] = this.#reasons.values();
    return first ?? null;
  }

  add(item: Item | DueItem, cause: UnreadableEventError): void {
    this.#reasons.set(keyOf(item), new AheadOfCodeError(cause).message);
    this.#onAhead();
  }

  /** This code has handled the item, or nobody needs to any more. */
  delete(item: Item | DueItem): void {
    if (this.#reasons.size > 0) this.#reasons.delete(keyOf(item));
  }
}

/** The same for an item and for the row in which it is parked. */
function keyOf(item: Item | DueItem): string {
  if (item.position > 0) return String(item.position);
  if ('dueMs' in item)
    return `${item.partition.slice(item.partition.lastIndexOf(' ') + 1)} ${item.deadline} ${item.dueMs}`;
  const { deadline } = item;
  return `${deadline?.id} ${deadline?.name} ${deadline?.at.getTime()}`;
}
