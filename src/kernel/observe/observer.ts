import type { CommandOutcome } from '../define/command-outcome.ts';

/** How a command ended: what it answered, or which error stood in its way. */
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
  /** From being taken to being answered. */
  readonly ms: number;
  readonly correlationId: string | undefined;
  /** Where the client gave one, or it was accepted. */
  readonly commandId: string | undefined;
  /** Where it was accepted. */
  readonly aggregateId: string | undefined;
  /** Of its last event, where it was accepted. */
  readonly position: number | undefined;
  /** Why it was rejected, in the domain's words for programs. */
  readonly code: string | undefined;
}

/** One group commit: how its appends ended. */
export interface AppendedBatch {
  readonly appends: number;
  /** Events that are in the log by it. */
  readonly events: number;
  /** From being sent to the outcome being known, all attempts and the pauses between them. */
  readonly ms: number;
  /** How long its first append had waited for the batch before. */
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
  /** Where the projection is now. */
  readonly position: number;
  /** From its first statement to its commit. */
  readonly ms: number;
  /** How long its oldest event had waited, from being recorded to being visible. */
  readonly lagMs: number;
}

/**
 * Told what the engine does, for metrics and logs. At most one call for a command or a batch, none for an event. What can be
 * asked at any time (queue depth, positions, waiters) is not told. Hooks return at once and do not throw.
 */
export interface Observer {
  commandAnswered(answered: CommandAnswered): void;
  appended(batch: AppendedBatch): void;
  /** An attempt to append a batch failed and is made again. */
  appendRetried(): void;
  folded(batch: FoldedBatch): void;
}

/** Tells all of these. */
export function toAll(observers: readonly Observer[]): Observer {
  return {
    commandAnswered: (answered) => {
      for (const observer of observers) observer.commandAnswered(answered);
    },
    appended: (batch) => {
      for (const observer of observers) observer.appended(batch);
    },
    appendRetried: () => {
      for (const observer of observers) observer.appendRetried();
    },
    folded: (batch) => {
      for (const observer of observers) observer.folded(batch);
    },
  };
}

/** Tells nobody. */
export const unobserved: Observer = {
  commandAnswered: () => {},
  appended: () => {},
  appendRetried: () => {},
  folded: () => {},
};
