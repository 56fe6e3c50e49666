import type { RecordedEvent } from '../../define/event.ts';
import type { Projection } from '../../define/projection.ts';
import { type Plan, planBatch } from './fold-batch.ts';
import type { ProjectionTable } from './projection-table.ts';
import type { StoredRow, Writes } from './working-rows.ts';

/** Events, and where they were looked at already, what they need to be folded. */
export interface Batch {
  readonly events: readonly RecordedEvent[];
  readonly ready?: { readonly plan: Plan; readonly present: readonly StoredRow[] } | undefined;
}

/**
 * Reads what the next batch needs while the one before it is being written: rows that this one leaves alone are in the table,
 * the others are known from the fold. Of rows that are found by a value, nothing can be known before they are written.
 *
 * @param before what is being written.
 * @throws as planning and reading do.
 */
export async function readyBatch(
  projection: Projection,
  table: ProjectionTable,
  events: readonly RecordedEvent[],
  before: Writes,
): Promise<Batch> {
  const plan = planBatch(projection, events);
  if (plan.where.size > 0) return { events };
  const known: StoredRow[] = [];
  const keys = new Map(plan.keys);
  for (const text of plan.keys.keys()) {
    if (!before.keys.has(text)) continue;
    keys.delete(text);
    const written = before.upserts.get(text);
    if (written) known.push(written);
  }
  const rows = await table.read({ keys, where: plan.where });
  return { events, ready: { plan, present: known.length > 0 ? known.concat(rows) : rows } };
}
