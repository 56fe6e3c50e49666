import { type Pool, SILENT_AFTER_MS } from '../database/client.ts';
import type { AfterwriteDatabase } from '../database/database.ts';
import { ActiveCallers } from '../scheduling/active-callers.ts';
import { EngineAudit } from './audit/engine-audit.ts';
import { ClockCheck } from './clock/clock-check.ts';
import { clockOf, DatabaseClock, type EngineClock } from './clock/database-clock.ts';
import { refuseMistakes } from './define/definition-error.ts';
import { personalMistakes } from './define/registration/personal-mistakes.ts';
import type { Registry } from './define/registration/registry.ts';
import { registryOfTenant } from './define/registration/registry-of-tenant.ts';
import type { EngineOptions } from './engine-options.ts';
import { EngineWatch } from './engine-watch.ts';
import { AppendQueue } from './log/append/append-queue.ts';
import { CommitFeed, FEED_LIMIT } from './log/commit-feed.ts';
import { EventLog } from './log/event-log.ts';
import { LogReader } from './log/log-reader.ts';
import { Snapshots } from './log/streams/snapshots.ts';
import { Fingerprints } from './notify/fingerprints.ts';
import { WakeUp } from './notify/wake-up.ts';
import { type EngineObserver, unobserved } from './observe/occurrences.ts';
import { Obstacles } from './obstacles.ts';
import { SealingQueue } from './privacy/sealing-queue.ts';
import { SubjectKeys } from './privacy/subject-keys.ts';
import { ProcessManager } from './process/manager.ts';
import { adviceOn, changedFolds } from './read/fold-source/fold-check.ts';
import { cancelRebuild } from './read/rebuild/begin-rebuild.ts';
import type { DedicatedPools } from './read/rebuild/dedicated-pools.ts';
import { Replica } from './read/replica/replica-read-side.ts';
import { Projector } from './read/run/projector.ts';
import { aftermathIn } from './read/status/aftermath.ts';
import { ReadTables } from './read/tables/read-tables.ts';
import { StorableRows } from './storable.ts';
import { ErasureWatch } from './subjects/erasure-watch.ts';
import { Erasures } from './subjects/erasures.ts';
import { keptForDays } from './subjects/retention.ts';
import { Admission } from './write/admission/admission.ts';
import { CommandWindows, windowLimits } from './write/admission/command-window.ts';
import { CommandBus } from './write/command-bus.ts';
import { idRulesOf } from './write/id-rules.ts';
import { StreamStates } from './write/state/stream-states.ts';

/** The tools that every part of an engine needs. */
export interface EngineCore {
  readonly options: EngineOptions;
  readonly database: AfterwriteDatabase;
  readonly registry: Registry;
  readonly observer: EngineObserver;
  readonly clock: EngineClock;
  readonly obstacles: Obstacles;
  /** The newest events of this instance, for everything that follows the log. */
  readonly feed: CommitFeed;
  /** What they tell each other instead of values of rows; undefined if they share no secret. */
  readonly fingerprints: Fingerprints | undefined;
  /** How instances notify each other. */
  readonly wakeUp: WakeUp;
  /** Follows the erasures in the log; undefined if personal data is not encrypted. */
  readonly erasures: ErasureWatch | undefined;
  /** True if the connections of the projector's pool answer. */
  readonly canWork: () => boolean;
  /** The keys of personal data; undefined if there is no keyring. */
  readonly keys: SubjectKeys | undefined;
}

/**
 * Opens what every part needs.
 * @throws {DefinitionError} SUBJECT_MISSING, PART_UNERASABLE if there is a keyring, and the definitions do not say enough to erase people.
 */
export function openCore(options: EngineOptions): EngineCore {
  const { database, domains } = options;
  const { observer = unobserved } = options;
  const ofPostgres = new DatabaseClock({
    ask: clockOf(database.watch.db),
    observer,
  });
  const clock = options.clock?.(ofPostgres) ?? ofPostgres;
  const registry = registryOfTenant(domains, database.tenant);
  if (options.keyring) refuseMistakes(personalMistakes(registry));
  const erasures = new Erasures(database.projector.db);
  const keys = options.keyring && new SubjectKeys(database.writer.db, database.owner.db, options.keyring);
  return {
    options,
    database,
    registry,
    observer,
    clock,
    obstacles: new Obstacles((obstacle, isOver) => observer.tell('obstacleChanged', { obstacle, isOver })),
    feed: new CommitFeed(FEED_LIMIT, options.commitFeedBytes),
    fingerprints: database.notificationKey && new Fingerprints(database.notificationKey),
    wakeUp: new WakeUp({ ...database.wakeUp, observer }),
    erasures: keys && new ErasureWatch({ erasures, owner: database.owner.db, kept: keptForDays(registry), observer }),
    canWork: () => database.projector.silentMs() < SILENT_AFTER_MS,
    keys,
  };
}

/** Reads the log with the projector's role. */
function readerOn(pool: Pool, { registry, options, keys }: EngineCore): LogReader {
  return new LogReader(pool.db, registry.events, { pageBytes: options.logReadBytes, keys });
}

/** Creates the tables of the read models. */
export function openReadTables({ options, database, registry, observer }: EngineCore): ReadTables {
  return new ReadTables({
    db: database.owner.db,
    leases: database.leases.db,
    keepMs: options.keepReadModelsForMs ?? 0,
    projections: [...registry.projections.values()],
    grant: database.grantRights,
    observer,
  });
}

/** Tells of read models whose handlers have changed under the same version, or fills them again. */
export async function checkFolds(core: EngineCore, { rebuilds }: Projector): Promise<void> {
  const { options, database, registry, observer } = core;
  if (options.projector === 'off') return;
  const isRebuilt = options.rebuildsChangedFolds ?? false;
  try {
    for (const projection of await changedFolds(database.owner.db, [...registry.projections.values()])) {
      if (isRebuilt) {
        // One that is under way was begun with the former handlers.
        await cancelRebuild(database.owner.db, projection);
        await rebuilds.begin(projection);
      }
      const { name, version } = projection;
      observer.tell('foldChanged', { projection: name, version, isRebuilt, message: adviceOn(projection) });
    }
  } catch (error) {
    observer.tell('faultMet', { error, context: { part: 'fold check' } });
  }
}

/** Runs the projections. */
export function openProjector(core: EngineCore): Projector {
  const { options, database, registry, observer, clock, obstacles, feed, fingerprints, wakeUp, canWork } = core;
  const projector = new Projector({
    db: database.projector.db,
    leases: database.leases.db,
    canWork,
    log: readerOn(database.projector, core),
    feed,
    openDedicated: () => openDedicated(core),
    projections: [...registry.projections.values()],
    beforeFill: () => core.erasures?.check() ?? Promise.resolve(),
    batchLimit: options.projectionBatchLimit ?? 2000,
    // The other half of the connections is for live read models and processes.
    fillsAtOnce: Math.max(1, Math.floor(database.projector.size / 2)),
    deadLetterLimit: options.deadLetterLimit,
    maxWaiters: options.maxWaiters ?? 10_000,
    maxWaitersPerCaller: options.maxWaitersPerCaller,
    role: options.projector,
    fingerprints,
    hasReplica: database.replica !== undefined,
    others: wakeUp,
    ...{ observer, clock },
    onLost: (reason) => obstacles.set('log', reason),
  });
  database.projector.onConnectionEnd(() => projector.invalidate());
  return projector;
}

function openDedicated(core: EngineCore): DedicatedPools {
  const { projector, owner } = core.database.openDedicated();
  return {
    projector: projector.db,
    owner: owner.db,
    log: readerOn(projector, core),
    events: core.registry.events,
    keys: core.keys,
    close: async () => {
      await Promise.all([projector.close(1000), owner.close(1000)]);
    },
  };
}

/** Follows the replica that queries read from; undefined if they read from the primary. */
export function followReplica(
  { database, registry, options, observer }: EngineCore,
  { hub, positions }: Projector,
): Replica | undefined {
  const { epoch, reader, replica: pool } = database;
  if (!pool) return undefined;
  const replica = new Replica({
    db: pool.db,
    epoch,
    projections: [...registry.projections.values()],
    projected: hub,
    primary: positions,
    maxWaiters: options.maxWaiters ?? 10_000,
    maxWaitersPerCaller: options.maxWaitersPerCaller,
    observer,
  });
  positions.mirrorEnds(replica.positions);
  for (const { onConnectionEnd } of [pool, reader]) onConnectionEnd(() => replica.invalidate());
  return replica;
}

export interface WriteSide {
  readonly log: EventLog;
  readonly queue: AppendQueue;
  readonly snapshots: Snapshots;
  readonly states: StreamStates;
  readonly admission: Admission;
  readonly bus: CommandBus;
}

/** Accepts commands. Committed events go to the feed, to the projector and to other instances. */
export function openWriteSide(core: EngineCore, projector: Projector): WriteSide {
  const { options, database, registry, observer, obstacles, feed, wakeUp, keys, clock } = core;
  const { db } = database.writer;
  const log = new EventLog(db, registry.events, {
    idRules: idRulesOf(registry),
    clockLimitMs: options.clockSkewLimitMs,
    pageBytes: options.logReadBytes,
    keys,
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
      feed.push(events);
      projector.committed(events, position);
      wakeUp.appended(position, events.at(-1)?.recordedAt);
    },
    observer,
  });
  const snapshots = new Snapshots(db, observer, keys);
  const states = new StreamStates(log, options.stateCacheSize ?? 10_000, snapshots, options.stateCacheBytes);
  const admission = new Admission(options.throttleLagMs ?? 0, options.fairLagMs ?? 0);
  const { whyNot: whyNotStorable } = new StorableRows([...registry.projections.values()]);
  const activeCallers = options.activeCallers ?? new ActiveCallers();
  const windows = new CommandWindows(activeCallers, windowLimits(options), aftermathIn(projector));
  const sealing = keys && { keys, now: () => clock.now() };
  const sealed = keys ? new SealingQueue(queue, keys, observer) : queue;
  const bus = new CommandBus({
    ...{ obstacles, log, queue: sealed, states, windows, admission, whyNotStorable, sealing, observer },
  });
  return { log, queue, snapshots, states, admission, bus };
}

/** Runs processes and effects. */
export function openProcesses(
  core: EngineCore,
  projector: Projector,
  { bus, states, admission }: WriteSide,
): ProcessManager {
  const { options, database, registry, feed, canWork, observer } = core;
  const processes = new ProcessManager({
    db: database.projector.db,
    writer: database.writer.db,
    leases: database.leases.db,
    canWork,
    log: readerOn(database.projector, core),
    feed,
    bus,
    states,
    processes: [...registry.processes.values()],
    effects: [...registry.effects.values()],
    adapters: options.adapters ?? [],
    head: projector.head,
    hub: projector.hub,
    role: options.projector,
    registry,
    limits: options.processLimits,
    observer,
  });
  admission.watchProcesses((initiator) => processes.crowdedBy(initiator));
  return processes;
}

/** Chains what is older than the chain, and signs heads. */
export function openAudit({ options, database, clock, observer }: EngineCore): EngineAudit {
  const { db } = database.projector;
  return new EngineAudit({ db, signing: options.signing, now: () => clock.now(), observer });
}

/** Checks at intervals if everything is well. */
export function openWatch(
  { options, database, clock, obstacles, observer }: EngineCore,
  projector: Projector,
  { queue, admission }: WriteSide,
  processes: ProcessManager,
): EngineWatch {
  const { db } = database.watch;
  const clockCheck = new ClockCheck({
    db,
    clock,
    obstacles,
    head: projector.head,
    limitMs: options.clockSkewLimitMs ?? 0,
    observer,
  });
  const hidesBlockers = database.tenant !== undefined;
  return new EngineWatch({ db, hidesBlockers, clock, clockCheck, projector, queue, processes, admission, observer });
}
