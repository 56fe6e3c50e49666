import type { Aggregate } from '../define/aggregate.ts';
import type { EventMetadata } from '../define/event.ts';
import type { PersonalPart } from '../define/personal/personal-parts.ts';
import type { Subject } from '../define/personal/subject.ts';
import type { AppendEvent } from '../log/append/append.ts';
import { maskParts, type PartToSeal } from '../privacy/sealed-data.ts';
import type { SubjectKeys } from '../privacy/subject-keys.ts';

const DAY_MS = 86_400_000;

/** What is needed to find out whom events are about and to encrypt what is personal. */
export interface SealingTools {
  readonly keys: Pick<SubjectKeys, 'isKnownGone' | 'hashKey'>;
  /** The time of the engine's clock, in ms since 1970. */
  readonly now: () => number;
}

/** The stream to which events will be appended. */
export interface SealedStream {
  readonly aggregate: Aggregate;
  readonly streamId: string;
  /** The state after the events. */
  readonly state: unknown;
  readonly actor: EventMetadata['actor'];
  /** Whom the event is about that has caused these, or whom the stream's earlier events are about. */
  readonly inherited: Subject | undefined;
}

export interface SealedEvents {
  readonly events: readonly AppendEvent[];
  /** Somebody whom they are about was erased: their personal parts are left out of the events. */
  readonly erased: Subject | undefined;
}

/**
 * Finds out for events that were decided whom they are about, and which parts will be encrypted. In the order of precedence: what the
 * event itself says, what its aggregate says, what has caused it, and what came before it. Personal parts about nobody who is known
 * are about the stream itself, so that nothing personal is ever stored as it is.
 */
export function sealEvents(
  decided: readonly AppendEvent[],
  stream: SealedStream,
  { keys, now }: SealingTools,
): SealedEvents {
  const { aggregate, streamId, state, actor, inherited } = stream;
  let ofAggregate: Subject | undefined;
  let erased: Subject | undefined;
  const events = decided.map((event): AppendEvent => {
    const { type, data } = event;
    const parts = aggregate.personalPartsOf(event);
    const own = aggregate.events[type]?.subjectOf(data, { streamId, actor });
    ofAggregate ??= own ? undefined : aggregate.subjectOf(state, streamId);
    const known = own ?? ofAggregate ?? inherited;
    if (!known && parts.length === 0) return event;
    const subject = known ?? streamSubject(aggregate, streamId);
    const dated = parts.map((part) => kept(part, now));
    const gone = dated.filter(({ until }) => keys.isKnownGone({ subject, until }));
    if (gone.length === 0) return { ...event, seal: { subject, parts: dated } };
    erased = subject;
    const left = dated.filter((part) => !gone.includes(part));
    return { ...event, data: maskParts(data, gone), seal: { subject, parts: left } };
  });
  return { events, erased };
}

/** Stands for a person if nobody knows whom the data of a stream is about. */
export function streamSubject({ name }: Pick<Aggregate, 'name'>, streamId: string): Subject {
  return `${name}/${streamId}`;
}

/** With the last day on which it is kept. */
export function kept(part: PersonalPart, now: () => number): PartToSeal {
  const { keepForDays: days } = part;
  const until = days === undefined ? undefined : new Date(now() + days * DAY_MS).toISOString().slice(0, 10);
  return { ...part, until };
}
