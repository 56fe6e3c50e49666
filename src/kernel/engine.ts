import type { Pool } from '../database/client.ts';
import { SILENT_AFTER_MS } from '../database/client.ts';
import type { AfterwriteDatabase } from '../database/database.ts';
import type { ProjectorRole } from './checkpoints/choose-leases.ts';
import { ClockCheck } from './clock/clock-check.ts';
import { clockOf, DatabaseClock } from './clock/database-clock.ts';
import { Tokens } from './consistency/token.ts';
import { type Domain, type Registry, registerDomains } from './define/domain.ts';
import type { PortBinding } from './define/port.ts';
import { type EngineNotice, EngineWatch } from './engine-watch.ts';
import { AppendQueue } from './log/append/append-queue.ts';
import { EventLog } from './log/event-log.ts';
import { LogReader } from './log/log-reader.ts';
import { Snapshots } from './log/streams/snapshots.ts';
import { WakeUp } from './notify/wake-up.ts';
import { type Observer, unobserved } from './observe/observer.ts';
import { Obstacles } from './obstacles.ts';
import type { ProcessLimits } from './process/limits.ts';
import { ProcessManager } from './process/manager.ts';
import { DeadLetters } from './read/dead-letters/dead-letters.ts';
import type { Aside } from './read/rebuild/shadow-filler.ts';
import type { ReadSide } from './read/replica/read-side.ts';
import { Replica } from './read/replica/replica-read-side.ts';
import { Projector } from './read/run/projector.ts';
import { ReadTables } from './read/tables/read-tables.ts';
import { StorableRows } from './storable.ts';
import { Admission } from './write/admission.ts';
import { CommandBus } from './write/command-bus.ts';
import { idRulesOf } from './write/id-rules.ts';
import { StreamStates } from './write/stream-states.ts';

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
  /** Aggregates whose state is kept in memory. */
  readonly stateCacheSize?: number;
  /** Bytes of those, about; unless given an eighth of the heap limit, at most 256 MB. */
  readonly stateCacheBytes?: number | undefined;
  /** Bytes in memory of the newest events, which projections and processes take from there, about; of each of the two. */
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
  /** Told of read models that fall behind and of what stands still. */
  readonly onNotice?: (notice: EngineNotice) => void;
  /**
   * What this instance has to do with projections: `active` (unless given), its share of them; `standby`, those that no active
   * instance is able to run; `off`, none.
   */
  readonly projector?: ProjectorRole | undefined;
  /** False if the application makes the tables of its read models by migrations of its own; true unless given. */
  readonly makesReadTables?: boolean;
  /** Bounds of processes and effects. */
  readonly processLimits?: Partial<ProcessLimits> | undefined;
  /** What stands behind the ports of effects. An effect whose port has no adapter here is left to other instances. */
  readonly adapters?: readonly PortBinding[];
  /** Told what the engine does; nobody unless told. */
  readonly observer?: Observer | undefined;
  /** Told of every fault that the engine deals with by itself. */
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** The kernel at work on one database: commands in, read models kept. Knows no GraphQL and no HTTP. */
export interface Engine {
  readonly registry: Registry;
  readonly bus: CommandBus;
  readonly queue: Pick<AppendQueue, 'depth' | 'limit' | 'oldestWaitMs'>;
  readonly log: EventLog;
  readonly projector: Projector;
  /** Where processes and effects stand. */
  readonly processes: Pick<ProcessManager, 'status'>;
  /** What queries see: what the projector has done, or what a replica shows of it. */
  readonly readSide: ReadSide;
  readonly tokens: Tokens;
  /** The events that could not be applied. */
  readonly deadLetters: DeadLetters;
  /** What stands still, and why. */
  readonly watch: Pick<EngineWatch, 'stalls'>;
  /** Why no command is taken, if none is. */
  readonly obstacles: Pick<Obstacles, 'reasons'>;
  /** The time of Postgres, by which deadlines, lags and ages go. */
  readonly clock: Pick<DatabaseClock, 'now' | 'at' | 'skewMs'>;
  /** Takes up the projections. */
  start(): Promise<void>;
  /** Takes no more commands and resolves when all that were taken are answered. */
  drain(): Promise<void>;
  /** Ends the projections after the batches under way. The pools are the caller's. */
  stop(): Promise<void>;
}

/** Puts the kernel's parts together. */
export function createEngine(options: EngineOptions): Engine {
  const { database, domains, observer = unobserved, onError } = options;
  const onNotice = options.onNotice ?? (() => {});
  const registry = registerDomains(domains);
  const readBytes = options.logReadBytes;
  const log = new EventLog(database.writer.db, registry.events, {
    idRules: idRulesOf(registry),
    clockLimitMs: options.clockSkewLimitMs,
    pageBytes: readBytes,
  });
  const clock = new DatabaseClock({
    ask: clockOf(database.watch.db),
    onSkew: (skewMs) => onNotice({ kind: 'clock', skewMs }),
    onStep: (stepMs) => onNotice({ kind: 'clock-step', stepMs }),
    onError: (error) => onError(error, { part: 'clock' }),
  });
  const obstacles = new Obstacles((obstacle, isOver) => onNotice({ kind: 'obstacle', obstacle, isOver }));
  const canWork = () => database.projector.silentMs() < SILENT_AFTER_MS;
  const projector = new Projector({
    db: database.projector.db,
    leases: database.leases.db,
    canWork,
    log: new LogReader(database.projector.db, registry.events, readBytes),
    feedBytes: options.commitFeedBytes,
    openAside: () => openAside(database, registry, readBytes),
    projections: [...registry.projections.values()],
    batchLimit: options.projectionBatchLimit ?? 2000,
    deadLetterLimit: options.deadLetterLimit,
    maxWaiters: options.maxWaiters ?? 10_000,
    maxWaitersPerCaller: options.maxWaitersPerCaller,
    role: options.projector,
    others: {
      moved: (projection, move) => wakeUp.moved(projection, move),
      released: () => wakeUp.released(),
      get isDeaf() {
        return wakeUp.isDeaf;
      },
    },
    observer,
    clock,
    onLost: (reason) => obstacles.set('log', reason),
    onError,
  });
  database.projector.onConnectionEnd(() => {
    projector.doubt();
    processes.doubt();
  });
  const replica = database.replica && followReplica(database, database.replica, projector, options);
  const wakeUp = new WakeUp({
    ...database.wakeUp,
    onNews: (news) => {
      projector.heard(news);
      processes.wake();
    },
    onWake: () =>
      projector.missed().then(
        () => processes.wake(),
        (error) => onError(error, { part: 'wake-up' }),
      ),
    onError: (error) => onError(error, { part: 'wake-up' }),
  });
  const queue = new AppendQueue(log, {
    limit: options.queueLimit ?? 10_000,
    bytes: options.queueBytes,
    limitPerActor: options.queueLimitPerActor,
    bytesPerActor: options.queueBytesPerActor,
    batchLimit: options.appendBatchLimit ?? 1000,
    batchBytes: options.appendBatchBytes,
    obstacles,
    onCommitted: (events, position) => {
      projector.committed(events, position);
      processes.committed(events);
      wakeUp.appended(position, events.at(-1)?.recordedAt);
    },
    onError: (error) => onError(error, { part: 'append' }),
    onRetry: (error, attempt, correlationIds) => onError(error, { part: 'append', attempt, correlationIds }),
    observer,
  });
  const snapshots = new Snapshots(database.writer.db, (error) => onError(error, { part: 'snapshots' }));
  const states = new StreamStates(log, options.stateCacheSize ?? 10_000, snapshots, options.stateCacheBytes);
  const admission = new Admission(options.throttleLagMs ?? 0, options.fairLagMs ?? 0);
  const { whyNot: whyNotStorable } = new StorableRows([...registry.projections.values()]);
  const bus = new CommandBus({ obstacles, log, queue, states, admission, whyNotStorable, observer });
  const processes = new ProcessManager({
    db: database.projector.db,
    writer: database.writer.db,
    leases: database.leases.db,
    canWork,
    log: new LogReader(database.projector.db, registry.events, readBytes),
    feedBytes: options.commitFeedBytes,
    bus,
    states,
    processes: [...registry.processes.values()],
    effects: [...registry.effects.values()],
    adapters: options.adapters ?? [],
    head: projector.head,
    look: async () => {
      await projector.look();
      processes.wake();
    },
    hub: projector.hub,
    role: options.projector,
    registry,
    limits: options.processLimits,
    onError,
  });
  admission.watchProcesses((initiator) => processes.crowdedBy(initiator));
  const clockCheck = new ClockCheck({
    ...{ db: database.watch.db, clock, obstacles, head: projector.head, limitMs: options.clockSkewLimitMs ?? 0 },
    onError: (error) => onError(error, { part: 'clock' }),
  });
  const readTables = new ReadTables({
    db: database.owner.db,
    projections: [...registry.projections.values()],
    makes: options.makesReadTables ?? true,
    grant: database.grantRights,
    onError: (error) => onError(error, { part: 'read tables' }),
  });
  const watch = new EngineWatch({
    db: database.watch.db,
    clock,
    clockCheck,
    projector,
    queue,
    processes,
    admission,
    onNotice,
  });
  return {
    registry,
    bus,
    queue,
    log,
    projector,
    processes,
    readSide: replica ?? { positions: projector.positions, hub: projector.hub, isReplica: false },
    tokens: new Tokens(database.epoch),
    deadLetters: new DeadLetters({
      db: database.projector.db,
      projections: registry.projections.values(),
      events: registry.events,
      onChanged: () => projector.hurry(),
    }),
    watch,
    clock,
    obstacles,
    start: async () => {
      await clock.start();
      await readTables.ensure();
      await projector.start();
      await processes.start();
      await replica?.start();
      wakeUp.start();
      watch.start();
    },
    drain: async () => {
      // They issue commands.
      await processes.stop();
      await bus.close();
      await queue.close();
      await snapshots.settled();
    },
    stop: async () => {
      watch.stop();
      clock.stop();
      replica?.stop();
      readTables.stop();
      await projector.stop();
      await wakeUp.close();
    },
  };
}

function openAside(database: AfterwriteDatabase, { events }: Registry, readBytes: number | undefined): Aside {
  const { projector, owner } = database.openAside();
  return {
    projector: projector.db,
    owner: owner.db,
    log: new LogReader(projector.db, events, readBytes),
    events,
    close: async () => {
      await Promise.all([projector.close(1000), owner.close(1000)]);
    },
  };
}

function followReplica(
  { epoch, reader }: AfterwriteDatabase,
  pool: Pool,
  { positions, hub }: Projector,
  { maxWaiters = 10_000, maxWaitersPerCaller, onError }: EngineOptions,
): Replica {
  const replica = new Replica({
    db: pool.db,
    epoch,
    projections: positions.names,
    projected: hub,
    maxWaiters,
    maxWaitersPerCaller,
    onError,
  });
  for (const { onConnectionEnd } of [pool, reader]) onConnectionEnd(() => replica.doubt());
  return replica;
}
