import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { ItemToPark } from '../parked/parked-items.ts';
import type { ParkedLines } from '../parked/parked-lines.ts';
import { Item } from './items.ts';
import type { ReadablePage } from './readable-events.ts';
import { failureOf } from './retries.ts';
import { type EventRoute, streamOf } from './work.ts';

/** How a batch is divided. */
export interface Division {
  /** Events to handle now, as far as lines and lanes allow. */
  readonly items: readonly Item[];
  /** Events to park, in log order. */
  readonly toPark: readonly EventToPark[];
}

/** An event to park. */
export interface EventToPark {
  readonly item: ItemToPark;
  readonly position: number;
  readonly line: string;
  readonly eventType: string;
  /** Undefined if it only waits for another one. */
  readonly error: Error | undefined;
}

/**
 * Divides events into those that are handled now and those that are parked. If an event cannot be read, it is unknown
 * which process it is for, so it blocks later events of its own stream. Later events of a waiting line wait too.
 *
 * @param routes for each event, as in {@link Work.routesOf}.
 */
export function divide(
  { events, unreadable }: ReadablePage,
  routes: readonly (EventRoute | Error | undefined)[],
  parked: Pick<ParkedLines, 'has'>,
  wanted: (type: string) => boolean,
): Division {
  const items: Item[] = [];
  const toPark: EventToPark[] = [];
  const blocked = new Set<string>();
  const waits = (key: string) => blocked.has(key) || parked.has(key);
  const park = (event: RecordedEvent, line: string, keys: readonly string[], error?: Error) => {
    for (const key of keys) blocked.add(key);
    const { position, type: eventType } = event;
    const item: ItemToPark = {
      line,
      position,
      deadline: '',
      dueMs: 0,
      keys,
      initiator: initiatorOf(event.metadata),
      eventType,
      attempts: error ? 1 : 0,
      failure: error && failureOf(error),
    };
    toPark.push({ item, position, line, eventType, error });
  };
  for (const [nth, event] of events.entries()) {
    const stream = streamOf(event);
    const route = routes[nth];
    const error = unreadable.get(event.position) ?? (route instanceof Error ? route : undefined);
    if (error) {
      park(event, stream, [stream], error);
      continue;
    }
    const { line, hasBegun } = route instanceof Error || !route ? { line: undefined, hasBegun: false } : route;
    // The process may begin with an event that waits in its stream.
    if (waits(stream) && wanted(event.type) && line !== undefined) {
      park(event, line, [...new Set([stream, line])]);
    } else if (line !== undefined && waits(line)) {
      park(event, line, [line]);
    } else if (hasBegun && route && !(route instanceof Error)) {
      items.push(Item.ofEvent(event, route));
    }
  }
  return { items, toPark };
}
