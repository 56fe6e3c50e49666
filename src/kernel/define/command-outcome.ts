/** The result of an accepted command. */
export interface Receipt {
  readonly commandId: string;
  readonly aggregateId: string;
  /** The stream's version after the command. */
  readonly version: number;
  /** Position in the log of the command's last event; reads at or after it see the command. */
  readonly position: number;
  /** The command had been accepted before: nothing new happened. */
  readonly replayed: boolean;
}

export interface InputIssue {
  /** The place in the input, e.g. ['items', '0', 'quantity']. */
  readonly path: readonly string[];
  readonly message: string;
}

/** The stream is not at the required version. */
export interface Conflict {
  readonly kind: 'conflict';
  /** The version that the client expected; if it expected none, the version that the command was decided on last. */
  readonly expectedVersion: number;
  readonly actualVersion: number;
  /** Number of decisions before the command was given up; absent if the client expected another version. */
  readonly attempts?: number;
}

/** The result of a command. Faults (forbidden, throttled, database away) are thrown instead. */
export type CommandOutcome =
  | { readonly kind: 'accepted'; readonly receipt: Receipt }
  | { readonly kind: 'invalid'; readonly issues: readonly InputIssue[] }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string }
  | Conflict
  | { readonly kind: 'notFound'; readonly aggregate: string; readonly aggregateId: string }
  | { readonly kind: 'reused'; readonly commandId: string };
