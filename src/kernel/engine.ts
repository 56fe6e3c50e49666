import type { EngineAudit } from './audit/engine-audit.ts';
import type { EngineClock } from './clock/database-clock.ts';
import { Tokens } from './consistency/token.ts';
import type { Registry } from './define/registration/registry.ts';
import type { EngineOptions } from './engine-options.ts';
import {
  checkFolds,
  followReplica,
  openAudit,
  openCore,
  openProcesses,
  openProjector,
  openReadTables,
  openWatch,
  openWriteSide,
} from './engine-parts.ts';
import type { EngineWatch } from './engine-watch.ts';
import type { AppendQueue } from './log/append/append-queue.ts';
import type { EventLog } from './log/event-log.ts';
import type { Fingerprints } from './notify/fingerprints.ts';
import type { Obstacles } from './obstacles.ts';
import { claimKeyring } from './privacy/claim-keyring.ts';
import { SubjectIndex } from './privacy/subject-index.ts';
import type { SubjectKeys } from './privacy/subject-keys.ts';
import type { ProcessManager } from './process/manager.ts';
import { DeadLetters } from './read/dead-letters/dead-letters.ts';
import type { ReadSide } from './read/replica/read-side.ts';
import type { Projector } from './read/run/projector.ts';
import { openSubjects } from './subjects/open-subjects.ts';
import type { Subjects } from './subjects/subjects.ts';
import type { CommandBus } from './write/command-bus.ts';

/**
 * The running kernel of one database: it accepts commands and keeps read models up to date. Knows no GraphQL and no
 * HTTP.
 */
export interface Engine {
  readonly registry: Registry;
  readonly bus: CommandBus;
  readonly queue: Pick<AppendQueue, 'current' | 'depth' | 'limit' | 'oldestWaitMs'>;
  readonly log: EventLog;
  readonly projector: Projector;
  /** The state of processes and effects. */
  readonly processes: Pick<ProcessManager, 'status'>;
  /** The state that queries see: that of the projector, or that of a replica. */
  readonly readSide: ReadSide;
  readonly tokens: Tokens;
  /** Makes the fingerprints of former rows; undefined if instances tell each other nothing of these. */
  readonly fingerprints: Fingerprints | undefined;
  /** The keys of personal data; undefined if there is no keyring. */
  readonly keys: SubjectKeys | undefined;
  /** The events that could not be applied. */
  readonly deadLetters: DeadLetters;
  /** The people whom events are about. */
  readonly subjects: Subjects;
  /** The current stalls, with their reasons. */
  readonly watch: Pick<EngineWatch, 'stalls'>;
  /** How far the proof of the log is. */
  readonly audit: Pick<EngineAudit, 'signing'>;
  /** Why commands are refused, if they are. */
  readonly obstacles: Pick<Obstacles, 'reasons'>;
  /** The time of Postgres, which deadlines, lags and ages are based on. */
  readonly clock: Pick<EngineClock, 'now' | 'at' | 'skewMs'>;
  /** Starts the projections, processes and effects. */
  start(): Promise<void>;
  /** Accepts no more commands, and resolves when every accepted one is answered. */
  drain(): Promise<void>;
  /** Stops the projections after the batches in progress. The pools belong to the caller, and stay open. */
  stop(): Promise<void>;
}

/** Builds an engine from its parts. */
export function createEngine(options: EngineOptions): Engine {
  const core = openCore(options);
  const { database, registry, clock, obstacles, fingerprints, keys, wakeUp, observer } = core;
  const readTables = openReadTables(core);
  const projector = openProjector(core);
  const replica = followReplica(core, projector);
  const writeSide = openWriteSide(core, projector);
  const { bus, queue, log, snapshots } = writeSide;
  const processes = openProcesses(core, projector, writeSide);
  const { subjects, ...erasing } = openSubjects(core, projector, writeSide);
  const audit = openAudit(core);
  const watch = openWatch(core, projector, writeSide, processes);
  const subjectIndex = new SubjectIndex(database, observer);
  return {
    registry,
    bus,
    queue,
    log,
    projector,
    processes,
    readSide: replica ?? {
      ...{ positions: projector.positions, hub: projector.hub },
      ...{ isReplica: false, arriving: () => [] },
    },
    tokens: new Tokens(database.epoch),
    fingerprints,
    keys,
    deadLetters: new DeadLetters({
      db: database.projector.db,
      projections: registry.projections.values(),
      events: registry.events,
      keys,
      onChanged: () => projector.renewSoon(),
    }),
    subjects,
    watch,
    audit,
    clock,
    obstacles,
    start: async () => {
      await clock.start();
      await claimKeyring(database.writer.db, options.keyring);
      if (keys) subjectIndex.begin();
      await readTables.ensure();
      await projector.start();
      await erasing.start();
      await checkFolds(core, projector);
      readTables.start();
      await processes.start();
      await replica?.start();
      wakeUp.start({
        onNotification: (notification) => projector.onNotification(notification),
        onWake: () =>
          projector.missed().catch((error) => observer.tell('faultMet', { error, context: { part: 'wake-up' } })),
      });
      audit.start();
      watch.start();
    },
    drain: async () => {
      // Processes stop first, because they issue commands.
      await processes.stop();
      await erasing.stop();
      await bus.close();
      await queue.close();
      await snapshots.settled();
    },
    stop: async () => {
      watch.stop();
      subjectIndex.stop();
      clock.stop();
      replica?.stop();
      readTables.stop();
      await audit.stop();
      await projector.stop();
      await wakeUp.close();
    },
  };
}
