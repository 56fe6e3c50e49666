import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { readAgain } from '../../database/transient.ts';
import { ERASURES } from '../define/subjects/subject-erased.ts';
import { isAbout, subjectOfEvent } from './erasures.ts';
import { parseSubject } from './subject.ts';

/** Whom events are about. */
export interface KnownSubject {
  readonly subject: string;
  /** Number of events that are about them. */
  readonly events: number;
  /** The last time that they were erased; null if never. */
  readonly erasedAt: Date | null;
}

/** One subject in detail. */
export interface SubjectDetails extends KnownSubject {
  readonly firstAt: Date | null;
  readonly lastAt: Date | null;
  readonly types: readonly { readonly type: string; readonly events: number }[];
  readonly erasures: readonly {
    readonly position: number;
    readonly at: Date;
    readonly by: string;
    readonly reason: string;
  }[];
}

/**
 * Subjects that events name, in the order of their names. Those of events from before there was a keyring are not among them.
 * @param after the last subject of the page before; empty for the first page.
 */
export async function knownSubjects(db: Database, after: string, limit: number): Promise<KnownSubject[]> {
  // Leaps from one subject to the next in the index, however many events each has.
  const rows = await readAgain(() =>
    db.execute<{ subject: string; events: number; erased: number | null }>(sql`
      with recursive leap as (
        (select ${subjectOfEvent} as subject from es.events e where data ? '$personal' and ${subjectOfEvent} > ${after}
         order by 1 limit 1)
        union all
        select (select ${subjectOfEvent} from es.events e where data ? '$personal' and ${subjectOfEvent} > leap.subject
                order by 1 limit 1)
        from leap where leap.subject is not null
      )
      select subject, (select count(*)::int from es.events e where data ? '$personal' and ${subjectOfEvent} = subject) as events,
             (select extract(epoch from max(recorded_at))::float8 * 1000 from es.events x
              where ${isErasure} and x.data->>'subject' = subject) as erased
      from (select subject from leap where subject is not null limit ${limit}) page`),
  );
  return rows.map(({ subject, events, erased }) => ({ subject, events, erasedAt: dateOf(erased) }));
}

/** What the log says of one subject, also if no event is about them. @throws {SubjectMalformedError} */
export async function subjectDetails(db: Database, text: string): Promise<SubjectDetails> {
  const subject = parseSubject(text);
  const types = await readAgain(() =>
    db.execute<{ type: string; events: number; first: number; last: number }>(sql`
      select type, count(*)::int as events, extract(epoch from min(occurred_at))::float8 * 1000 as first,
             extract(epoch from max(occurred_at))::float8 * 1000 as last
      from es.events e where ${isAbout([subject])} group by type order by type`),
  );
  const erasures = await readAgain(() =>
    db.execute<{ position: number; at: number; by: string; reason: string }>(sql`
      select position, extract(epoch from recorded_at)::float8 * 1000 as at, metadata->'actor'->>'id' as by,
             data->>'reason' as reason
      from es.events x where ${isErasure} and data->>'subject' = ${subject} order by version`),
  );
  const at = (pick: (...times: number[]) => number, times: readonly number[]) =>
    dateOf(times.length > 0 ? pick(...times) : null);
  return {
    subject,
    events: types.reduce((sum, { events }) => sum + events, 0),
    erasedAt: dateOf(erasures.at(-1)?.at ?? null),
    firstAt: at(
      Math.min,
      types.map(({ first }) => first),
    ),
    lastAt: at(
      Math.max,
      types.map(({ last }) => last),
    ),
    types: types.map(({ type, events }) => ({ type, events })),
    erasures: erasures.map(({ at: time, position, ...rest }) => ({
      ...rest,
      position: Number(position),
      at: new Date(Math.round(time)),
    })),
  };
}

const isErasure = sql`x.stream_type = ${ERASURES.streamType} and x.stream_id = ${ERASURES.streamId}::uuid`;

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(Math.round(ms));
}
