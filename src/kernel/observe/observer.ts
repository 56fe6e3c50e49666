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

/** Subscribers could not be told of a change yet, because reading it failed, or one of them threw. Reading is tried again. */
export interface UpdateDelayed {
  readonly error: unknown;
  /** The read model, and the row and position if it is about one. */
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
  readonly updateDelayed: UpdateDelayed;
  /** The database has something to say to an operator while it is set up, as one line. */
  readonly databaseNoticed: { readonly line: string };
}

/** Told of the occurrences for which it has a method. A method returns at once and does not throw. */
export type SubscriberOf<All> = { readonly [Name in keyof All]?: (occurrence: All[Name]) => void };

export type EngineSubscriber = SubscriberOf<Occurrences>;

/**
 * Tells subscribers what happens, each only what it has a method for. What nobody has a method for costs one look-up. It is the
 * one way to be told: layers above the engine add occurrences of their own.
 */
export class Observer<All extends object = Occurrences> {
  readonly #subscribers: readonly SubscriberOf<All>[];
  /** For each occurrence that was asked for so far. */
  readonly #subscribed = new Map<PropertyKey, readonly SubscriberOf<All>[]>();

  constructor(subscribers: readonly SubscriberOf<NoInfer<All>>[] = []) {
    this.#subscribers = subscribers;
  }

  /** Whether anybody is told of this. Ask before you gather facts that nobody wants. */
  hears(name: keyof All): boolean {
    return this.#subscribersOf(name).length > 0;
  }

  tell<Name extends keyof All>(name: Name, occurrence: All[Name]): void {
    for (const subscriber of this.#subscribersOf(name)) subscriber[name]?.(occurrence);
  }

  #subscribersOf(name: keyof All): readonly SubscriberOf<All>[] {
    let subscribed = this.#subscribed.get(name);
    if (!subscribed) {
      subscribed = this.#subscribers.filter((subscriber) => subscriber[name]);
      this.#subscribed.set(name, subscribed);
    }
    return subscribed;
  }
}

/** Tells nobody. */
export const unobserved = new Observer();
