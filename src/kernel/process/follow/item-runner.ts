import { pause } from '../../../scheduling/sleeper.ts';
import type { RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import { newerEventOf } from '../../log/newer-events.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { ItemToPark, ParkedItems } from '../parked/parked-items.ts';
import type { ParkedPartitions } from '../parked/parked-partitions.ts';
import { contextOf, type Item, parkedOf } from './items.ts';
import { Lanes } from './lanes.ts';
import type { NewerWork } from './newer-work.ts';
import { RereadEvents } from './reread-events.ts';
import { failureOf, isRetryable, retryUntilStopped } from './retries.ts';
import type { Work } from './work.ts';

/**
 * Maximum share of one initiator in the events that are read ahead, and in the items that may be parked. The rest is
 * left to others.
 */
const INITIATOR_SHARE = 1 / 4;
/**
 * Pause before an item that only newer code can handle is tried again, in ms. It helps only if the stream has changed: an instance
 * with that code takes the checkpoint over.
 */
const NEWER_RETRY_MS = 10_000;
/** Including events that do not count, at most this many times the limit are read ahead. */
const FURTHEST = 2;

export interface RunnerLimits {
  /** Maximum number of concurrent items. */
  readonly atOnce: number;
  /** Maximum number of concurrent items of one initiator. */
  readonly perInitiator: number;
  /** Maximum number of events that are read ahead. At most a quarter of it counts for one initiator. */
  readonly readAhead: number;
  /** Maximum size of events in memory, in bytes. Others are read again when their turn comes. */
  readonly readAheadBytes: number;
  /** Maximum number of parked items. If it is reached, failures hold the checkpoint back. */
  readonly parked: number;
}

export interface ItemRunnerParts {
  readonly name: string;
  readonly work: Work;
  readonly parked: ParkedItems;
  readonly limits: RunnerLimits;
  /** Reads events again. */
  readonly read: (positions: readonly number[]) => Promise<readonly RecordedEvent[]>;
  /** Called when there is room for more events. */
  readonly onRoom: () => void;
  /** Called when items were parked. */
  readonly onParked: () => void;
  /** The items that only newer code can handle. */
  readonly newer: NewerWork;
  readonly observer: EngineObserver;
}

/**
 * Handles items: fairly over initiators, in order within a partition, each independently. A failing item is retried after a
 * pause; one that keeps failing is parked with everything that waits behind it in its partition, so that it blocks nothing
 * else.
 */
export class ItemRunner {
  readonly #parts: ItemRunnerParts;
  readonly #stopping: AbortSignal;
  readonly #lanes: Lanes<Item>;
  readonly #partitions: ParkedPartitions;
  /** Events that are neither handled nor parked, in log order. */
  readonly #open = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  /** Why the failing items that are not parked fail. */
  readonly #failures = new Map<Item, string>();
  #seen: number;
  #heldBytes = 0;
  readonly #again: RereadEvents;

  /** @param position everything up to it is handled or parked. */
  constructor(parts: ItemRunnerParts, partitions: ParkedPartitions, position: number, stopping: AbortSignal) {
    this.#parts = parts;
    this.#partitions = partitions;
    this.#seen = position;
    this.#stopping = stopping;
    this.#again = new RereadEvents(parts.read);
    const { atOnce, perInitiator, readAhead } = parts.limits;
    this.#lanes = new Lanes({ atOnce, perLane: perInitiator, counted: Math.ceil(readAhead * INITIATOR_SHARE) });
  }

  /** Everything up to this position is handled or parked. */
  get done(): number {
    const [oldest] = this.#open;
    return oldest === undefined ? this.#seen : oldest - 1;
  }

  /** Number of items in progress. */
  get size(): number {
    return this.#lanes.size;
  }

  /** True if more events may be added. */
  get hasRoom(): boolean {
    const { readAhead, parked } = this.#parts.limits;
    if (this.#lanes.crowd >= readAhead || this.#open.size >= FURTHEST * readAhead) return false;
    return this.#partitions.size < parked;
  }

  /** True if an initiator has more than their share of the items in progress, or of the parked ones: they should cause no more. */
  isCrowdedBy(initiator: string): boolean {
    const { readAhead, parked } = this.#parts.limits;
    return (
      this.#lanes.sizeOf(initiator) > INITIATOR_SHARE * readAhead ||
      this.#partitions.sizeOf(initiator) > INITIATOR_SHARE * parked
    );
  }

  get partitions(): ParkedPartitions {
    return this.#partitions;
  }

  /** Why an item that is not parked fails; null if none does. */
  get failure(): string | null {
    const [first] = this.#failures.values();
    return first ?? null;
  }

  /** True if a partition has unfinished items. */
  isOpen(partition: string): boolean {
    return this.#lanes.isOpen(partition) || this.#partitions.has(partition);
  }

  /** Records that events up to a position need no handling, except those that were added. Positions only grow. */
  saw(position: number): void {
    this.#seen = position;
  }

  add(item: Item): void {
    if (!item.deadline && !item.parked) this.#open.add(item.position);
    if (this.#heldBytes + item.bytes > this.#parts.limits.readAheadBytes) {
      item.dropEvent();
    }
    this.#heldBytes += item.bytes;
    this.#lanes.add(item, item.parked !== undefined && item.failures.count > 0);
    this.#start();
  }

  /**
   * Parks items that were not added.
   * @returns false if it is stopped before they are stored.
   */
  async park(items: readonly ItemToPark[], waitMs: number): Promise<boolean> {
    if (items.length === 0) return true;
    return this.#store(items, waitMs);
  }

  /** Resolves when no item is being handled any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Starts the items that may run now. */
  #start(): void {
    if (this.#stopping.aborted) return;
    for (let item = this.#lanes.next(); item; item = this.#lanes.next()) {
      const running = this.#run(item).finally(() => {
        this.#running.delete(running);
        this.#start();
      });
      this.#running.add(running);
    }
  }

  async #run(item: Item): Promise<void> {
    try {
      const { work } = this.#parts;
      if (item.deadline) await work.deadlines?.tell(item.deadline);
      else await work.answer(item.event ?? (await this.#again.at(item.position)), this.#stopping);
    } catch (error) {
      if (!this.#stopping.aborted) await this.#failed(item, error);
      return;
    }
    this.#failures.delete(item);
    this.#parts.newer.delete(item);
    if (item.parked) await this.#unpark(item, item.parked);
    this.#settle(item);
  }

  async #failed(item: Item, error: unknown): Promise<void> {
    const newer = newerEventOf(error);
    if (newer) {
      this.#leaveToNewer(item, newer);
      return;
    }
    this.#parts.newer.delete(item);
    const { name, observer, parked, limits } = this.#parts;
    const { failures } = item;
    const waitMs = failures.add(error);
    if (!isThrottled(error))
      observer.tell('faultMet', { error, context: { part: name, ...contextOf(item), attempt: failures.count } });
    if (item.parked) {
      const failure = failureOf(error);
      const { parked: row } = item;
      // If this cannot be stored, the item is retried too, a little later.
      await parked
        .failed(row, failure, waitMs)
        .catch((reason) => observer.tell('faultMet', { error: reason, context: { part: name } }));
      this.#settle(item);
      return;
    }
    if (!isRetryable(error))
      this.#failures.set(item, `${name} ${JSON.stringify(contextOf(item))}: ${messageOf(error)}`);
    this.#lanes.pause(item);
    if (failures.areTooMany(error) && this.#partitions.size < limits.parked) {
      if (await this.#putAside(item, error, waitMs)) return;
    }
    void this.#resumeAfter(waitMs, item);
  }

  /**
   * Newer code can handle it, on whichever instance. A parked item stays as it is: it is claimed for a while, and due again after that,
   * or at once for the next owner. A deadline stays in the read model for the next owner: this one remembers it as fired, and does not
   * fire it again. An event holds the checkpoint back.
   */
  #leaveToNewer(item: Item, cause: UnreadableEventError): void {
    this.#parts.newer.add(item, cause);
    if (item.parked || item.deadline) {
      this.#settle(item);
      return;
    }
    this.#lanes.pause(item);
    void this.#resumeAfter(NEWER_RETRY_MS, item);
  }

  async #resumeAfter(ms: number, item: Item): Promise<void> {
    await pause(ms, this.#stopping);
    if (this.#stopping.aborted) return;
    this.#lanes.resume(item);
    this.#start();
  }

  /** Parks an item and those that wait for it. */
  async #putAside(item: Item, error: unknown, waitMs: number): Promise<boolean> {
    const behind = this.#lanes.takeWaiting(item.partition);
    const partitionOf = (id: string) => this.#parts.work.deadlines?.partitionOf(id) ?? id;
    const items = [parkedOf(item, partitionOf, failureOf(error)), ...behind.map((each) => parkedOf(each, partitionOf))];
    if (!(await this.#store(items, waitMs))) return false;
    this.#failures.delete(item);
    this.#settle(item);
    for (const each of behind) this.#release(each);
    return true;
  }

  async #store(items: readonly ItemToPark[], waitMs: number): Promise<boolean> {
    const { name, parked, observer, onParked } = this.#parts;
    const onFailure = (error: unknown) => error && observer.tell('faultMet', { error, context: { part: name } });
    // From now on, later items of their partitions wait behind them.
    for (const item of items) this.#partitions.add(item);
    return retryUntilStopped(
      async () => {
        for (const item of await parked.park(items, waitMs)) this.#partitions.remove(item);
        onParked();
      },
      { stopping: this.#stopping, onFailure },
    );
  }

  async #unpark(item: Item, row: NonNullable<Item['parked']>): Promise<void> {
    const { name, parked, observer } = this.#parts;
    const onFailure = (error: unknown) =>
      error && observer.tell('faultMet', { error, context: { part: name, ...contextOf(item) } });
    const done = await retryUntilStopped(() => parked.answered(row), { stopping: this.#stopping, onFailure });
    if (done) this.#partitions.remove(row);
  }

  #settle(item: Item): void {
    this.#lanes.done(item);
    this.#release(item);
  }

  #release(item: Item): void {
    if (!item.deadline && !item.parked) this.#open.delete(item.position);
    this.#heldBytes -= item.bytes;
    item.onSettled?.();
    this.#parts.onRoom();
  }
}

function isThrottled(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'THROTTLED';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
