import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { readAgain } from '../../database/transient.ts';
import type { Subject } from '../define/personal/subject.ts';
import { ERASURES } from '../define/subjects/subject-erased.ts';

/** An erasure, as the log has it. */
export interface Erasure {
  /** 1, 2, 3, … */
  readonly number: number;
  /** The event's place in the log. */
  readonly position: number;
  readonly subject: Subject;
}

/** Maximum number of erasures that are read at once. */
const PAGE = 500;

/** Reads the erasures from the log. */
export class Erasures {
  readonly #db: Database;
  readonly #after: (parameters: { number: number }) => Promise<Erasure[]>;

  /** @param db with the rights of the projector. */
  constructor(db: Database) {
    this.#db = db;
    this.#after = prepared(
      db,
      'es_erasures',
      sql`select version as number, position, data->>'subject' as subject from es.events
          where stream_type = ${ERASURES.streamType} and stream_id = ${ERASURES.streamId}::uuid
            and version > ${sql.placeholder('number')} order by version limit ${sql.raw(String(PAGE))}`,
    );
  }

  /** The erasures after this number, the oldest first; at most 500. */
  after(number: number): Promise<Erasure[]> {
    return readAgain(() => this.#after({ number }));
  }

  /** All of them after this number, the oldest first. */
  async allAfter(number: number): Promise<Erasure[]> {
    const all: Erasure[] = [];
    for (let page = await this.after(number); page.length > 0; ) {
      all.push(...page);
      page = await this.after(page.at(-1)?.number ?? 0);
    }
    return all;
  }

  /** The number of the newest erasure; 0 if there is none. */
  async newest(): Promise<number> {
    const [row] = await readAgain(() =>
      this.#db.execute<{ number: number }>(
        sql`select coalesce(max(version), 0) as number from es.events
            where stream_type = ${ERASURES.streamType} and stream_id = ${ERASURES.streamId}::uuid`,
      ),
    );
    return row?.number ?? 0;
  }

  /** The subjects of which events after their erasures have encrypted parts, with the positions of the last ones. */
  async late(erasures: readonly Erasure[]): Promise<ReadonlyMap<string, number>> {
    if (erasures.length === 0) return new Map();
    const since = Math.min(...erasures.map(({ position }) => position));
    const rows = await readAgain(() =>
      this.#db.execute<{ subject: string; last: number }>(
        sql`select ${subjectOfEvent} as subject, max(position) as last from es.events e
            where ${isAbout(erasures.map(({ subject }) => subject))} and position > ${since}
              and e.data->'$personal' ? 'parts'
            group by 1`,
      ),
    );
    const positions = new Map<string, number>(erasures.map(({ subject, position }) => [subject, position]));
    return new Map(
      rows.flatMap(({ subject, last }) =>
        Number(last) > (positions.get(subject) ?? 0) ? [[subject, Number(last)]] : [],
      ),
    );
  }

  /** The types of the events that are about these subjects. */
  async typesOf(subjects: readonly Subject[]): Promise<ReadonlySet<string>> {
    const types = new Set<string>();
    for (let from = 0; from < subjects.length; from += PAGE) {
      const rows = await readAgain(() =>
        this.#db.execute<{ type: string }>(
          sql`select distinct type from es.events e where ${isAbout(subjects.slice(from, from + PAGE))}`,
        ),
      );
      for (const { type } of rows) types.add(type);
    }
    return types;
  }
}

/** Whom an event `e` is about, as it is stored with its encrypted parts; null if it has none. */
export const subjectOfEvent = sql.raw(`(e.data->'$personal'->>'of')`);

/** True for an event `e` that is about one of these subjects. The index of subjects finds it. */
export function isAbout(subjects: readonly Subject[]): SQL {
  if (subjects.length === 0) return sql`false`;
  const texts = sql.join(
    subjects.map((subject) => sql`${subject}`),
    sql`, `,
  );
  return sql`e.data ? '$personal' and ${subjectOfEvent} in (${texts})`;
}
