import { approximateBytes } from '../../bytes.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { DueItem, ItemToPark } from '../parked/parked-items.ts';
import type { Failing } from './retries.ts';
import type { Task } from './task.ts';
import type { DueDeadline, EventRoute } from './work.ts';

/** An event or a deadline that is being handled. */
export interface Item extends Task, Failing {
  /** Lines whose later events wait behind it when it is parked. */
  readonly keys: readonly string[];
  readonly position: number;
  readonly eventType: string | null;
  /** Undefined for a deadline, and for an event whose data is read again when its turn comes, to save memory. */
  event: RecordedEvent | undefined;
  /** Approximate bytes of the event in memory. */
  bytes: number;
  readonly deadline?: DueDeadline;
  /** Set if the item was parked. */
  readonly parked?: DueItem;
  /** Called when it is done or parked. */
  readonly onSettled?: () => void;
}

/** Bytes of an event that cost one unit of a turn. */
const BYTES_OF_TURN = 4096;

/**
 * An item for an event.
 * @param parked the parked item, if it was parked.
 */
export function itemOf(event: RecordedEvent, route: EventRoute, parked?: DueItem): Item {
  const bytes = approximateBytes(event.data);
  return {
    lane: initiatorOf(event.metadata),
    line: route.line,
    group: route.group,
    cost: 1 + bytes / BYTES_OF_TURN,
    keys: [route.line],
    position: event.position,
    eventType: event.type,
    event,
    bytes,
    attempts: parked?.attempts ?? 0,
    since: undefined,
    ...(parked ? { parked } : {}),
  };
}

export function deadlineItemOf(deadline: DueDeadline, line: string, more: Pick<Item, 'parked' | 'onSettled'>): Item {
  const { name, at, begun } = deadline;
  return {
    lane: initiatorOf(begun),
    // Deadlines wait for nothing: the process decides whether one is still valid.
    line: `deadline ${name} ${at.toISOString()} of ${line}`,
    cost: 1,
    keys: [],
    position: 0,
    eventType: null,
    event: undefined,
    bytes: 0,
    deadline,
    attempts: more.parked?.attempts ?? 0,
    since: undefined,
    ...more,
  };
}

/**
 * The item in the form in which it is parked.
 * @param lineOf the line of a deadline's process.
 */
export function parkedOf(item: Item, lineOf: (id: string) => string, failure?: ItemToPark['failure']): ItemToPark {
  const { deadline, position, keys, lane: initiator, eventType, attempts } = item;
  return {
    line: deadline ? lineOf(deadline.id) : item.line,
    position,
    deadline: deadline?.name ?? '',
    dueMs: deadline?.at.getTime() ?? 0,
    keys,
    initiator,
    eventType,
    attempts,
    failure,
  };
}

/** Identifies an item for people and in logs. */
export function contextOf({ line, position, deadline }: Item): Readonly<Record<string, unknown>> {
  return deadline ? { process: deadline.id, deadline: deadline.name } : { line, position };
}
