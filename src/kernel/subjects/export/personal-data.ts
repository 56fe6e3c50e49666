import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { readAgain } from '../../../database/transient.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { Registry } from '../../define/registration/registry.ts';
import type { EventLog } from '../../log/event-log.ts';
import { subjectOfEvent } from '../erasures.ts';
import { idOf, parseSubject } from '../subject.ts';
import { SubjectsOfStreams } from './subjects-of-streams.ts';

/** What the log has of a person. */
export interface PersonalEvent {
  readonly position: number;
  readonly type: string;
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
  readonly occurredAt: Date;
  readonly recordedAt: Date;
  /**
   * `about`: it is about them, and `data` is all that is stored. `by`: they did it, or caused it, and it is about somebody else or
   * about nobody; then there is no `data`, because it may be personal data of others, and `summary` has the rest.
   */
  readonly relation: 'about' | 'by';
  /** They did it themselves, or caused it. Others are not named: who they are is their personal data. */
  readonly isOwn: boolean;
  readonly data: unknown;
  readonly summary: string;
}

export interface PersonalDataParts {
  /** With the rights of the projector. */
  readonly db: Database;
  readonly log: Pick<EventLog, 'readAt' | 'load' | 'head'>;
  readonly registry: Pick<Registry, 'events' | 'aggregates'>;
}

/** Positions that one statement looks at, and events that are in memory at once. */
const RANGE = 50_000;
const AT_ONCE = 50;

/**
 * Everything in the log that is about a person, and everything that they did, in order. Events from before there was a keyring
 * do not name their subject: for those, the definitions are asked. The whole log is looked at, a range at a time, with bounded
 * memory; what is appended meanwhile is not part of it.
 * @throws {SubjectMalformedError} or what reading the log throws.
 */
export async function* personalDataOf(
  parts: PersonalDataParts,
  text: string,
  signal: AbortSignal,
): AsyncGenerator<PersonalEvent> {
  const { log, registry } = parts;
  const subject = parseSubject(text);
  const id = idOf(subject);
  const streams = new SubjectsOfStreams(log, registry);
  const { position: end } = await log.head();
  for (let after = 0; after < end; after += RANGE) {
    const positions = await candidates(parts, { subject, id, after, to: Math.min(end, after + RANGE) });
    for (let from = 0; from < positions.length; from += AT_ONCE) {
      signal.throwIfAborted();
      const page = positions.slice(from, from + AT_ONCE);
      // An event that cannot be read is shown as it is stored.
      for (const event of await log.readAt(page, { onUnreadable: () => {} })) {
        const isOwn = event.metadata.actor.id === id || initiatorOf(event.metadata) === id;
        const isAbout = (event.subject ?? (await streams.subjectOf(event))) === subject;
        if (isAbout || isOwn) yield shown(event, isAbout, isOwn);
      }
    }
  }
}

function shown(event: RecordedEvent, isAbout: boolean, isOwn: boolean): PersonalEvent {
  const { position, type, streamType, streamId, version, occurredAt, recordedAt, data, summary } = event;
  return {
    ...{ position, type, streamType, streamId, version, occurredAt, recordedAt, isOwn, summary },
    relation: isAbout ? 'about' : 'by',
    data: isAbout ? data : undefined,
  };
}

/** Positions of events that may be about the person, or that they did. */
async function candidates(
  { db, registry }: PersonalDataParts,
  { subject, id, after, to }: { subject: string; id: string; after: number; to: number },
): Promise<number[]> {
  const personal = Object.values(registry.events).filter(({ personalParts }) => personalParts.exist);
  const types = JSON.stringify(personal.map(({ eventName }) => eventName));
  const rows = await readAgain(() =>
    db.execute<{ position: number }>(sql`
      select position from es.events e where position > ${after} and position <= ${to} and (
        ${subjectOfEvent} = ${subject}
        or metadata->'actor'->>'id' = ${id} or metadata->>'initiator' = ${id}
        or (not data ? '$personal' and type in (select jsonb_array_elements_text(${types}::jsonb))))
      order by position`),
  );
  return rows.map(({ position }) => Number(position));
}
