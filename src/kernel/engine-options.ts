import type { AfterwriteDatabase } from '../database/database.ts';
import type { Company } from '../scheduling/company.ts';
import type { ProjectorRole } from './checkpoints/choose-leases.ts';
import type { EngineClock } from './clock/database-clock.ts';
import type { Domain } from './define/domain.ts';
import type { PortBinding } from './define/process-manager/port.ts';
import type { Observer } from './observe/observer.ts';
import type { ProcessLimits } from './process/limits.ts';

export interface EngineOptions {
  readonly database: AfterwriteDatabase;
  readonly domains: readonly Domain[];
  /** Appends that may wait for their batch. */
  readonly queueLimit?: number;
  /** Bytes of those, about. */
  readonly queueBytes?: number | undefined;
  /** Appends that may wait on behalf of one actor. */
  readonly queueLimitPerActor?: number | undefined;
  /** Bytes of those, about. */
  readonly queueBytesPerActor?: number | undefined;
  /** Events in one append transaction. */
  readonly appendBatchLimit?: number;
  /** Bytes of those, about. */
  readonly appendBatchBytes?: number | undefined;
  /** Commands of one caller that are executed at a time while others are there. */
  readonly commandsAtOncePerActor?: number | undefined;
  /** Bytes of their inputs in memory, about. */
  readonly commandBytesAtOncePerActor?: number | undefined;
  /** Who else is there, also without issuing commands. Unless given, only those who issue commands are known. */
  readonly company?: Company | undefined;
  /** Aggregates whose state is kept in memory. */
  readonly stateCacheSize?: number;
  /** Bytes of those, about; unless given an eighth of the heap limit, at most 256 MB. */
  readonly stateCacheBytes?: number | undefined;
  /** Bytes in memory of the newest events, which projections and processes take from there, about. */
  readonly commitFeedBytes?: number | undefined;
  /** Bytes of one page of the log, as JSON. */
  readonly logReadBytes?: number | undefined;
  /** Events that a projection folds together. */
  readonly projectionBatchLimit?: number;
  /** Streams of which events may be in a projection's dead letters at one time. */
  readonly deadLetterLimit?: number;
  /** Reads that may wait for tokens at one time. */
  readonly maxWaiters?: number;
  /** Of those, reads of one caller; all of them unless given. */
  readonly maxWaitersPerCaller?: number;
  /** Lag of a read model at which commands are refused, in ms; 0, and nothing else is said, never. */
  readonly throttleLagMs?: number;
  /** Lag of a read model from which on those are refused first who cause most of it, in ms; 0, and nothing else is said, never. */
  readonly fairLagMs?: number | undefined;
  /** By how much this machine's clock may differ from Postgres' before no command is taken, in ms; 0, and nothing else is said, by any. */
  readonly clockSkewLimitMs?: number | undefined;
  /**
   * What this instance has to do with projections: `active` (unless given), its share of them; `standby`, those that no active
   * instance is able to run; `off`, none.
   */
  readonly projector?: ProjectorRole | undefined;
  /**
   * Replaces what the engine knows of Postgres' clock, for tests that set the time; the function is given the clock that
   * it replaces. `es.now()` has to say the same.
   */
  readonly clock?: ((ofPostgres: EngineClock) => EngineClock) | undefined;
  /** How long tables of a version of a read model are kept after no process uses it, in ms; 0, and nothing else is said, for good. */
  readonly keepReadModelsForMs?: number | undefined;
  /** Bounds of processes and effects. */
  readonly processLimits?: Partial<ProcessLimits> | undefined;
  /** What stands behind the ports of effects. An effect whose port has no adapter here is left to other instances. */
  readonly adapters?: readonly PortBinding[];
  /** Told what happens. Somebody should hear `faultMet`: faults are told to nobody else. */
  readonly observer?: Observer | undefined;
}
