import { approximateBytes } from '../../bytes.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { DueItem, ItemToPark } from '../parked/parked-items.ts';
import { Failures } from './retries.ts';
import type { Task } from './task.ts';
import type { DueDeadline, EventRoute } from './work.ts';

/** The facts that distinguish an item from others. */
interface ItemFacts extends Task {
  /** Lines whose later events wait behind it when it is parked. */
  readonly keys: readonly string[];
  /** Of its event; 0 for a deadline. */
  readonly position: number;
  readonly eventType: string | null;
  readonly deadline?: DueDeadline | undefined;
}

/** How an item came to be handled, and who waits for it. */
interface ItemOrigin {
  /** Set if the item was parked. */
  readonly parked?: DueItem | undefined;
  /** Called when it is done or parked. */
  readonly onSettled?: (() => void) | undefined;
}

/** Bytes of an event that cost one unit of a turn. */
const BYTES_OF_TURN = 4096;

/** An event or a deadline that is being handled. */
export class Item implements ItemFacts {
  readonly lane: string;
  readonly partition: string;
  readonly group: Task['group'];
  readonly cost: number;
  readonly keys: readonly string[];
  readonly position: number;
  readonly eventType: string | null;
  readonly deadline: DueDeadline | undefined;
  readonly parked: DueItem | undefined;
  readonly onSettled: (() => void) | undefined;
  readonly failures: Failures;
  #event: RecordedEvent | undefined;
  #bytes: number;

  private constructor(facts: ItemFacts, { parked, onSettled }: ItemOrigin, event?: RecordedEvent, bytes = 0) {
    this.lane = facts.lane;
    this.partition = facts.partition;
    this.group = facts.group;
    this.cost = facts.cost;
    this.keys = facts.keys;
    this.position = facts.position;
    this.eventType = facts.eventType;
    this.deadline = facts.deadline;
    this.parked = parked;
    this.onSettled = onSettled;
    this.failures = new Failures(parked?.attempts);
    this.#event = event;
    this.#bytes = bytes;
  }

  static ofEvent(event: RecordedEvent, { partition, group }: EventRoute, origin: ItemOrigin = {}): Item {
    const bytes = approximateBytes(event.data);
    const facts: ItemFacts = {
      lane: initiatorOf(event.metadata),
      partition,
      group,
      cost: 1 + bytes / BYTES_OF_TURN,
      keys: [partition],
      position: event.position,
      eventType: event.type,
    };
    return new Item(facts, origin, event, bytes);
  }

  static ofDeadline(deadline: DueDeadline, partition: string, origin: ItemOrigin): Item {
    const { name, at, begun } = deadline;
    const facts: ItemFacts = {
      lane: initiatorOf(begun),
      // Deadlines wait for nothing: the process decides whether one is still valid.
      partition: `deadline ${name} ${at.toISOString()} of ${partition}`,
      cost: 1,
      keys: [],
      position: 0,
      eventType: null,
      deadline,
    };
    return new Item(facts, origin);
  }

  /** Undefined for a deadline, and for an event whose data has to be read again. */
  get event(): RecordedEvent | undefined {
    return this.#event;
  }

  /** Approximate bytes of the event in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Saves memory: the event is read again when its turn comes. */
  dropEvent(): void {
    this.#event = undefined;
    this.#bytes = 0;
  }
}

/**
 * The item in the form in which it is parked.
 * @param partitionOf the partition of a deadline's process.
 */
export function parkedOf(item: Item, partitionOf: (id: string) => string, failure?: ItemToPark['failure']): ItemToPark {
  const { deadline, position, keys, lane: initiator, eventType, failures } = item;
  return {
    partition: deadline ? partitionOf(deadline.id) : item.partition,
    position,
    deadline: deadline?.name ?? '',
    dueMs: deadline?.at.getTime() ?? 0,
    keys,
    initiator,
    eventType,
    attempts: failures.count,
    failure,
  };
}

/** Identifies an item for people and in logs. */
export function contextOf({ partition, position, deadline }: Item): Readonly<Record<string, unknown>> {
  return deadline ? { process: deadline.id, deadline: deadline.name } : { partition, position };
}
