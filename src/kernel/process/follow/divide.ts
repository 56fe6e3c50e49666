import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { ItemToPark } from '../parked/parked-items.ts';
import type { ParkedPartitions } from '../parked/parked-partitions.ts';
import { Item } from './items.ts';
import type { ReadablePage } from './readable-events.ts';
import { failureOf } from './retries.ts';
import { type EventRoute, streamOf } from './work.ts';

/** How a batch is divided. */
export interface Division {
  /** Events to handle now, as far as partitions and lanes allow. */
  readonly items: readonly Item[];
  /** Events to park, in log order. */
  readonly toPark: readonly EventToPark[];
}

/** An event to park. */
export interface EventToPark {
  readonly item: ItemToPark;
  readonly position: number;
  readonly partition: string;
  readonly eventType: string;
  /** Undefined if it only waits for another one. */
  readonly error: Error | undefined;
}

/**
 * Divides events into those that are handled now and those that are parked. If an event cannot be read, it is unknown
 * which process it is for, so it blocks later events of its own stream. Later events of a waiting partition wait too.
 *
 * @param routes for each event, as in {@link Work.routesOf}.
 */
export function divide(
  { events, unreadable }: ReadablePage,
  routes: readonly (EventRoute | Error | undefined)[],
  parked: Pick<ParkedPartitions, 'has'>,
  wanted: (type: string) => boolean,
): Division {
  const items: Item[] = [];
  const toPark: EventToPark[] = [];
  const blocked = new Set<string>();
  const waits = (key: string) => blocked.has(key) || parked.has(key);
  const park = (event: RecordedEvent, partition: string, keys: readonly string[], error?: Error) => {
    for (const key of keys) blocked.add(key);
    const { position, type: eventType } = event;
    const item: ItemToPark = {
      partition,
      position,
      deadline: '',
      dueMs: 0,
      keys,
      initiator: initiatorOf(event.metadata),
      eventType,
      attempts: error ? 1 : 0,
      failure: error && failureOf(error),
    };
    toPark.push({ item, position, partition, eventType, error });
  };
  for (const [nth, event] of events.entries()) {
    const stream = streamOf(event);
    const route = routes[nth];
    const error = unreadable.get(event.position) ?? (route instanceof Error ? route : undefined);
    if (error) {
      park(event, stream, [stream], error);
      continue;
    }
    const { partition, hasBegun } =
      route instanceof Error || !route ? { partition: undefined, hasBegun: false } : route;
    // The process may begin with an event that waits in its stream.
    if (waits(stream) && wanted(event.type) && partition !== undefined) {
      park(event, partition, [...new Set([stream, partition])]);
    } else if (partition !== undefined && waits(partition)) {
      park(event, partition, [partition]);
    } else if (hasBegun && route && !(route instanceof Error)) {
      items.push(Item.ofEvent(event, route));
    }
  }
  return { items, toPark };
}
