import { Sleeper } from '../../../scheduling/sleeper.ts';
import { newerEventOf } from '../../log/newer-events.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { DueItem, ParkedFault, ParkedItems } from '../parked/parked-items.ts';
import type { ItemRunner } from './item-runner.ts';
import { Item } from './items.ts';
import type { NewerWork } from './newer-work.ts';
import type { ReadablePage } from './readable-events.ts';
import { failureOf, pauseAfter } from './retries.ts';
import type { EventRoute, Work } from './work.ts';

export interface ParkedRetryParts {
  readonly name: string;
  readonly work: Work;
  readonly parked: ParkedItems;
  readonly items: ItemRunner;
  readonly read: (positions: readonly number[]) => Promise<ReadablePage>;
  readonly stopping: AbortSignal;
  /** The items that only newer code can handle. */
  readonly newer: NewerWork;
  readonly observer: EngineObserver;
}

/** Maximum number of concurrent retries. */
const AT_ONCE = 64;
/** Interval of checks for due items while something is known to be parked, in ms. */
const CHECK_EVERY_MS = 200;
/** The same if nothing is, in ms: only this runner parks items of its process or effect. */
const CHECK_RARELY_MS = 10_000;

/** Retries parked items when they are due, and discards those that an operator has chosen. */
export class ParkedRetry {
  readonly #parts: ParkedRetryParts;
  readonly #trying = new Set<string>();
  #fault: ParkedFault | undefined;
  readonly #sleeper: Sleeper;

  constructor(parts: ParkedRetryParts) {
    this.#parts = parts;
    this.#sleeper = new Sleeper(parts.stopping);
  }

  /** The first item that was parked because of a fault, as of the last check. */
  get fault(): ParkedFault | undefined {
    return this.#fault;
  }

  /** An item was parked, and will be due. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** Runs until it is stopped. */
  async run(): Promise<void> {
    const { items, name, observer, stopping } = this.#parts;
    while (!stopping.aborted) {
      let tried = 0;
      try {
        tried = await this.#tryDue();
      } catch (error) {
        observer.tell('faultMet', { error, context: { part: name } });
      }
      // There may be more.
      if (tried > 0) continue;
      await this.#sleeper.sleep(items.partitions.size > 0 ? CHECK_EVERY_MS : CHECK_RARELY_MS);
    }
  }

  async #tryDue(): Promise<number> {
    const { parked, items, newer } = this.#parts;
    const room = AT_ONCE - this.#trying.size;
    const due = room > 0 ? await parked.due(room) : [];
    for (const row of due) items.partitions.add(row);
    for (const row of due.filter(({ isDiscarded }) => isDiscarded)) {
      await parked.discarded(row);
      items.partitions.remove(row);
      newer.delete(row);
    }
    const tried = due.filter((row) => !row.isDiscarded && !this.#trying.has(nameOf(row)));
    await this.#tryEvents(tried.filter(({ deadline }) => deadline === ''));
    await Promise.all(tried.filter(({ deadline }) => deadline !== '').map((row) => this.#tryDeadline(row)));
    this.#fault = items.partitions.size > 0 ? await parked.fault() : undefined;
    return due.length;
  }

  async #tryEvents(rows: readonly DueItem[]): Promise<void> {
    if (rows.length === 0) return;
    const { work, items, read, stopping, newer } = this.#parts;
    const { events, unreadable } = await read(rows.map(({ position }) => position));
    const readable = events.filter(({ position }) => !unreadable.has(position));
    const routes = await work.routesOf(readable, (partition) => items.isOpen(partition));
    const found = new Map(readable.map((event, nth) => [event.position, { event, route: routes[nth] }]));
    for (const row of rows) {
      if (stopping.aborted) return;
      const one = found.get(row.position);
      const error = unreadable.get(row.position) ?? (one?.route instanceof Error ? one.route : undefined);
      const needsNewer = newerEventOf(error);
      // It is claimed for a while, and due again after that, or at once for the next owner.
      if (needsNewer) newer.add(row, needsNewer);
      else if (error) await this.#failed(row, error);
      else if (one?.route && !(one.route instanceof Error) && one.route.hasBegun) {
        await this.#tryOn(one.route, row, one.event);
      } else await this.#done(row);
    }
  }

  async #tryOn(route: EventRoute, row: DueItem, event: ReadablePage['events'][number]): Promise<void> {
    const { parked, items } = this.#parts;
    const { partition } = route;
    if (!row.keys.includes(partition) && items.partitions.has(partition)) {
      // Only now is it known which partition the item belongs to, and that this partition waits.
      const keys = [...row.keys, partition];
      await parked.rekey(row, keys);
      items.partitions.add({ ...row, keys });
      return;
    }
    items.add(Item.ofEvent(event, route, { parked: row, onSettled: this.#tried(row) }));
  }

  async #tryDeadline(row: DueItem): Promise<void> {
    const { work, items } = this.#parts;
    const { deadlines } = work;
    const id = row.partition.slice(row.partition.lastIndexOf(' ') + 1);
    const deadline = await deadlines?.find(id, row.deadline, new Date(row.dueMs));
    if (!deadline || !deadlines) return this.#done(row);
    items.add(Item.ofDeadline(deadline, deadlines.partitionOf(id), { parked: row, onSettled: this.#tried(row) }));
  }

  /** @returns a function to call after the attempt: items that waited behind it may be due. */
  #tried(row: DueItem): () => void {
    const name = nameOf(row);
    this.#trying.add(name);
    return () => {
      this.#trying.delete(name);
      this.#sleeper.wake();
    };
  }

  async #failed(row: DueItem, error: Error): Promise<void> {
    const { name, parked, observer } = this.#parts;
    const { partition, position, attempts } = row;
    observer.tell('faultMet', { error, context: { part: name, partition, position, attempt: attempts + 1 } });
    await parked.failed(row, failureOf(error), pauseAfter(attempts + 1, error));
  }

  /** The item is finished, whatever its outcome. */
  async #done(row: DueItem): Promise<void> {
    const { parked, items } = this.#parts;
    await parked.answered(row);
    items.partitions.remove(row);
  }
}

function nameOf({ partition, position, deadline, dueMs }: DueItem): string {
  return `${position} ${dueMs} ${deadline} ${partition}`;
}
