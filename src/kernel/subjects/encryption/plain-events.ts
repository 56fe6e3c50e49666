import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { readAgain } from '../../../database/transient.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { PersonalPart } from '../../define/personal/personal-parts.ts';
import type { Subject } from '../../define/personal/subject.ts';
import type { Registry } from '../../define/registration/registry.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { EventPlace, PartToSeal } from '../../privacy/sealed-data.ts';
import { kept, streamSubject } from '../../write/seal-events.ts';
import { SubjectsOfStreams } from '../export/subjects-of-streams.ts';

export interface PlainEventsParts {
  /** With the rights of the projector. */
  readonly db: Database;
  readonly log: Pick<EventLog, 'readAt' | 'load' | 'head'>;
  readonly registry: Pick<Registry, 'events' | 'aggregates'>;
}

/** An event that is stored as plain text, with whom it is about. */
export interface PlainEvent {
  readonly position: number;
  /** As it is stored. */
  readonly data: unknown;
  readonly subject: Subject;
  readonly parts: readonly PartToSeal[];
  readonly place: EventPlace;
  readonly fingerprint: string | null;
}

export interface PlainBatch {
  readonly events: readonly PlainEvent[];
  /** Positions of events whose personal parts are not where they are in events of today. */
  readonly left: readonly number[];
  /** The last position that was looked at. */
  readonly position: number;
}

interface PlainRow extends Record<string, unknown> {
  readonly position: number;
  readonly data: unknown;
  readonly fingerprint: string | null;
  /** Whom the event is about that has caused it. */
  readonly caused: Subject | null;
  /** Whom the event before it in its stream is about. */
  readonly earlier: Subject | null;
}

/** Events that are in memory at once. */
const AT_ONCE = 200;

/** Finds the plain events that are about somebody, in the order of the log. Those of a batch must be encrypted before the next is read. */
export class PlainEvents {
  readonly #parts: PlainEventsParts;
  readonly #streams: SubjectsOfStreams;

  constructor(parts: PlainEventsParts) {
    this.#parts = parts;
    this.#streams = new SubjectsOfStreams(parts.log, parts.registry);
  }

  async *batches(): AsyncGenerator<PlainBatch> {
    const { position: end } = await this.#parts.log.head();
    for (let after = 0; ; ) {
      const rows = await this.#rows(after, end);
      const last = rows.at(-1);
      if (!last) return;
      after = Number(last.position);
      yield { ...(await this.#batch(rows)), position: after };
    }
  }

  async #batch(rows: readonly PlainRow[]): Promise<Omit<PlainBatch, 'position'>> {
    const decoded = await this.#parts.log.readAt(
      rows.map(({ position }) => Number(position)),
      { onUnreadable: () => {} },
    );
    const byPosition = new Map(decoded.map((event) => [event.position, event]));
    // Whom those before in this batch are about is not stored yet.
    const about = new Map<string, Subject>();
    const events: PlainEvent[] = [];
    const left: number[] = [];
    for (const row of rows) {
      const event = byPosition.get(Number(row.position));
      if (!event) continue;
      const found = await this.#plain(event, row, about);
      if (found === 'left') left.push(event.position);
      else if (found) events.push(found);
    }
    return { events, left };
  }

  async #plain(
    event: RecordedEvent,
    row: PlainRow,
    about: Map<string, Subject>,
  ): Promise<PlainEvent | 'left' | undefined> {
    const { position, type, data, streamType, streamId, version, recordedAt, metadata, eventId } = event;
    const aggregate = this.#parts.registry.aggregates.get(streamType);
    const personal = aggregate?.personalPartsOf({ type, data }) ?? [];
    const stream = `${streamType}/${streamId}`;
    const declared = (await this.#streams.subjectOf(event)) as Subject | undefined;
    const known =
      declared ?? row.caused ?? about.get(metadata.causationId ?? '') ?? row.earlier ?? about.get(stream) ?? undefined;
    if (!known && personal.length === 0) return undefined;
    const subject = known ?? streamSubject({ name: streamType }, streamId);
    about.set(stream, subject);
    about.set(eventId, subject);
    const parts = personalPartsIn(row.data, data, personal);
    if (!parts) return personal.length > 0 ? 'left' : undefined;
    return {
      ...{ position, data: row.data, subject, fingerprint: row.fingerprint },
      parts: parts.map((part) => kept(part, () => recordedAt.getTime())),
      place: { streamType, streamId, version },
    };
  }

  #rows(after: number, end: number): Promise<PlainRow[]> {
    return readAgain(() =>
      this.#parts.db.execute<PlainRow>(sql`
        select e.position, e.data, e.command_fingerprint as fingerprint,
               (select c.data->'$personal'->>'of' from es.events c where c.position < e.position and c.event_id = (e.metadata->>'causationId')::uuid) as caused,
               (select b.data->'$personal'->>'of' from es.events b where b.stream_type = e.stream_type
                and b.stream_id = e.stream_id and b.version = e.version - 1) as earlier
        from es.events e
        where e.position > ${after} and e.position <= ${end} and not e.data ? '$personal' and strpos(e.stream_type, '.') = 0
        order by e.position limit ${sql.raw(String(AT_ONCE))}`),
    );
  }
}

/**
 * The personal parts as they are stored.
 * @param decoded the stored data in the shape of today.
 * @returns undefined if something stored is not in that shape, so that it is not known what of it is personal.
 */
function personalPartsIn(
  stored: unknown,
  decoded: unknown,
  personal: readonly PersonalPart[],
): readonly PersonalPart[] | undefined {
  if (!isRecord(stored) || !isRecord(decoded)) return undefined;
  const isSame = Object.entries(stored).every(([name, value]) => isDeepStrictEqual(value, decoded[name]));
  if (!isSame) return undefined;
  // What a schema adds by default is not stored.
  return personal.filter(({ at }) =>
    Object.keys(stored).some((name) => at === `/${name}` || at.startsWith(`/${name}/`)),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
