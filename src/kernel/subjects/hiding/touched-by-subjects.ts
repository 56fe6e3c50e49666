import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { readAgain } from '../../../database/transient.ts';
import type { EventTypes } from '../../define/event.ts';
import type { Subject } from '../../define/personal/subject.ts';
import type { PersonalReaches } from '../../define/read-model/personal-reach.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { type Erasures, isAbout } from '../erasures.ts';
import { isRetention } from '../retention.ts';
import { TouchedRows } from './touched-rows.ts';

export interface TouchedRowsParts {
  readonly db: Database;
  readonly log: Pick<LogReader, 'readAt'>;
  readonly events: EventTypes;
  readonly erasures: Pick<Erasures, 'typesOf'>;
  readonly run: InTurn;
}

/** Runs a piece of work when it is its turn. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** Events and people that are looked at together. */
const PAGE = 500;
/** Rows, or values by which they are found, that are kept in memory: about 500 bytes each. */
const MAX_ROWS = 20_000;

/**
 * The rows of a read model that events of some subjects have changed, in parts of a limited size. Reads and decodes the events, and holds
 * no lock.
 */
export async function* findTouchedRows(
  parts: TouchedRowsParts,
  projection: Projection,
  reachesOf: () => PersonalReaches,
  subjects: readonly Subject[],
): AsyncGenerator<TouchedRows> {
  const people = [...new Set(subjects)].filter((subject) => !isRetention(subject));
  const known = await parts.erasures.typesOf(people);
  if (![...known].some((type) => projection.handlers.has(type))) return;
  const reaches = reachesOf();
  let touched = new TouchedRows(projection, reaches, parts.events);
  let hasEvents = false;
  for await (const positions of pagesOf(parts, [...reaches.byEvent.keys()], people)) {
    hasEvents = true;
    touched.add(await parts.run(() => readable(parts.log, positions)));
    if (touched.size < MAX_ROWS) continue;
    yield touched;
    touched = new TouchedRows(projection, reaches, parts.events);
  }
  // Also without rows: whoever fills the table may have such events in memory.
  if (hasEvents) yield touched;
}

/**
 * Without the events that this code cannot read: it has applied none of them. What other code has made of them is hidden by other
 * code, or when the read model is made again.
 */
async function readable(log: TouchedRowsParts['log'], positions: readonly number[]) {
  const unreadable = new Set<number | undefined>();
  const events = await log.readAt(positions, { onUnreadable: ({ position }) => unreadable.add(position) });
  return events.filter(({ position }) => !unreadable.has(position));
}

async function* pagesOf(
  { db, run }: TouchedRowsParts,
  ofTypes: readonly string[],
  people: readonly Subject[],
): AsyncGenerator<readonly number[]> {
  const types = JSON.stringify(ofTypes);
  for (let from = 0; from < people.length; from += PAGE) {
    const rows = await run(() =>
      readAgain(() =>
        db.execute<{ position: number }>(sql`
          select position from es.events e where ${isAbout(people.slice(from, from + PAGE))}
            and type in (select jsonb_array_elements_text(${types}::jsonb)) order by position`),
      ),
    );
    for (let nth = 0; nth < rows.length; nth += PAGE)
      yield rows.slice(nth, nth + PAGE).map(({ position }) => Number(position));
  }
}
