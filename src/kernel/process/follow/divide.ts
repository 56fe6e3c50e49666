import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { ItemToPark } from '../parked/parked-items.ts';
import type { ParkedLines } from '../parked/parked-lines.ts';
import { type Item, itemOf } from './items.ts';
import type { ReadablePage } from './readable-events.ts';
import { failureOf } from './retries.ts';
import { type Place, streamOf } from './work.ts';

/** What becomes of a batch. */
export interface Division {
  /** To be answered now, as far as lines and lanes allow. */
  readonly items: readonly Item[];
  /** To be put aside, in the order of the log. */
  readonly toPark: readonly EventToPark[];
}

/** An event that is put aside. */
export interface EventToPark {
  readonly item: ItemToPark;
  readonly position: number;
  readonly line: string;
  readonly eventType: string;
  /** Undefined if it only waits for another one. */
  readonly error: Error | undefined;
}

/**
 * Divides events into those that are answered now and those that are put aside: an event that cannot be read, of which nobody
 * knows which process it is for, holds up what follows in its own stream; what follows in a line that waits, waits too.
 *
 * @param places for each event, as {@link Work.placesOf} says.
 */
export function divide(
  { events, unreadable }: ReadablePage,
  places: readonly (Place | Error | undefined)[],
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
    const place = places[nth];
    const error = unreadable.get(event.position) ?? (place instanceof Error ? place : undefined);
    if (error) {
      park(event, stream, [stream], error);
      continue;
    }
    const { line, hasBegun } = place instanceof Error || !place ? { line: undefined, hasBegun: false } : place;
    // The process may begin with what its stream waits for.
    if (waits(stream) && wanted(event.type) && line !== undefined) {
      park(event, line, [...new Set([stream, line])]);
    } else if (line !== undefined && waits(line)) {
      park(event, line, [line]);
    } else if (hasBegun && place && !(place instanceof Error)) {
      items.push(itemOf(event, place));
    }
  }
  return { items, toPark };
}
