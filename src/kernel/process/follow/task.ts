/** A task as the lanes see it. */
export interface Task {
  /** The initiator. Lanes share the slots. */
  readonly lane: string;
  /** Tasks of one partition are done one after the other, in the order in which they were added. */
  readonly partition: string;
  /** Neighbours in a partition with the same `kind` and different targets may run concurrently. */
  readonly group?: { readonly kind: string; readonly target: string } | undefined;
  /** Its share of a turn; 1 for a small task. */
  readonly cost: number;
}

export interface LaneLimits {
  /** Maximum number of running tasks. */
  readonly atOnce: number;
  /** Maximum number of running tasks of one lane. */
  readonly perLane: number;
  /** Maximum number of tasks of one lane that count in {@link Lanes.crowd}. Default: all. */
  readonly counted?: number | undefined;
}
