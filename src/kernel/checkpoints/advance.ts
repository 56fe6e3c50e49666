/** Moves a checkpoint over a batch of events, in the name of the instance that owns it. */
export interface CheckpointAdvance {
  /** The position at which the checkpoint must be. */
  readonly from: number;
  readonly to: number;
  /** Id of the instance that owns the lease. */
  readonly owner: string;
  readonly generation: number;
}

/** The checkpoint is not where this instance left it, or another instance owns it now. Nothing was written. */
export class FencedError extends Error {
  readonly code = 'FENCED';

  constructor(projection: string) {
    super(`Projection ${projection} was moved by somebody else.`);
    this.name = 'FencedError';
  }
}
