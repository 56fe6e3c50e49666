import { sql } from 'drizzle-orm';
import type { Database } from '../../../../database/client.ts';
import type { Projection } from '../../../define/read-model/projection.ts';
import type { LogReader } from '../../../log/log-reader.ts';
import { changesOrPoison } from '../../fold/fold-batch.ts';
import { keyText } from '../../fold/working-rows.ts';
import { isPoison } from '../poison.ts';

/** Maximum number of events that are checked, because no other event is applied meanwhile. */
const EVENT_LIMIT = 20_000;
const PAGE = 1000;

/**
 * True if the projection already skipped an event for one of these rows because the row did not exist yet, or if we cannot tell.
 * `updateWhere` needs no check: such events are parked under every key.
 * @param tx a transaction that has locked the projection's checkpoint.
 * @param position events after this one are checked.
 * @param rows texts of their keys.
 */
export async function hasMissedEvents(
  tx: Database,
  log: LogReader,
  projection: Projection,
  rows: ReadonlySet<string>,
  position: number,
): Promise<boolean> {
  const { checkpoint, handlers, every } = projection;
  const isHandled = every ? sql`true` : sql`type in ${[...handlers.keys()]}`;
  const found = await tx.execute<{ position: number }>(sql`
    select position from es.events e
    where position > ${position} and position <= (select position from read.checkpoints where projection = ${checkpoint.key})
      and ${isHandled}
      and not exists (
        select from read.dead_letters d
        where d.projection = ${checkpoint.key} and d.status = 'PARKED' and not d.partial and d.position = e.position
      )
    order by position limit ${EVENT_LIMIT + 1}`);
  if (found.length > EVENT_LIMIT) return true;
  try {
    for (let from = 0; from < found.length; from += PAGE) {
      const events = await log.readAt(found.slice(from, from + PAGE).map(({ position }) => position));
      const names = events.flatMap((event) => changesOrPoison(projection, event));
      if (names.some((change) => change.kind !== 'updateWhere' && rows.has(keyText(change.key)))) return true;
    }
    return false;
  } catch (error) {
    if (isPoison(error)) return true;
    throw error;
  }
}
