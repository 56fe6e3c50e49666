/**
 * Where Postgres keeps the present version of a checkpoint's row (its `ctid`), as text: `(12,34)`. Whoever moves a checkpoint
 * says where it last saw the row, so that Postgres need not look it up: see `read.move_checkpoint` (drizzle/0016). Only a hint:
 * an outdated place costs a lookup by name.
 */
export type CheckpointPlace = string;

/** A place where no row is. */
export const UNKNOWN_PLACE: CheckpointPlace = '(0,0)';
