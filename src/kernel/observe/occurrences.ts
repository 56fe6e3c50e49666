import type { DatabaseOccurrences } from '../../database/occurrences.ts';
import { Observer, type SubscriberOf } from '../../observe/observer.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import type { Obstacle } from '../obstacles.ts';
import type { LagState } from '../read/status/lag.ts';
import type { Stall } from './stall.ts';

/** How a command ended: its outcome, or the kind of its error. */
export type CommandEnd =
  | CommandOutcome['kind']
  /** It was accepted before: the answer is the first receipt. */
  | 'replayed'
  | 'unauthenticated'
  | 'forbidden'
  | 'throttled'
  /** The database did not answer: it is unknown whether it was appended. */
  | 'unknown'
  /** A fault. */
  | 'failed';

export interface CommandAnswered {
  readonly command: string;
  readonly kind: CommandEnd;
  /** Time from accepting the command to answering it, in ms. */
  readonly ms: number;
  readonly correlationId: string | undefined;
  /** Known if the client gave one, or if the command was accepted. */
  readonly commandId: string | undefined;
  /** Known if it was accepted. */
  readonly aggregateId: string | undefined;
  /** Position of its last event, if it was accepted. */
  readonly position: number | undefined;
  /** The code of its rejection. */
  readonly code: string | undefined;
}

/** How the appends of one group commit ended. */
export interface AppendedBatch {
  readonly appends: number;
  /** Number of events that were appended. */
  readonly events: number;
  /** Time from sending the batch to its outcome, including all attempts and the pauses between them, in ms. */
  readonly ms: number;
  /** How long its first append had waited before, in ms. */
  readonly waitedMs: number;
  readonly accepted: number;
  /** Appends whose streams were not at the expected version. */
  readonly conflicts: number;
  /** Appends whose commands were in the log already. */
  readonly replayed: number;
  /** Appends whose command ids were used for something else. */
  readonly reused: number;
  /** Appends that failed because of a fault, or have no outcome. */
  readonly failed: number;
}

/** One batch of a projection that is committed and visible to queries. */
export interface FoldedBatch {
  readonly projection: string;
  readonly events: number;
  /** Number of rows that changed. */
  readonly rows: number;
  /** The projection's position afterwards. */
  readonly position: number;
  /** Time from its first statement to its commit, in ms. */
  readonly ms: number;
  /** Time from recording its oldest event to making it visible, in ms. */
  readonly lagMs: number;
}

/** An attempt to append a batch failed and is repeated. */
export interface AppendRetried {
  readonly error: unknown;
  readonly attempt: number;
}

/** The level of a read model's lag has changed. */
export interface LagChange {
  readonly projection: string;
  readonly from: LagState;
  readonly to: LagState;
  /** In events. */
  readonly lag: number;
  readonly lagMs: number;
}

/** The projections that this instance runs have changed: it has gained or lost leases. */
export interface LeasesChanged {
  readonly taken: readonly string[];
  readonly left: readonly string[];
}

/** An obstacle to all commands has appeared or disappeared. */
export interface ObstacleChanged {
  readonly obstacle: Obstacle;
  readonly isOver: boolean;
}

/** Something stands still, for a new reason, or continues again. */
export interface StallChanged {
  readonly stall: Stall;
  readonly isOver: boolean;
}

/** A projection's handlers are not those that have filled its table, and its version is the same. */
export interface FoldChanged {
  readonly projection: string;
  readonly version: number;
  /** True if the engine fills the table again. */
  readonly isRebuilt: boolean;
  /** The problem, and what to do about it. */
  readonly message: string;
}

/** A fault that the engine handles by itself. */
export interface FaultMet {
  readonly error: unknown;
  /** `part` names the part of the engine; the other facts depend on it. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** Subscribers could not be told of a change yet, because reading it failed, or one of them threw. Reading is tried again. */
export interface UpdateDelayed {
  readonly error: unknown;
  /** The read model, and the row and position if it is about one. */
  readonly context: Readonly<Record<string, unknown>>;
}

/**
 * All occurrences that the engine reports, by name. There is at most one for a command or a batch, and none for an
 * event. Values that can be queried at any time (queue depth, positions, waiters) are not reported.
 */
export interface EngineOccurrences extends DatabaseOccurrences {
  readonly commandAnswered: CommandAnswered;
  readonly batchAppended: AppendedBatch;
  readonly appendRetried: AppendRetried;
  readonly batchFolded: FoldedBatch;
  readonly lagChanged: LagChange;
  readonly leasesChanged: LeasesChanged;
  /**
   * The difference between this machine's clock and that of Postgres has another order of magnitude, in ms; positive if
   * this machine is ahead.
   */
  readonly clockSkewed: { readonly skewMs: number };
  /** Postgres' clock was set, or one of the two machines slept, by this many ms; positive if it went forward. */
  readonly clockStepped: { readonly stepMs: number };
  readonly obstacleChanged: ObstacleChanged;
  readonly stallChanged: StallChanged;
  /** Told at the start. */
  readonly foldChanged: FoldChanged;
  readonly faultMet: FaultMet;
  readonly updateDelayed: UpdateDelayed;
}

export type EngineSubscriber = SubscriberOf<EngineOccurrences>;

export type EngineObserver = Observer<EngineOccurrences>;

/** An observer without subscribers. */
export const unobserved: EngineObserver = new Observer<EngineOccurrences>();
