import type { EventMetadata, RecordedEvent } from '../../define/event.ts';
import type { CommandIdentity } from '../../write/command-identity.ts';
import { newId } from '../new-id.ts';

/** Events of one command for one stream, accepted or refused together; of none the log keeps the receipt. */
export interface Append extends CommandIdentity {
  readonly streamType: string;
  readonly streamId: string;
  /** The version that the stream must have; null where it does not matter. */
  readonly expectedVersion: number | null;
  readonly metadata: EventMetadata;
  /** Whose share of the queue it takes; the initiator's unless given. It is not stored. */
  readonly caller?: string | undefined;
  /** Business time where it is not now; the store clamps it between the stream's last event and now. */
  readonly occurredAt?: Date | undefined;
  readonly events: readonly AppendEvent[];
  /** What these take in memory, about, if it is known already. */
  readonly bytes?: number | undefined;
  /** Other streams that must be as they were when it was decided; where one is not, it is a conflict. */
  readonly held?: readonly HeldStream[];
}

/** A stream and the version that it must have; 0 where it must have no events. */
export interface HeldStream {
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
}

export interface AppendEvent {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
}

/**
 * Ids for an append's events; where it has none, one for its receipt. Made once for all attempts to append it: by them the log recognises what an attempt whose
 * answer was lost has committed.
 */
export function newEventIds(append: Append): readonly string[] {
  return append.events.length === 0 ? [newId()] : append.events.map(() => newId());
}

/** Where an accepted command stands in the log. */
export interface Accepted {
  readonly streamType: string;
  readonly streamId: string;
  /** The stream's version after the command. */
  readonly version: number;
  /** Position of the command's last event. */
  readonly position: number;
}

export type AppendOutcome =
  | ({ readonly outcome: 'accepted'; readonly events: readonly RecordedEvent[] } & Accepted)
  /** The same command was accepted before; this is where. */
  | ({ readonly outcome: 'replayed' } & Accepted)
  /** The command id was used before, for something else or by somebody else. */
  | { readonly outcome: 'reused' }
  /** The stream cannot begin: an aggregate of another type has its id. */
  | { readonly outcome: 'taken' }
  /** The stream is not at the expected version, or one that is held is not where it was. */
  | { readonly outcome: 'conflict' };

/** What the log knows of a command id that was used before. */
export type KnownCommand = Extract<AppendOutcome, { outcome: 'replayed' | 'reused' }>;
