import type { AfterwriteDatabase } from '../database/database.ts';
import type { ActiveCallers } from '../scheduling/active-callers.ts';
import type { SigningOptions } from './audit/engine-audit.ts';
import type { ProjectorRole } from './checkpoints/leases/choose-leases.ts';
import type { EngineClock } from './clock/database-clock.ts';
import type { Domain } from './define/domain.ts';
import type { PortBinding } from './define/process-manager/port.ts';
import type { EngineObserver } from './observe/occurrences.ts';
import type { Keyring } from './privacy/keyring.ts';
import type { ProcessLimits } from './process/limits.ts';

export interface EngineOptions {
  readonly database: AfterwriteDatabase;
  readonly domains: readonly Domain[];
  /** Maximum number of appends that wait for a batch. */
  readonly queueLimit?: number;
  /** Maximum size of the appends that wait for a batch, in bytes (approximate). */
  readonly queueBytes?: number | undefined;
  /** Maximum number of appends that wait on behalf of one actor. */
  readonly queueLimitPerActor?: number | undefined;
  /** Maximum size of the appends that wait on behalf of one actor, in bytes (approximate). */
  readonly queueBytesPerActor?: number | undefined;
  /** Maximum number of events in one append transaction. */
  readonly appendBatchLimit?: number;
  /** Maximum size of the events in one append transaction, in bytes (approximate). */
  readonly appendBatchBytes?: number | undefined;
  /** Commands of one caller that are executed at the same time while other callers are active. */
  readonly commandsAtOncePerActor?: number | undefined;
  /** Maximum size in memory of the inputs of those commands, in bytes (approximate). */
  readonly commandBytesAtOncePerActor?: number | undefined;
  /**
   * Knows which other callers are active, including those who issue no commands. By default, only callers who issue
   * commands are known.
   */
  readonly activeCallers?: ActiveCallers | undefined;
  /** Number of aggregates whose state is kept in memory. */
  readonly stateCacheSize?: number;
  /** Maximum size of those states, in bytes (approximate). Default: an eighth of the heap limit, at most 256 MB. */
  readonly stateCacheBytes?: number | undefined;
  /**
   * Maximum size in memory of the newest events, in bytes (approximate). Projections and processes read these events
   * from memory.
   */
  readonly commitFeedBytes?: number | undefined;
  /** Maximum size of one page of the log as JSON, in bytes. */
  readonly logReadBytes?: number | undefined;
  /** Maximum number of events that a projection folds together. */
  readonly projectionBatchLimit?: number;
  /** Maximum number of streams that one projection can have in its dead letters. */
  readonly deadLetterLimit?: number;
  /** Maximum number of reads that wait for tokens. */
  readonly maxWaiters?: number;
  /** Maximum number of waiting reads of one caller. Default: `maxWaiters`. */
  readonly maxWaitersPerCaller?: number;
  /** Lag of a read model at which all commands are refused, in ms. With 0 (the default), lag never refuses commands. */
  readonly throttleLagMs?: number;
  /**
   * Lag of a read model from which on commands of the callers who cause most of it are refused, in ms. With 0 (the
   * default), no caller is refused before others.
   */
  readonly fairLagMs?: number | undefined;
  /**
   * Maximum difference between this machine's clock and that of Postgres, in ms. If it is exceeded, commands are
   * refused. With 0 (the default), any difference is allowed.
   */
  readonly clockSkewLimitMs?: number | undefined;
  /**
   * Role of this instance in running projections. `active` (the default): it runs its share of them. `standby`: it runs
   * only those that no active instance can run. `off`: it runs none.
   */
  readonly projector?: ProjectorRole | undefined;
  /**
   * If true, the start rebuilds read models whose handlers have changed while their version has not. For development. If false
   * (the default), the observer is told.
   */
  readonly rebuildsChangedFolds?: boolean;
  /**
   * Replaces the engine's clock, for tests that set the time. The function receives the clock that follows Postgres.
   * `es.now()` has to return the same time as the replacement.
   */
  readonly clock?: ((ofPostgres: EngineClock) => EngineClock) | undefined;
  /**
   * How long the tables of a version of a read model are kept after the last process that used it, in ms. With 0 (the
   * default), they are kept forever.
   */
  readonly keepReadModelsForMs?: number | undefined;
  /** Signs heads of the log, see `docs/audit.md`; by default this instance signs none. */
  readonly signing?: SigningOptions | undefined;
  /** Limits of processes and effects. */
  readonly processLimits?: Partial<ProcessLimits> | undefined;
  /** Adapters for the ports of effects. An effect whose port has no adapter here is left to other instances. */
  readonly adapters?: readonly PortBinding[];
  /**
   * Wraps the keys with which personal parts of events are encrypted. Without one, the log contains them as they are.
   */
  readonly keyring?: Keyring | undefined;
  /** Told what happens. At least one subscriber should have `faultMet`, because faults are reported nowhere else. */
  readonly observer?: EngineObserver | undefined;
}
