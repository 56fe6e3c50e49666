import type { RecordedEvent } from '../../define/event.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { type BatchPlan, planBatch } from './fold-batch.ts';
import type { ProjectionTable } from './projection-table.ts';
import type { RowWithMeta, Writes } from './working-rows.ts';

/** The changes of a batch, and the rows that it needs as they were before it. */
export interface PlannedBatch {
  readonly plan: BatchPlan;
  readonly present: readonly RowWithMeta[];
}

/** Events that are folded together. */
export interface EventBatch {
  readonly events: readonly RecordedEvent[];
  /** Undefined if the batch has not been planned ahead. */
  readonly planned?: PlannedBatch | undefined;
}

/**
 * Plans the next batch and reads its rows while the current one is written. Rows that the current batch does not change
 * are in the table; the others are known from its fold. A batch that looks rows up by a value cannot be prefetched,
 * because only the table knows which rows have that value.
 *
 * @param before the batch that is being written.
 * @throws as planning and reading do.
 */
export async function prefetchBatch(
  projection: Projection,
  table: ProjectionTable,
  events: readonly RecordedEvent[],
  before: Writes,
): Promise<EventBatch> {
  const plan = planBatch(projection, events);
  if (plan.where.size > 0) return { events };
  const known: RowWithMeta[] = [];
  const keys = new Map(plan.keys);
  for (const text of plan.keys.keys()) {
    if (!before.keys.has(text)) continue;
    keys.delete(text);
    const written = before.upserts.get(text);
    if (written) known.push(written);
  }
  const rows = await table.read({ keys, where: plan.where });
  return { events, planned: { plan, present: known.length > 0 ? known.concat(rows) : rows } };
}
