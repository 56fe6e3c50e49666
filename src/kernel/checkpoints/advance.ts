import { type SQL, sql } from 'drizzle-orm';

/** The checkpoint is not where its consumer left it, or another instance owns it now. Nothing was written. */
export class FencedError extends Error {
  readonly code = 'FENCED';

  /** @param checkpoint its key. */
  constructor(checkpoint: string) {
    super(`Checkpoint ${checkpoint} was moved by another instance.`);
    this.name = 'FencedError';
  }
}

/** How far a checkpoint is moved, and by which owner. */
export interface CheckpointAdvance {
  /**
   * The position that the checkpoint must have. Null for a consumer that only moves forward: then any position up to
   * `to` will do.
   */
  readonly from: number | null;
  readonly to: number;
  /** The instance that owns it. */
  readonly owner: string;
  /** The generation that the checkpoint must have. */
  readonly generation: number;
  /** Why the consumer stands still; null if it does not. Only stored if `from` is null. */
  readonly failure?: string | null;
}

/** The arguments of `read.move_checkpoint`, in this order (drizzle/0016). */
type MoveArguments = Readonly<
  Record<'key' | 'from' | 'to' | 'owner' | 'generation' | 'place' | 'waits' | 'failure', SQL>
>;

/**
 * The call that moves a checkpoint along the log. Only the swap of a rebuild and a new epoch set positions otherwise, because the
 * table or the log is another one.
 */
export function moveCheckpoint({ key, from, to, owner, generation, place, waits, failure }: MoveArguments): SQL {
  return sql`read.move_checkpoint(${key}, ${from}, ${to}, ${owner}, ${generation}, ${place}, ${waits}, ${failure})`;
}

/**
 * Where Postgres keeps the present version of a checkpoint's row (its `ctid`), as text: `(12,34)`. An instance that
 * moves a checkpoint passes the place where it last saw the row, so that Postgres need not look it up: see
 * `read.move_checkpoint` (drizzle/0016). It is only a hint: an outdated place costs a lookup by key.
 */
export type CheckpointPlace = string;

/** A place that contains no row. */
export const UNKNOWN_PLACE: CheckpointPlace = '(0,0)';
