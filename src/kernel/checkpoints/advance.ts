import { type SQL, sql } from 'drizzle-orm';

/** The checkpoint is not where its consumer left it, or another instance owns it now. Nothing was written. */
export class FencedError extends Error {
  readonly code = 'FENCED';

  /** @param checkpoint its key. */
  constructor(checkpoint: string) {
    super(`Projection ${checkpoint} was moved by somebody else.`);
    this.name = 'FencedError';
  }
}

/** How far a checkpoint is moved, and in whose name. */
export interface CheckpointAdvance {
  /** Where it has to be. Null for a consumer that only goes forward: then it may be anywhere up to `to`. */
  readonly from: number | null;
  readonly to: number;
  /** The instance that owns it. */
  readonly owner: string;
  /** The generation that it has to have. */
  readonly generation: number;
  /** Why the consumer stands still, if it does. Only stored if `from` is null. */
  readonly failure?: string | null;
}

/** What `read.move_checkpoint` takes, in this order (drizzle/0016). */
type MoveArguments = Readonly<
  Record<'key' | 'from' | 'to' | 'owner' | 'generation' | 'place' | 'waits' | 'failure', SQL>
>;

/** The call that moves a checkpoint. There is no other statement that does. */
export function moveCheckpoint({ key, from, to, owner, generation, place, waits, failure }: MoveArguments): SQL {
  return sql`read.move_checkpoint(${key}, ${from}, ${to}, ${owner}, ${generation}, ${place}, ${waits}, ${failure})`;
}

/**
 * Where Postgres keeps the present version of a checkpoint's row (its `ctid`), as text: `(12,34)`. An instance that moves a
 * checkpoint says where it last saw the row, so that Postgres need not look it up: see `read.move_checkpoint` (drizzle/0016). It is only a
 * hint: an outdated place costs a lookup by key.
 */
export type CheckpointPlace = string;

/** A place that holds no row. */
export const UNKNOWN_PLACE: CheckpointPlace = '(0,0)';
