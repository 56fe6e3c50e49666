import type { RecordedEvent } from '../../define/event.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { type BatchPlan, planBatch } from './fold-batch.ts';
import type { FoldWindow } from './fold-window.ts';
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
  /** The same for a window, which has the other rows. Undefined if it has not been planned for one. */
  readonly windowed?: WindowedBatch | undefined;
}

/** A planned batch of which only some rows were read. */
export interface WindowedBatch extends PlannedBatch {
  /** The keys that were looked up, whether their rows exist or not. */
  readonly read: ReadonlyMap<string, Key>;
  /** The rows beside which they were read. If the window drops these, a row that was read may be older than what was dropped. */
  readonly lifetime: object;
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

/**
 * Plans the next batch for a window, and reads the rows that neither the window nor the batch before has.
 *
 * @param before the batch that is being folded into the window.
 * @throws as planning and reading do.
 */
export async function prefetchForWindow(
  projection: Projection,
  table: ProjectionTable,
  events: readonly RecordedEvent[],
  { window, before }: { readonly window: FoldWindow; readonly before: BatchPlan },
): Promise<EventBatch> {
  const plan = planBatch(projection, events);
  if (plan.where.size > 0) return { events };
  const { lifetime } = window;
  const read = window.missing(plan.keys);
  for (const text of before.keys.keys()) read.delete(text);
  const present = read.size > 0 ? await table.read({ keys: read, where: plan.where }) : [];
  return { events, windowed: { plan, read, present, lifetime } };
}
