import type { Database } from '../../../database/client.ts';
import type { ProjectorRole } from '../../checkpoints/leases/choose-leases.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { Fingerprints } from '../../notify/fingerprints.ts';
import type { RemoteAdvance } from '../../notify/notification-buffer.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { DedicatedPools } from '../rebuild/dedicated-pools.ts';

export interface ProjectorOptions {
  readonly db: Database;
  /** The same database on a connection that no batch can occupy. */
  readonly leases: Database;
  /** False if the connections of `db` do not answer. */
  readonly canWork?: (() => boolean) | undefined;
  /** Reads the log with the projector's role. */
  readonly log: LogReader;
  readonly feed: CommitFeed;
  /** Opens connections for rebuilds and comparisons; the caller closes them. */
  readonly openDedicated: () => DedicatedPools;
  readonly projections: readonly Projection[];
  /** Called before this instance fills a table beside a live one. */
  readonly beforeFill?: (() => Promise<void>) | undefined;
  readonly batchLimit: number;
  /** Number of read models that are filled at the same time. */
  readonly fillsAtOnce: number;
  /** Maximum number of streams in the dead letters of one projection; default: 1000. */
  readonly deadLetterLimit?: number | undefined;
  /** Maximum number of waits for read models. */
  readonly maxWaiters: number;
  /** Maximum number of waits of one caller. */
  readonly maxWaitersPerCaller?: number | undefined;
  /** Which projections this instance runs; its share of them by default. */
  readonly role?: ProjectorRole | undefined;
  /** Makes of former rows what other instances may be told; undefined if they are told nothing of them. */
  readonly fingerprints: Fingerprints | undefined;
  /** Queries read from a replica, which knows positions only from the table of checkpoints. */
  readonly hasReplica: boolean;
  /** Notifies other instances. */
  readonly others: Others;
  readonly observer: EngineObserver;
  /** Called with the reason why the log has changed its history, and with `undefined` when that is over. */
  readonly onLost: (reason: string | undefined) => void;
  readonly clock: Clock;
}

/** How other instances are notified. Notifications may be lost. */
export interface Others {
  /**
   * A projection has advanced here.
   * @param key key of its checkpoint.
   */
  moved(key: string, move: RemoteAdvance): void;
  /** This instance has released projections. */
  released(): void;
  /** False while other instances cannot notify this one. */
  readonly canListen: boolean;
  /** False if no other instance would be told of an advance: then nobody has to know which rows it changed. */
  readonly hasListeners: boolean;
}
