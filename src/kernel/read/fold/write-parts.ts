import type { CheckpointAdvance } from '../../checkpoints/advance.ts';
import type { Writes } from './working-rows.ts';

/** Maximum number of rows that are written with one statement: serialising more would keep the event loop for too long. */
const MAX_ROWS = 4000;

/** True if there is nothing to write. */
export function isNothing({ upserts, removals, former }: Writes): boolean {
  return upserts.size + removals.length + former.length === 0;
}

/** True if the writes are too many for one statement. */
export function isLarge(writes: Writes): boolean {
  return longest(writes) > MAX_ROWS;
}

/** Divides writes into parts that each fit into one statement. */
function* partsOf(writes: Writes): Generator<Writes> {
  const { removals, former, before, keys } = writes;
  const upserts = [...writes.upserts];
  for (let from = 0; from < longest(writes); from += MAX_ROWS) {
    const to = from + MAX_ROWS;
    yield {
      ...{ before, keys },
      upserts: new Map(upserts.slice(from, to)),
      removals: removals.slice(from, to),
      former: former.slice(from, to),
    };
  }
}

/** A table within a transaction. */
interface PartTable {
  writeRows(writes: Writes): Promise<void>;
  write(writes: Writes, advance: CheckpointAdvance): Promise<void>;
}

/** Writes rows in several statements. The last one moves the checkpoint. */
export async function writeParts(table: PartTable, writes: Writes, advance: CheckpointAdvance): Promise<void> {
  let last: Writes | undefined;
  // One part is serialised while Postgres works on the one before.
  let sent = Promise.resolve();
  for (const part of partsOf(writes)) {
    if (last) {
      const next = table.writeRows(last);
      // It is awaited below, unless the one before fails.
      next.catch(() => {});
      await sent;
      sent = next;
    }
    last = part;
  }
  await sent;
  if (last) await table.write(last, advance);
}

function longest({ upserts, removals, former }: Writes): number {
  return Math.max(upserts.size, removals.length, former.length);
}
