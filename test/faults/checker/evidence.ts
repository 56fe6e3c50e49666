import type { StreamName } from '../history.ts';

/** An event as the log's table has it; its data is in the folds. */
export interface LoggedEvent {
  readonly position: number;
  readonly stream: StreamName;
  readonly version: number;
  readonly type: string;
  readonly commandId: string;
  /** It is its command's last and stands for the receipt. */
  readonly closes: boolean;
  /** The event because of which the application itself issued the command; undefined if somebody else did. */
  readonly cause?: number | undefined;
  /** By Postgres' clock, in ms since 1970. */
  readonly recordedAtMs: number;
  /** When a deadline that was set or reached is due, by the same clock. */
  readonly dueMs?: number;
}

/** The receipt of a command that decided no events. */
export interface StoredReceipt {
  readonly commandId: string;
  readonly stream: StreamName;
  readonly version: number;
  readonly position: number;
  readonly cause?: number | undefined;
}

export type Columns = Readonly<Record<string, unknown>>;

/** A read model's table as it is and as it has to be. Rows are by key, values are plain JSON. */
export interface Table {
  readonly projection: string;
  /** The streams whose ids are the rows' keys. */
  readonly streamType: string;
  readonly live: ReadonlyMap<string, Columns>;
  /** The fold of all events from scratch. */
  readonly folded: ReadonlyMap<string, Columns>;
  readonly checkpoint: { readonly position: number; readonly failure: string | null } | undefined;
  /** Events that it has parked. */
  readonly parked: number;
}

/** The final state, by which the histories are judged. */
export interface Evidence {
  /** Of the store's tokens. */
  readonly epoch: string;
  /** The rows of the table, by position. */
  readonly events: readonly LoggedEvent[];
  readonly receipts: readonly StoredReceipt[];
  readonly streams: readonly { readonly stream: StreamName; readonly version: number }[];
  readonly tables: readonly Table[];
  /** A stream's row as the fold of its first `version` events; undefined if they produce none. */
  rowAt(stream: StreamName, version: number): Columns | undefined;
  /** Server processes that ended by themselves. */
  readonly crashes: readonly object[];
  readonly unmet: readonly Unmet[];
}

/** Expected reactions of servers to a fault that did not happen. */
export interface Unmet {
  /** A state that `/readyz` reports: the server can, or cannot, do its work. */
  readonly expected: 'readiness tells' | 'server serves';
  readonly facts: Readonly<Record<string, unknown>>;
}
