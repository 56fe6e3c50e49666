import type { EventMetadata, RecordedEvent } from '../../define/event.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { type KeyLookup, type PartToSeal, sealData } from '../../privacy/sealed-data.ts';
import type { CommandIdentity } from '../../write/command-identity.ts';
import { newId } from '../new-id.ts';

/** Events of one command for one stream, accepted or refused together. Without events, the log stores the receipt. */
export interface Append extends CommandIdentity {
  readonly streamType: string;
  readonly streamId: string;
  /** The version that the stream must have; null for any. */
  readonly expectedVersion: number | null;
  readonly metadata: EventMetadata;
  /** The caller whose share of the queue it takes; the initiator by default. Not stored. */
  readonly caller?: string | undefined;
  /** Business time, if it is not now. The store limits it to the time between the stream's last event and now. */
  readonly occurredAt?: Date | undefined;
  readonly events: readonly AppendEvent[];
  /** Approximate memory of the events, if already known. */
  readonly bytes?: number | undefined;
  /** Other streams that must not have changed since the decision; otherwise the append conflicts. */
  readonly held?: readonly HeldStream[];
  /** Has the keys that its events need, if they have personal parts to encrypt. */
  readonly keys?: KeyLookup;
}

/** A stream and the version that it must have; 0 if it must have no events. */
export interface HeldStream {
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
}

export interface AppendEvent {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
  /** Whom it is about, and the parts that are encrypted; undefined without a keyring, or if it is about nobody. */
  readonly seal?: { readonly subject: Subject; readonly parts: readonly PartToSeal[] } | undefined;
}

/**
 * The data of an event as the log stores it.
 * @param before the stream's version before the append.
 */
export function storedData(append: Append, nth: number, before = append.expectedVersion): unknown {
  const { streamType, streamId, keys } = append;
  const { data, seal } = append.events[nth] as AppendEvent;
  if (!seal) return data;
  // Personal parts are bound to their place.
  if (before === null) throw new Error(`An append about ${seal.subject} needs an expected version.`);
  return sealData(data, seal, { streamType, streamId, version: before + nth + 1 }, keys ?? (() => 'lost'));
}

/**
 * Ids for an append's events, or one for its receipt if it has no events. They are created once and used in all
 * attempts: the log recognises by them what was committed by an attempt whose answer was lost.
 */
export function newEventIds(append: Append): readonly string[] {
  return append.events.length === 0 ? [newId()] : append.events.map(() => newId());
}

/** The place of an accepted command in the log. */
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
  /** The same command was accepted before, at this place. */
  | ({ readonly outcome: 'replayed' } & Accepted)
  /** The command id was used before, for something else or by somebody else. */
  | { readonly outcome: 'reused' }
  /** The stream cannot begin: an aggregate of another type has its id. */
  | { readonly outcome: 'taken' }
  /** The stream is not at the expected version, or a held stream has changed. */
  | { readonly outcome: 'conflict' };

/** The outcome for a command id that was used before. */
export type KnownCommand = Extract<AppendOutcome, { outcome: 'replayed' | 'reused' }>;
