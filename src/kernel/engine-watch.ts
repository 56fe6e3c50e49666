import type { Database } from '../database/client.ts';
import type { ClockCheck } from './clock/clock-check.ts';
import type { DatabaseClock } from './clock/database-clock.ts';
import type { AppendQueue } from './log/append/append-queue.ts';
import type { Stall } from './observe/stall.ts';
import { StallWatch, type Watched } from './observe/stall-watch.ts';
import type { Obstacle } from './obstacles.ts';
import type { ProcessManager } from './process/manager.ts';
import type { Projector } from './read/run/projector.ts';
import { type LagChange, LagReport } from './read/status/lag-report.ts';
import type { Admission } from './write/admission.ts';

/** Something that an operator should know and can look up in the status too: told once when it changes. */
export type EngineNotice =
  | { readonly kind: 'lag'; readonly change: LagChange }
  /** This instance moves other read models than before: leases came or went. */
  | { readonly kind: 'moves'; readonly taken: readonly string[]; readonly left: readonly string[] }
  /** This machine's clock and Postgres' differ by another order of magnitude than before; positive if this one is ahead. */
  | { readonly kind: 'clock'; readonly skewMs: number }
  /** Postgres' clock was set, or one of the two machines slept; positive if it went forward. */
  | { readonly kind: 'clock-step'; readonly stepMs: number }
  /** Something stands in the way of every command, or no longer. */
  | { readonly kind: 'obstacle'; readonly obstacle: Obstacle; readonly isOver: boolean }
  /** Something stands still, for another reason than before, or goes on again. */
  | { readonly kind: 'stall'; readonly stall: Stall; readonly isOver: boolean };

export interface EngineWatchParts {
  /** A connection that nothing else can keep busy. */
  readonly db: Database;
  readonly clock: DatabaseClock;
  readonly clockCheck: Pick<ClockCheck, 'look'>;
  readonly projector: Projector;
  readonly queue: AppendQueue;
  readonly processes: Pick<ProcessManager, 'stalls'>;
  readonly admission: Admission;
  readonly onNotice: (notice: EngineNotice) => void;
}

/** How often it looks, in ms. */
const INTERVAL_MS = 250;

/** Looks from time to time at how far behind the projections are and whether anything stands still. One timer an engine. */
export class EngineWatch {
  readonly #parts: EngineWatchParts;
  readonly #stalls: StallWatch;
  readonly #lag: LagReport;
  #moves: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: EngineWatchParts) {
    this.#parts = parts;
    const { db, clock, projector, queue, processes, onNotice } = parts;
    this.#lag = new LagReport((change) => onNotice({ kind: 'lag', change }));
    this.#stalls = new StallWatch({
      db,
      clock,
      watched: [appends(queue), ...projector.watched()],
      known: () => processes.stalls(),
      onStall: (stall, isOver) => onNotice({ kind: 'stall', stall, isOver }),
    });
  }

  /** What stands still, by `append`, the projection's name, `process:` or `effect:` and a name. */
  get stalls(): ReadonlyMap<string, Stall> {
    return this.#stalls.stalls;
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { projector, admission, clockCheck } = this.#parts;
    clockCheck.look();
    const projections = projector.status();
    admission.judge(projections);
    this.#lag.look(projections);
    this.#lookWhatMoves(projections.flatMap(({ name, isOurs }) => (isOurs ? [name] : [])));
    this.#stalls.look();
  }

  #lookWhatMoves(moves: readonly string[]): void {
    const before = this.#moves;
    this.#moves = moves;
    const taken = moves.filter((name) => !before.includes(name));
    const left = before.filter((name) => !moves.includes(name));
    if (taken.length + left.length > 0) this.#parts.onNotice({ kind: 'moves', taken, left });
  }
}

function appends(queue: AppendQueue): Watched {
  return {
    what: 'append',
    underWay: () => {
      if (!queue.underWay) return undefined;
      const { since, first, trouble } = queue.underWay;
      const [event] = first.events;
      const { streamType, streamId } = first;
      const forMs = performance.now() - since;
      return { forMs, trouble, event: event ? { position: null, type: event.type, streamType, streamId } : null };
    },
    isOf: ({ application, query }) => application === 'afterwrite writer' && query.includes('es.append'),
  };
}
