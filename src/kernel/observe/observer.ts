import type { CommandOutcome } from '../define/command-outcome.ts';
import type { Obstacle } from '../obstacles.ts';
import type { LagState } from '../read/status/lag.ts';
import type { Stall } from './stall.ts';

/** How a command ended: its outcome, or the kind of its error. */
export type CommandEnd =
  | CommandOutcome['kind']
  /** Accepted before: the first receipt again. */
  | 'replayed'
  | 'unauthenticated'
  | 'forbidden'
  | 'throttled'
  /** The database stayed away: nobody knows whether it was appended. */
  | 'unknown'
  /** A fault. */
  | 'failed';

export interface CommandAnswered {
  readonly command: string;
  readonly kind: CommandEnd;
  /** From taking it to answering it, in ms. */
  readonly ms: number;
  readonly correlationId: string | undefined;
  /** If the client gave one, or it was accepted. */
  readonly commandId: string | undefined;
  /** If it was accepted. */
  readonly aggregateId: string | undefined;
  /** Position of its last event, if it was accepted. */
  readonly position: number | undefined;
  /** The code of its rejection. */
  readonly code: string | undefined;
}

/** How the appends of one group commit ended. */
export interface AppendedBatch {
  readonly appends: number;
  /** Events that it has put into the log. */
  readonly events: number;
  /** From sending it to knowing the outcome, with all attempts and the pauses between them, in ms. */
  readonly ms: number;
  /** How long its first append waited for the batch before, in ms. */
  readonly waitedMs: number;
  readonly accepted: number;
  /** Their streams were not at the expected version. */
  readonly conflicts: number;
  /** Their commands were in the log already. */
  readonly replayed: number;
  /** Their command ids were used for something else. */
  readonly reused: number;
  /** Refused by a fault, or without an outcome. */
  readonly failed: number;
}

/** One batch of a projection: committed and visible to queries. */
export interface FoldedBatch {
  readonly projection: string;
  readonly events: number;
  /** Rows that changed. */
  readonly rows: number;
  /** The projection's position afterwards. */
  readonly position: number;
  /** From its first statement to its commit, in ms. */
  readonly ms: number;
  /** From recording its oldest event to making it visible, in ms. */
  readonly lagMs: number;
}

/** An attempt to append a batch failed and is made again. */
export interface AppendRetried {
  readonly error: unknown;
  readonly attempt: number;
}

/** A read model that is further behind than it was, or no longer. */
export interface LagChange {
  readonly projection: string;
  readonly from: LagState;
  readonly to: LagState;
  /** Events. */
  readonly lag: number;
  readonly lagMs: number;
}

/** This instance moves other read models than before: leases came or went. */
export interface LeasesChanged {
  readonly taken: readonly string[];
  readonly left: readonly string[];
}

/** Something stands in the way of every command, or no longer. */
export interface ObstacleChanged {
  readonly obstacle: Obstacle;
  readonly isOver: boolean;
}

/** Something stands still, for another reason than before, or goes on again. */
export interface StallChanged {
  readonly stall: Stall;
  readonly isOver: boolean;
}

/** A fault that the engine deals with by itself. */
export interface FaultMet {
  readonly error: unknown;
  /** `part` names the part of the engine; the other facts depend on it. */
  readonly context: Readonly<Record<string, unknown>>;
}

/**
 * All that the engine tells, by name. There is at most one occurrence for a command or a batch, and none for an event. What can
 * be asked at any time (queue depth, positions, waiters) is not told.
 */
export interface Occurrences {
  readonly commandAnswered: CommandAnswered;
  readonly batchAppended: AppendedBatch;
  readonly appendRetried: AppendRetried;
  readonly batchFolded: FoldedBatch;
  readonly lagChanged: LagChange;
  readonly leasesChanged: LeasesChanged;
  /** This machine's clock and Postgres' differ by another order of magnitude than before, in ms; positive if this one is ahead. */
  readonly clockSkewed: { readonly skewMs: number };
  /** Postgres' clock was set, or one of the two machines slept, by so many ms; positive if it went forward. */
  readonly clockStepped: { readonly stepMs: number };
  readonly obstacleChanged: ObstacleChanged;
  readonly stallChanged: StallChanged;
  readonly faultMet: FaultMet;
}

type Name = keyof Occurrences;

/** Told of the occurrences for which it has a method. A method returns at once and does not throw. */
export type EngineSubscriber = { readonly [Key in Name]?: (occurrence: Occurrences[Key]) => void };

const NAMES = Object.keys({
  commandAnswered: 0,
  batchAppended: 0,
  appendRetried: 0,
  batchFolded: 0,
  lagChanged: 0,
  leasesChanged: 0,
  clockSkewed: 0,
  clockStepped: 0,
  obstacleChanged: 0,
  stallChanged: 0,
  faultMet: 0,
} satisfies Record<Name, 0>) as Name[];

/** Tells subscribers what happens, each only what it has a method for. What nobody has a method for costs one look-up. */
export class Observer {
  readonly #subscribers: ReadonlyMap<Name, readonly EngineSubscriber[]>;

  constructor(subscribers: readonly EngineSubscriber[] = []) {
    this.#subscribers = new Map(
      NAMES.map((name) => [name, subscribers.filter((subscriber) => subscriber[name])] as const).filter(
        ([, subscribed]) => subscribed.length > 0,
      ),
    );
  }

  /** Whether anybody is told of this. Ask before you gather facts that nobody wants. */
  hears(name: Name): boolean {
    return this.#subscribers.has(name);
  }

  tell<Key extends Name>(name: Key, occurrence: Occurrences[Key]): void {
    for (const subscriber of this.#subscribers.get(name) ?? []) subscriber[name]?.(occurrence);
  }
}

/** Tells nobody. */
export const unobserved = new Observer();
